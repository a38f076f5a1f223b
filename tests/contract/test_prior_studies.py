"""What is on record of a patient's earlier films, on both databases."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from node.domain.admission.header_rules import Admitted
from node.domain.decision.prediction import Comparison, Decision, Finding, ScoreKind, Verdict
from node.domain.decision.prior_studies import PriorResult
from node.domain.radiograph.film import Film
from node.domain.workflow.delivery import PlannedDelivery, Stored
from node.domain.workflow.job import Analysed, Job, JobState, NotScored
from node.domain.workflow.retry import Failed
from tests.contract.conftest import VERDICT, Table, film, results

ANNA, BERTA = "aa" * 32, "bb" * 32
MARCH = date(2026, 3, 1)


def of(number: int, **facts: Any) -> Film:
    """Return a film of Anna's, taken in March."""
    return replace(film(number), **{"patient": ANNA, "taken": MARCH, "sex": "F"} | facts)


def claimed(table: Table, one: Film) -> Job:
    """Take in a film and claim it."""
    assert table.intake.receive(one, Admitted(), f"films/{one.digest}", table.now)
    (job,) = table.claim()
    return job


def analysed(table: Table, number: int, verdict: Verdict = VERDICT, **facts: Any) -> Job:
    """Take in one of Anna's films and settle its analysis; its results are under way."""
    job = claimed(table, of(number, **facts))
    sent = tuple(PlannedDelivery("pacs", result) for result in results(number))
    assert table.queue.settle(job, Analysed(verdict, sent), table.now)
    return job


def earlier(table: Table, since: date = date(2025, 3, 1), **facts: Any) -> list[PriorResult]:
    """Return what is on record before a new film of Anna's."""
    return table.queue.earlier(claimed(table, of(99, **facts)), since)


def test_an_earlier_result_is_found_with_what_a_comparison_needs(table: Table) -> None:
    analysed(table, 1, taken=date(2025, 9, 1))
    assert earlier(table) == [
        PriorResult(
            taken=date(2025, 9, 1),
            score=0.61,
            used=ScoreKind.IMAGE,
            model_digest="ab" * 32,
            reported=True,
            sex="F",
            age_years=67.0,
            study=of(1).study_instance_uid,
        )
    ]


def test_the_newest_comes_first(table: Table) -> None:
    """By the day on which it was taken, in whatever order the films came."""
    days = [date(2025, 9, 1), date(2026, 1, 1), date(2025, 5, 1)]
    for number, day in enumerate(days, 1):
        analysed(table, number, taken=day)
    assert [one.taken for one in earlier(table)] == sorted(days, reverse=True)


@pytest.mark.parametrize(
    "facts",
    [
        {"patient": BERTA},
        {"patient": ""},
        {"taken": None},
        {"taken": date(2025, 2, 28)},
        {"taken": date(2026, 3, 2)},
        {"study_instance_uid": "1.2.4.99"},
    ],
    ids=["somebody else", "nobody", "no day", "too long ago", "later", "same study"],
)
def test_other_films_are_none_of_hers(table: Table, facts: dict[str, Any]) -> None:
    """As far as the rule looks back, and not of the same study, whose films are read together."""
    analysed(table, 1, **facts)
    assert earlier(table) == []


@pytest.mark.parametrize("facts", [{"patient": ""}, {"taken": None}])
def test_a_film_of_nobody_or_of_no_day_has_no_earlier_ones(
    table: Table, facts: dict[str, Any]
) -> None:
    """Not even those of other nobodies."""
    analysed(table, 1, patient="", taken=date(2025, 9, 1))
    analysed(table, 2, taken=date(2025, 9, 1))
    assert earlier(table, **facts) == []


def test_of_one_day_the_first_received_is_the_earlier(table: Table) -> None:
    """Two films cannot each be known from the other."""
    first, second = analysed(table, 1), analysed(table, 2)
    since = date(2025, 3, 1)
    assert table.queue.earlier(first, since) == []
    assert [one.taken for one in table.queue.earlier(second, since)] == [MARCH]


def test_what_was_not_scored_says_nothing(table: Table) -> None:
    job = claimed(table, of(1, taken=date(2025, 9, 1)))
    assert table.queue.settle(job, NotScored("pixels", "blank"), table.now)
    assert earlier(table) == []


@pytest.mark.parametrize(
    "decision",
    [
        replace(VERDICT.decision, finding=Finding.ABSENT),
        replace(VERDICT.decision, finding=Finding.UNDETERMINED),
        replace(VERDICT.decision, known=True),
        Decision(Finding.UNDETERMINED, threshold=0.5, reason="the model gave no score"),
    ],
    ids=["absent", "undetermined", "known", "no score"],
)
def test_only_a_flag_is_reported(table: Table, decision: Decision) -> None:
    """Its score stands beside it all the same."""
    analysed(table, 1, replace(VERDICT, decision=decision), taken=date(2025, 9, 1))
    (found,) = earlier(table)
    assert (found.reported, found.score) == (False, decision.score)


def test_reported_is_what_is_delivered_or_on_its_way(table: Table) -> None:
    """A result that a destination has refused for good is known to nobody."""
    job = analysed(table, 1, taken=date(2025, 9, 1))
    new = claimed(table, of(99))
    report, heatmap = table.take()
    assert table.outbox.settle(heatmap, Stored(), table.now)
    assert table.outbox.settle(report, Failed("refused"), table.now)
    assert table.desk.show(job.id).job.state is JobState.FAILED
    (found,) = table.queue.earlier(new, date(2025, 3, 1))
    assert not found.reported
    table.desk.retry(job.id, "me", table.now)
    for delivery in table.take():
        table.outbox.settle(delivery, Stored(), table.now)
    assert table.desk.show(job.id).job.state is JobState.DONE
    (found,) = table.queue.earlier(new, date(2025, 3, 1))
    assert found.reported


def test_a_purged_row_is_forgotten(table: Table) -> None:
    """`retention.rows` bounds how far back anything is known."""
    job = analysed(table, 1, taken=date(2025, 9, 1))
    for delivery in table.take():
        table.outbox.settle(delivery, Stored(), table.now)
    later = table.now + timedelta(seconds=1)
    table.care.spend_keys(later, later)
    assert table.care.purge_rows(later) == 1
    assert job.id
    assert earlier(table) == []


def test_a_film_comes_back_as_it_went_in(table: Table) -> None:
    """With the pseudonym and the day, which have columns of their own."""
    one = of(1, station="ROOM 2")
    assert claimed(table, one).film == one


def test_facts_that_a_newer_version_wrote_are_passed_over(table: Table) -> None:
    """Roles of two versions may run side by side during an upgrade."""
    job = claimed(table, of(1))
    column = sa.table("job", sa.column("film", sa.JSON))
    with table.engine.begin() as connection:
        (film_json,) = connection.execute(sa.select(column.c.film)).scalars()
        connection.execute(sa.update(column).values(film=film_json | {"of_tomorrow": 1}))
    assert table.desk.show(job.id).job.film == job.film


def test_a_verdict_comes_back_as_it_went_in(table: Table) -> None:
    """With band, rule, policy and what is known of earlier films."""
    decision = replace(
        VERDICT.decision,
        band=(0.4, 0.6),
        known=True,
        prior=Comparison(12, reported=True, score=0.5),
        policy="cd" * 32,
        rule="older-women",
    )
    verdict = replace(VERDICT, decision=decision)
    job = analysed(table, 1, verdict)
    assert table.desk.show(job.id).job.verdict == verdict
