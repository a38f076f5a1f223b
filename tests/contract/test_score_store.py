"""Stored scores and densitometry in the database, on both."""

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
from node.replay.densitometry_store import DensitometryStore, Imported
from node.replay.replay import StoredScore
from node.replay.score_store import ScoreStore
from tests.contract.conftest import VERDICT, Table, film, results

ANNA = "aa" * 32
MODEL = "ab" * 32
MARCH = date(2026, 3, 1)


def scored(
    table: Table, number: int, verdict: Verdict = VERDICT, *, sent: bool = False, **facts: Any
) -> int:
    """Settle a film's analysis, with nothing to be sent, or results under way."""
    one = replace(film(number), **{"patient": ANNA, "taken": MARCH, "sex": "F"} | facts)
    assert table.intake.receive(one, Admitted(), f"films/{number}", table.now)
    (job,) = table.claim()
    parcels = tuple(PlannedDelivery("pacs", result) for result in results(number)) if sent else ()
    assert table.queue.settle(job, Analysed(verdict, parcels), table.now)
    return job.id


def stored(table: Table, since: datetime | None = None) -> list[StoredScore]:
    return list(ScoreStore(table.engine).stored(MODEL, since))


def test_a_score_has_all_that_policy_asks_of_a_film(table: Table) -> None:
    """Each value as it went in, and of its own type."""
    probability = Probability(0.61, 0.25, None)
    job_id = scored(
        table, 1, replace(VERDICT, probability=probability), sent=True, station="ROOM 2"
    )
    expected = StoredScore(
        job_id=job_id,
        received="2026-01-01",
        taken=MARCH,
        sex="F",
        age_years=67.0,
        calling_ae="MODALITY",
        station="ROOM 2",
        patient=ANNA,
        study="1.2.4.1",
        image=0.61,
        clinical=0.25,
        combined=None,
        finding="present",
        threshold=0.5,
        flagged=True,
        reported=True,
    )
    (found,) = stored(table)
    assert found == expected
    assert [type(value) for value in found[:7]] == [type(value) for value in expected[:7]]


def test_days_are_those_of_utc(table: Table) -> None:
    """In whatever zone the database lives."""
    table.now = datetime(2026, 1, 1, 23, 59, 59, tzinfo=UTC)
    scored(table, 1)
    table.later(1)
    scored(table, 2)
    assert [one.received for one in stored(table)] == ["2026-01-01", "2026-01-02"]


def test_what_was_known_was_not_flagged(table: Table) -> None:
    scored(table, 1, replace(VERDICT, decision=replace(VERDICT.decision, known=True)))
    assert [(one.finding, one.flagged) for one in stored(table)] == [("present", False)]


def test_rows_of_earlier_versions_are_read(table: Table) -> None:
    """They have no station, and their decisions no `known`."""
    scored(table, 1)
    with table.engine.begin() as connection:
        old = {"sex": "F", "age_years": None, "study_instance_uid": "1.2"}
        decision = {"finding": "present", "threshold": 0.5}
        verdict = {"decision": decision, "model": {"digest": MODEL}, "probability": {"image": 0.6}}
        job = sa.table("job", sa.column("film", sa.JSON), sa.column("verdict", sa.JSON))
        connection.execute(sa.update(job).values(film=old, verdict=verdict))
    (found,) = stored(table)
    assert (found.station, found.flagged, found.image, found.combined) == ("", True, 0.6, None)


def test_they_come_in_the_order_in_which_films_were_taken(table: Table) -> None:
    days = [date(2026, 3, 3), date(2026, 3, 1), date(2026, 3, 2)]
    for number, day in enumerate(days, 1):
        scored(table, number, taken=day)
    assert [one.taken for one in stored(table)] == sorted(days)


def test_another_bundles_scores_are_counted_and_left_out(table: Table) -> None:
    scored(table, 1)
    scored(table, 2, replace(VERDICT, model=replace(VERDICT.model, digest="cd" * 32)))
    table.receive(3)
    assert ScoreStore(table.engine).count(None) == {MODEL: 1, "cd" * 32: 1}
    assert len(stored(table)) == 1


def test_what_their_bundles_are_for_is_known(table: Table) -> None:
    """Each use once; a film that was not scored has no part in it."""
    assert ScoreStore(table.engine).uses() == set()
    research = replace(VERDICT.model, intended_use=IntendedUse.RESEARCH)
    for number, model in enumerate((VERDICT.model, VERDICT.model, research)):
        scored(table, number, replace(VERDICT, model=model))
    table.receive(9)
    assert ScoreStore(table.engine).uses() == {IntendedUse.DEMONSTRATION, IntendedUse.RESEARCH}


def test_since_is_by_when_a_film_came(table: Table) -> None:
    scored(table, 1)
    since = table.later(10)
    last = scored(table, 2)
    assert [one.job_id for one in stored(table, since)] == [last]
    assert ScoreStore(table.engine).count(since) == {MODEL: 1}


def test_a_long_look_keeps_no_writer_waiting(table: Table) -> None:
    """A replay that held SQLite's write lock would keep senders waiting for their answer."""
    scored(table, 1)
    with reading(table.engine) as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM job")) == 1
        table.receive(2)
        assert connection.scalar(sa.text("SELECT count(*) FROM job")) in (1, 2)


class TestOutcomes:
    MEASURED = (
        Measurement(ANNA, MARCH, "spine", -2.5),
        Measurement(ANNA, MARCH, "neck", -1.0),
    )

    def test_what_is_imported_twice_is_there_once(self, table: Table) -> None:
        kept = DensitometryStore(table.engine)
        assert kept.keep(self.MEASURED) == Imported(new=2, changed=0, known=0)
        assert kept.keep(self.MEASURED) == Imported(new=0, changed=0, known=2)
        assert sorted(map(str, kept.all())) == sorted(map(str, self.MEASURED))

    def test_a_corrected_value_takes_the_old_ones_place(self, table: Table) -> None:
        kept = DensitometryStore(table.engine)
        kept.keep(self.MEASURED)
        mended = replace(self.MEASURED[0], t_score=-2.4)
        later = replace(self.MEASURED[0], taken=MARCH + timedelta(days=1))
        assert kept.keep([mended, later]) == Imported(new=1, changed=1, known=0)
        assert {one.t_score for one in kept.all() if one.taken == MARCH} == {-2.4, -1.0}

    def test_many_are_kept_by_several_statements(self, table: Table) -> None:
        many = [Measurement(f"{n:064x}", MARCH, "neck", -n / 1000) for n in range(2500)]
        kept = DensitometryStore(table.engine)
        assert kept.keep(many).new == len(kept.all()) == 2500
        assert kept.forget() == 2500
        assert kept.all() == []
