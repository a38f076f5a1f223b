"""How much waits, as maintenance sees it, on SQLite and on PostgreSQL alike."""

from datetime import timedelta
from pathlib import Path

from structlog.testing import capture_logs

from node.domain.admission.header_rules import AdmissionPolicy
from node.domain.hysteresis import Reserve
from node.domain.workflow.delivery import Stored
from node.maintenance.orphans import OrphanRecovery
from node.maintenance.tasks import MaintenanceTasks, RetentionPeriods
from node.spool.store import FileSpool
from tests.contract.conftest import Table


def test_depths_count_what_waits_and_what_is_under_way(table: Table) -> None:
    """Films to be scored, and results for each destination; what is settled waits no more."""
    assert table.care.depths() == {"films": 0}
    table.analyse(1, destinations=("pacs", "ris"))
    table.receive(2)
    table.receive(3)
    table.claim(limit=1)
    [sent] = table.take("ris", limit=1)
    table.outbox.settle(sent, Stored(), table.now)
    assert table.care.depths() == {"films": 2, "results for pacs": 2, "results for ris": 1}


def test_a_deep_queue_is_told_once_and_so_is_its_end(table: Table, tmp_path: Path) -> None:
    """For whoever reads the log: which queue, how deep, and what the alarm is set to."""
    keeping = RetentionPeriods(timedelta(1), timedelta(1), timedelta(1))
    spool = FileSpool(tmp_path, Reserve(0, 0))
    adopter = OrphanRecovery(table.care, table.intake, spool, AdmissionPolicy(), lambda: table.now)
    chores = MaintenanceTasks(table.care, spool, adopter, keeping, 2, lambda: table.now)
    jobs = [table.receive(number) for number in (1, 2)]
    with capture_logs() as told:
        chores.watch()
        chores.watch()
        table.desk.cancel(jobs[0], "operator", table.now)
        chores.watch()
    assert told == [
        {"event": "queue_deep", "log_level": "error", "queue": "films", "waiting": 2, "alarm": 2},
        {"event": "queue_eased", "log_level": "warning", "queue": "films", "waiting": 1},
    ]
