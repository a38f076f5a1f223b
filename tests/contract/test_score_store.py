"""Scores and densitometry are stored, on SQLite and PostgreSQL."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from models.bundle.intended_use import IntendedUse
from node.domain.admission.header_rules import Admitted
from node.domain.decision.prediction import Probability, Verdict
from node.domain.workflow.delivery import PlannedDelivery
from node.domain.workflow.job import Analysed
from node.jobs.engine import reading
from node.replay.densitometry import Measurement
from node.replay.densitometry_store import DensitometryStore, ImportCounts
from node.replay.replay import StoredScore
from node.replay.score_store import ScoreStore
from tests.contract.conftest import VERDICT, Table, film, results

PATIENT = "aa" * 32
MODEL = "ab" * 32
MARCH = date(2026, 3, 1)


def scored(
    table: Table, number: int, verdict: Verdict = VERDICT, *, sent: bool = False, **facts: Any
) -> int:
    """Settle a film's analysis, with or without pending results; return the job's ID."""
    received = replace(
        film(number), **{"patient": PATIENT, "exposure_date": MARCH, "sex": "F"} | facts
    )
    assert table.intake.receive(received, Admitted(), f"films/{number}", table.now)
    (job,) = table.claim()
    planned = tuple(PlannedDelivery("pacs", result) for result in results(number)) if sent else ()
    assert table.queue.settle(job, Analysed(verdict, planned), table.now)
    return job.id


def stored(table: Table, since: datetime | None = None) -> list[StoredScore]:
    return list(ScoreStore(table.engine).read(MODEL, since))


def test_a_score_has_all_attributes_that_a_policy_uses(table: Table) -> None:
    """Each value of a stored score has the type of the written value."""
    probability = Probability(0.61, 0.25, None)
    job_id = scored(
        table, 1, replace(VERDICT, probability=probability), sent=True, station="ROOM 2"
    )
    expected = StoredScore(
        job_id=job_id,
        received="2026-01-01",
        exposure_date=MARCH,
        sex="F",
        age_years=67.0,
        calling_ae="MODALITY",
        station="ROOM 2",
        patient=PATIENT,
        study="1.2.4.1",
        image=0.61,
        clinical=0.25,
        combined=None,
        finding="present",
        threshold=0.5,
        flagged=True,
        reported=True,
    )
    (score,) = stored(table)
    assert score == expected
    assert [type(value) for value in score[:7]] == [type(value) for value in expected[:7]]


def test_days_are_in_utc(table: Table) -> None:
    """The time zone of the database does not change the day of a film."""
    table.now = datetime(2026, 1, 1, 23, 59, 59, tzinfo=UTC)
    scored(table, 1)
    table.later(1)
    scored(table, 2)
    assert [score.received for score in stored(table)] == ["2026-01-01", "2026-01-02"]


def test_a_known_finding_is_not_flagged(table: Table) -> None:
    scored(table, 1, replace(VERDICT, decision=replace(VERDICT.decision, already_reported=True)))
    assert [(score.finding, score.flagged) for score in stored(table)] == [("present", False)]


def test_rows_of_early_releases_are_read(table: Table) -> None:
    """Rows of early releases have no station, and their decisions have no `known`."""
    scored(table, 1)
    with table.engine.begin() as connection:
        old = {"sex": "F", "age_years": None, "study_instance_uid": "1.2"}
        decision = {"finding": "present", "threshold": 0.5}
        verdict = {"decision": decision, "model": {"digest": MODEL}, "probability": {"image": 0.6}}
        job = sa.table("job", sa.column("film", sa.JSON), sa.column("verdict", sa.JSON))
        connection.execute(sa.update(job).values(film=old, verdict=verdict))
    (score,) = stored(table)
    assert (score.station, score.flagged, score.image, score.combined) == ("", True, 0.6, None)


def test_scores_are_in_order_of_exposure(table: Table) -> None:
    days = [date(2026, 3, 3), date(2026, 3, 1), date(2026, 3, 2)]
    for number, day in enumerate(days, 1):
        scored(table, number, exposure_date=day)
    assert [score.exposure_date for score in stored(table)] == sorted(days)


def test_scores_of_another_bundle_are_counted_but_not_read(table: Table) -> None:
    scored(table, 1)
    scored(table, 2, replace(VERDICT, model=replace(VERDICT.model, digest="cd" * 32)))
    table.receive(3)
    assert ScoreStore(table.engine).count_by_model(None) == {MODEL: 1, "cd" * 32: 1}
    assert len(stored(table)) == 1


def test_intended_uses_are_those_of_the_scoring_bundles(table: Table) -> None:
    """The intended use of a bundle is returned once the bundle has scored a film."""
    assert ScoreStore(table.engine).intended_uses() == set()
    research = replace(VERDICT.model, intended_use=IntendedUse.RESEARCH)
    for number, model in enumerate((VERDICT.model, VERDICT.model, research)):
        scored(table, number, replace(VERDICT, model=model))
    table.receive(9)
    assert ScoreStore(table.engine).intended_uses() == {
        IntendedUse.DEMONSTRATION,
        IntendedUse.RESEARCH,
    }


def test_since_refers_to_the_receipt_of_a_film(table: Table) -> None:
    scored(table, 1)
    since = table.later(10)
    last = scored(table, 2)
    assert [score.job_id for score in stored(table, since)] == [last]
    assert ScoreStore(table.engine).count_by_model(since) == {MODEL: 1}


def test_a_long_read_does_not_delay_writers(table: Table) -> None:
    """If a replay held SQLite's write lock, senders would wait for their answers."""
    scored(table, 1)
    with reading(table.engine) as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM job")) == 1
        table.receive(2)
        assert connection.scalar(sa.text("SELECT count(*) FROM job")) in (1, 2)


class TestOutcomes:
    MEASURED = (
        Measurement(PATIENT, MARCH, "spine", -2.5),
        Measurement(PATIENT, MARCH, "neck", -1.0),
    )

    def test_a_repeated_import_adds_no_rows(self, table: Table) -> None:
        store = DensitometryStore(table.engine)
        assert store.add(self.MEASURED) == ImportCounts(new=2, changed=0, unchanged=0)
        assert store.add(self.MEASURED) == ImportCounts(new=0, changed=0, unchanged=2)
        assert sorted(map(str, store.measurements())) == sorted(map(str, self.MEASURED))

    def test_a_corrected_value_replaces_the_old_one(self, table: Table) -> None:
        store = DensitometryStore(table.engine)
        store.add(self.MEASURED)
        corrected = replace(self.MEASURED[0], t_score=-2.4)
        later = replace(self.MEASURED[0], day=MARCH + timedelta(days=1))
        assert store.add([corrected, later]) == ImportCounts(new=1, changed=1, unchanged=0)
        assert {scan.t_score for scan in store.measurements() if scan.day == MARCH} == {-2.4, -1.0}

    def test_many_rows_are_stored_in_several_statements(self, table: Table) -> None:
        many = [Measurement(f"{n:064x}", MARCH, "neck", -n / 1000) for n in range(2500)]
        store = DensitometryStore(table.engine)
        assert store.add(many).new == len(store.measurements()) == 2500
        assert store.delete_all() == 2500
        assert store.measurements() == []
