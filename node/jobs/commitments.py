"""Storage commitment: settle committed deliveries, and send uncommitted results again."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from node.domain.workflow import retry
from node.domain.workflow.delivery import CommitmentReport, DeliveryEvent, DeliveryState
from node.domain.workflow.retry import RetryPolicy
from node.jobs.tables import delivery
from node.jobs.transitions import Condition, Transition, move_deliveries


def settle_report(
    connection: sa.Connection, report: CommitmentReport, now: datetime, policy: RetryPolicy
) -> int:
    """Settle the deliveries of a commitment report; return the number of settled deliveries."""
    awaiting = [
        delivery.c.transaction_uid == report.transaction_uid,
        delivery.c.state == str(DeliveryState.AWAITING_COMMITMENT),
    ]
    committed = [*awaiting, delivery.c.sop_instance_uid.in_(report.committed)]
    by_pacs = Transition(now, "pacs")
    settled = len(move_deliveries(connection, DeliveryEvent.COMMIT, committed, by_pacs))
    for uid, code in report.failed.items():
        failed = [*awaiting, delivery.c.sop_instance_uid == uid]
        reason = f"the PACS did not commit the object: failure reason {code:#06x}"
        by_pacs = Transition(now, "pacs", reason)
        settled += send_again(connection, DeliveryEvent.REFUSE_COMMITMENT, failed, by_pacs, policy)
    return settled


def send_again(
    connection: sa.Connection,
    trigger: DeliveryEvent,
    conditions: list[Condition],
    transition: Transition,
    policy: RetryPolicy,
) -> int:
    """Schedule deliveries again, or fail deliveries without attempts left; return their number."""
    exhausted = [*conditions, delivery.c.attempt >= policy.attempts]
    failed = move_deliveries(
        connection,
        DeliveryEvent.FAIL,
        exhausted,
        transition,
        error=transition.reason,
        lease_until=None,
    )
    # `trigger` does not apply to the state FAILED, so the failed deliveries do not change.
    scheduled = move_deliveries(
        connection,
        trigger,
        conditions,
        transition,
        error=transition.reason,
        worker="",
        lease_until=None,
        transaction_uid="",
        run_after=transition.at
        + timedelta(seconds=retry.retry_delay(1, policy, retry.draw_jitter())),
    )
    return len(failed) + len(scheduled)
