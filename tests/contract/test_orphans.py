"""After a restore, maintenance creates a job for each orphaned film."""

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from node.config.sections import RetentionSection
from node.domain.admission.header_rules import Admitted
from node.domain.hysteresis import DiskReserve
from node.domain.radiograph.film import Film
from node.domain.workflow.job import JobState
from node.header.read import read_film
from node.maintenance.orphans import ACTOR, OrphanRecovery
from node.maintenance.tasks import MaintenanceTasks
from node.spool.store import FileSpool
from tests.contract.conftest import Table
from tests.support.films import make_film, write_film
from tests.support.policies import make_admission_policy

HOURS = 3600


class Setup:
    """A job table, a spool, and the maintenance of both."""

    def __init__(self, table: Table, folder: Path) -> None:
        self.table = table
        self.spool = FileSpool(folder, DiskReserve(0, 0))
        self.spool.prepare()
        self.orphans = OrphanRecovery(
            table.maintenance, table.intake, self.spool, make_admission_policy(), lambda: table.now
        )

    def spooled(self, hours: float, **values: object) -> tuple[Film, str]:
        """Store a film in the spool as a file that is `hours` old; return the film and its key."""
        path = write_film(make_film(**values), self.spool.incoming / "one.dcm")
        facts = read_film(path, "MODALITY")
        key = self.spool.store_film(path, facts.digest)
        then = self.table.now.timestamp() - hours * HOURS
        os.utime(self.spool.path(key), (then, then))
        return facts, key

    def purge(self, films: float = 1000) -> None:
        """Run a purge, with a retention of films in seconds."""
        period = timedelta(seconds=films)
        periods = RetentionSection(films=period, results=period, rows=timedelta(days=100))
        MaintenanceTasks(
            self.table.maintenance, self.spool, self.orphans, periods, 500, lambda: self.table.now
        ).purge()

    def keys(self) -> set[str]:
        """Return the keys of all files in the spool."""
        return set(self.spool.keys(float("inf")))


@pytest.fixture
def setup(table: Table, tmp_path: Path) -> Setup:
    """Return an empty job table and spool."""
    return Setup(table, tmp_path / "spool")


def test_an_orphaned_film_gets_a_job(setup: Setup) -> None:
    """The admission rules are those of ingest: the chest film waits, and the hand is REJECTED."""
    chest, chest_key = setup.spooled(2)
    hand_film, hand_key = setup.spooled(2, BodyPartExamined="HAND")
    setup.purge()
    jobs = {job.film.sop_instance_uid: job for job in setup.table.operator.recent((), 10)}
    assert jobs[chest.sop_instance_uid].state is JobState.RECEIVED
    assert jobs[chest.sop_instance_uid].film == replace(chest, calling_ae="")
    assert jobs[hand_film.sop_instance_uid].reason == "body-part"
    assert {job.spool_key for job in jobs.values()} == {chest_key, hand_key} == setup.keys()
    history = setup.table.operator.show(jobs[chest.sop_instance_uid].id).history
    assert [(entry.event, entry.actor) for entry in history] == [("receive", ACTOR)]


def test_a_film_that_is_being_received_is_left_to_ingest(setup: Setup) -> None:
    """Ingest may still write the row of this film, unless the node is stopped."""
    setup.spooled(0.5)
    setup.purge()
    assert setup.table.operator.recent((), 10) == []
    assert setup.orphans.recover_all().films == 1


def test_a_second_recovery_changes_nothing(setup: Setup) -> None:
    """A repeated transfer of the recovered film changes nothing either."""
    facts, key = setup.spooled(2)
    setup.purge()
    setup.purge()
    assert setup.orphans.recover_all().films == 0
    assert not setup.table.intake.receive(facts, Admitted(), key, setup.table.now)
    assert len(setup.table.operator.recent((), 10)) == 1


def test_a_file_whose_key_is_cleared_is_deleted(setup: Setup) -> None:
    """A crash can leave a file whose row has no key, and its film is not scored again."""
    facts, key = setup.spooled(2, BodyPartExamined="HAND")
    setup.purge()
    content = setup.spool.path(key).read_bytes()
    setup.table.later(10 * HOURS)
    setup.purge(films=0)
    assert setup.keys() == set()
    setup.spool.path(key).write_bytes(content)
    os.utime(setup.spool.path(key), (0, 0))
    setup.purge()
    assert setup.keys() == set()
    assert len(setup.table.operator.recent((), 10)) == 1
    assert setup.table.operator.find(facts.sop_instance_uid)


def test_a_result_without_a_row_is_deleted(setup: Setup) -> None:
    """A deleted result can be built again from its film."""
    key = setup.spool.store_result(b"report")
    os.utime(setup.spool.path(key), (0, 0))
    setup.purge()
    assert setup.keys() == set()


@pytest.mark.parametrize("spoil", [b"", b"\0" * 4000, b"more"])
def test_a_damaged_film_is_neither_recovered_nor_deleted(setup: Setup, spoil: bytes) -> None:
    """The damaged film may be the only copy of an acknowledged film, so an operator decides."""
    _, key = setup.spooled(2)
    path = setup.spool.path(key)
    path.write_bytes(path.read_bytes() + spoil if spoil == b"more" else spoil)
    os.utime(path, (0, 0))
    setup.purge()
    assert setup.table.operator.recent((), 10) == []
    assert setup.orphans.recover_all().damaged == (key,)
    assert setup.keys() == {key}
