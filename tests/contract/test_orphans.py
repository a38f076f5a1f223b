"""Films in the spool that no row knows, after a restore: maintenance gives each of them a job."""

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from node.domain.admission.header_rules import AdmissionPolicy, Admitted
from node.domain.hysteresis import Reserve
from node.domain.radiograph.film import Film
from node.domain.workflow.job import JobState
from node.header.read import read_film
from node.maintenance.orphans import WHO, OrphanRecovery
from node.maintenance.tasks import MaintenanceTasks, RetentionPeriods
from node.spool.store import FileSpool
from tests.contract.conftest import Table
from tests.support.wire_films import film, write

HOURS = 3600


class House:
    """A job table, a spool, and maintenance over both."""

    def __init__(self, table: Table, folder: Path) -> None:
        self.table = table
        self.spool = FileSpool(folder, Reserve(0, 0))
        self.spool.prepare()
        self.adopter = OrphanRecovery(
            table.care, table.intake, self.spool, AdmissionPolicy(), lambda: table.now
        )

    def spooled(self, hours: float, **values: object) -> tuple[Film, str]:
        """Put a film into the spool, so many hours ago; return its facts and its key."""
        path = write(film(**values), self.spool.incoming / "one.dcm")
        facts = read_film(path, "MODALITY")
        key = self.spool.store_film(path, facts.digest)
        then = self.table.now.timestamp() - hours * HOURS
        os.utime(self.spool.path(key), (then, then))
        return facts, key

    def purge(self, films: float = 1000) -> None:
        """Let maintenance purge, films kept for so many seconds."""
        kept = timedelta(seconds=films)
        keeping = RetentionPeriods(films=kept, results=kept, rows=timedelta(days=100))
        MaintenanceTasks(
            self.table.care, self.spool, self.adopter, keeping, 500, lambda: self.table.now
        ).purge()

    def keys(self) -> set[str]:
        """Return what lies in the spool."""
        return set(self.spool.keys(float("inf")))


@pytest.fixture
def house(table: Table, tmp_path: Path) -> House:
    """Return an empty house."""
    return House(table, tmp_path / "spool")


def test_an_acknowledged_film_without_a_row_gets_one(house: House) -> None:
    """By the admission that ingest uses: one is to be scored, the other is REJECTED."""
    chest, chest_key = house.spooled(2)
    hand, hand_key = house.spooled(2, BodyPartExamined="HAND")
    house.purge()
    jobs = {job.film.sop_instance_uid: job for job in house.table.desk.recent((), 10)}
    assert jobs[chest.sop_instance_uid].state is JobState.RECEIVED
    assert jobs[chest.sop_instance_uid].film == replace(chest, calling_ae="")
    assert jobs[hand.sop_instance_uid].reason == "body-part"
    assert {job.spool_key for job in jobs.values()} == {chest_key, hand_key} == house.keys()
    history = house.table.desk.show(jobs[chest.sop_instance_uid].id).history
    assert [(one.event, one.who) for one in history] == [("receive", WHO)]


def test_one_that_is_being_received_is_left_to_ingest(house: House) -> None:
    """Its row comes in a moment; the command, with the node at rest, waits for none."""
    house.spooled(0.5)
    house.purge()
    assert house.table.desk.recent((), 10) == []
    assert house.adopter.adopt_all().films == 1


def test_adopting_again_changes_nothing(house: House) -> None:
    """Neither does a film that its sender, never answered, sends again."""
    facts, key = house.spooled(2)
    house.purge()
    house.purge()
    assert house.adopter.adopt_all().films == 0
    assert not house.table.intake.receive(facts, Admitted(), key, house.table.now)
    assert len(house.table.desk.recent((), 10)) == 1


def test_bytes_that_were_spent_are_deleted(house: House) -> None:
    """What a crash left between the row and the file is no film to be scored again."""
    facts, key = house.spooled(2, BodyPartExamined="HAND")
    house.purge()
    content = house.spool.path(key).read_bytes()
    house.table.later(10 * HOURS)
    house.purge(films=0)
    assert house.keys() == set()
    house.spool.path(key).write_bytes(content)
    os.utime(house.spool.path(key), (0, 0))
    house.purge()
    assert house.keys() == set()
    assert len(house.table.desk.recent((), 10)) == 1
    assert house.table.desk.find(facts.sop_instance_uid)


def test_a_result_without_a_row_is_deleted(house: House) -> None:
    """It is built again from its film."""
    key = house.spool.store_result(b"report")
    os.utime(house.spool.path(key), (0, 0))
    house.purge()
    assert house.keys() == set()


@pytest.mark.parametrize("spoil", [b"", b"\0" * 4000, b"more"])
def test_a_damaged_film_is_neither_adopted_nor_deleted(house: House, spoil: bytes) -> None:
    """It may be the only copy of something that was acknowledged: that is for people."""
    _, key = house.spooled(2)
    path = house.spool.path(key)
    path.write_bytes(path.read_bytes() + spoil if spoil == b"more" else spoil)
    os.utime(path, (0, 0))
    house.purge()
    assert house.table.desk.recent((), 10) == []
    assert house.adopter.adopt_all().damaged == (key,)
    assert house.keys() == {key}
