"""The depths of queues are measured and raise alarms, on SQLite and PostgreSQL."""

from pathlib import Path

from structlog.testing import capture_logs

from node.config.sections import RetentionSection
from node.domain.hysteresis import DiskReserve
from node.domain.workflow.delivery import Stored
from node.maintenance.orphans import OrphanRecovery
from node.maintenance.tasks import MaintenanceTasks
from node.spool.store import FileSpool
from tests.contract.conftest import Table
from tests.support.policies import make_admission_policy


def test_depths_count_unscored_films_and_unsettled_results(table: Table) -> None:
    """Results are counted for each destination."""
    assert table.maintenance.queue_depths() == {"films": 0}
    table.analyse(1, destinations=("pacs", "ris"))
    table.receive(2)
    table.receive(3)
    table.claim(limit=1)
    [sent] = table.take("ris", limit=1)
    table.deliveries.settle(sent, Stored(), table.now)
    assert table.maintenance.queue_depths() == {
        "films": 2,
        "results for pacs": 2,
        "results for ris": 1,
    }


def test_a_long_queue_is_logged_once_and_so_is_its_end(table: Table, tmp_path: Path) -> None:
    """The log contains the queue, its depth and the limit."""
    periods = RetentionSection()
    spool = FileSpool(tmp_path, DiskReserve(0, 0))
    orphans = OrphanRecovery(
        table.maintenance, table.intake, spool, make_admission_policy(), lambda: table.now
    )
    tasks = MaintenanceTasks(table.maintenance, spool, orphans, periods, 2, lambda: table.now)
    jobs = [table.receive(number) for number in (1, 2)]
    with capture_logs() as events:
        tasks.check_queue_depths()
        tasks.check_queue_depths()
        table.operator.cancel(jobs[0], "operator", table.now)
        tasks.check_queue_depths()
    assert events == [
        {
            "event": "queue_alarm_raised",
            "log_level": "error",
            "queue": "films",
            "depth": 2,
            "limit": 2,
        },
        {"event": "queue_alarm_cleared", "log_level": "warning", "queue": "films", "depth": 1},
    ]
