"""What becomes of deliveries when their PACS reports on a storage commitment, or never does."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from node.domain.workflow import retry
from node.domain.workflow.delivery import CommitmentReport, DeliveryEvent, DeliveryState
from node.domain.workflow.retry import RetryPolicy
from node.jobs.tables import delivery
from node.jobs.transitions import Change, move_deliveries


def settle_report(
    connection: sa.Connection,
    report: CommitmentReport,
    now: datetime,
    policy: RetryPolicy,
) -> int:
    """Settle what a report names; an unknown transaction settles nothing and returns 0."""
    where = [
        delivery.c.transaction_uid == report.transaction_uid,
        delivery.c.state == str(DeliveryState.AWAITING_COMMITMENT),
    ]
    committed = [*where, delivery.c.sop_instance_uid.in_(report.committed)]
    settled = len(move_deliveries(connection, DeliveryEvent.COMMIT, committed, Change(now, "pacs")))
    for uid, reason in report.failed.items():
        refused = [*where, delivery.c.sop_instance_uid == uid]
        why = f"the PACS did not commit the object: failure reason {reason:#06x}"
        moved = DeliveryEvent.REFUSE_COMMITMENT
        settled += send_again(connection, moved, refused, Change(now, "pacs", why), policy)
    return settled


def send_again(
    connection: sa.Connection,
    moved: DeliveryEvent,
    where: list[sa.ColumnElement[bool]],
    note: Change,
    policy: RetryPolicy,
) -> int:
    """Put deliveries back in line, or fail those whose attempts are spent; return how many."""
    spent = [*where, delivery.c.attempt >= policy.attempts]
    failed = move_deliveries(
        connection, DeliveryEvent.FAIL, spent, note, error=note.why, lease_until=None
    )
    again = move_deliveries(
        connection,
        moved,
        where,
        note,
        error=note.why,
        worker="",
        lease_until=None,
        transaction_uid="",
        run_after=note.at + timedelta(seconds=retry.wait(1, policy, retry.draw_jitter())),
    )
    return len(failed) + len(again)
