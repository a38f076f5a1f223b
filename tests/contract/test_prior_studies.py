"""The results of a patient's earlier films are read, on SQLite and PostgreSQL."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from node.domain.admission.header_rules import Admitted
from node.domain.decision.prediction import Decision, Finding, PriorComparison, ScoreKind, Verdict
from node.domain.decision.prior_studies import PriorResult
from node.domain.radiograph.film import Film
from node.domain.workflow.delivery import PlannedDelivery, Stored
from node.domain.workflow.job import Analysed, Job, JobState, NotScored
from node.domain.workflow.retry import Failed
from tests.contract.conftest import VERDICT, Table, film, results

ANNA, BERTA = "aa" * 32, "bb" * 32
MARCH = date(2026, 3, 1)


def patient_film(number: int, **facts: Any) -> Film:
    """Return a film of the test patient, taken in March."""
    return replace(film(number), **{"patient": ANNA, "exposure_date": MARCH, "sex": "F"} | facts)


def claimed(table: Table, received: Film) -> Job:
    """Receive a film and claim its job."""
    assert table.intake.receive(received, Admitted(), f"films/{received.digest}", table.now)
    (job,) = table.claim()
    return job


def analysed(table: Table, number: int, verdict: Verdict = VERDICT, **facts: Any) -> Job:
    """Receive a film of the test patient and settle its analysis; its results are pending."""
    job = claimed(table, patient_film(number, **facts))
    planned = tuple(PlannedDelivery("pacs", result) for result in results(number))
    assert table.queue.settle(job, Analysed(verdict, planned), table.now)
    return job


def prior_results(table: Table, since: date = date(2025, 3, 1), **facts: Any) -> list[PriorResult]:
    """Return the prior results of a new film of the test patient."""
    return table.queue.prior_results(claimed(table, patient_film(99, **facts)), since)


def test_a_prior_result_has_the_values_for_a_comparison(table: Table) -> None:
    analysed(table, 1, exposure_date=date(2025, 9, 1))
    assert prior_results(table) == [
        PriorResult(
            exposure_date=date(2025, 9, 1),
            score=0.61,
            score_kind=ScoreKind.IMAGE,
            model_digest="ab" * 32,
            reported=True,
            sex="F",
            age_years=67.0,
            study=patient_film(1).study_instance_uid,
        )
    ]


def test_the_newest_comes_first(table: Table) -> None:
    """Prior results are sorted by exposure, not by receipt."""
    days = [date(2025, 9, 1), date(2026, 1, 1), date(2025, 5, 1)]
    for number, day in enumerate(days, 1):
        analysed(table, number, exposure_date=day)
    assert [prior.exposure_date for prior in prior_results(table)] == sorted(days, reverse=True)


@pytest.mark.parametrize(
    "facts",
    [
        {"patient": BERTA},
        {"patient": ""},
        {"exposure_date": None},
        {"exposure_date": date(2025, 2, 28)},
        {"exposure_date": date(2026, 3, 2)},
        {"study_instance_uid": "1.2.4.99"},
    ],
    ids=["other patient", "no patient", "no day", "too long ago", "later", "same study"],
)
def test_other_films_are_excluded(table: Table, facts: dict[str, Any]) -> None:
    """Films of other patients, of the same study, or from before the period are excluded."""
    analysed(table, 1, **facts)
    assert prior_results(table) == []


@pytest.mark.parametrize("facts", [{"patient": ""}, {"exposure_date": None}])
def test_a_film_without_patient_or_day_has_no_prior_results(
    table: Table, facts: dict[str, Any]
) -> None:
    """Films without a patient are not linked to each other."""
    analysed(table, 1, patient="", exposure_date=date(2025, 9, 1))
    analysed(table, 2, exposure_date=date(2025, 9, 1))
    assert prior_results(table, **facts) == []


def test_on_the_same_day_the_film_received_first_is_the_prior_result(table: Table) -> None:
    """Of two films of one day, only the film that was received later has a prior result."""
    first, second = analysed(table, 1), analysed(table, 2)
    since = date(2025, 3, 1)
    assert table.queue.prior_results(first, since) == []
    assert [prior.exposure_date for prior in table.queue.prior_results(second, since)] == [MARCH]


def test_a_film_that_was_not_scored_is_excluded(table: Table) -> None:
    job = claimed(table, patient_film(1, exposure_date=date(2025, 9, 1)))
    assert table.queue.settle(job, NotScored("pixels", "blank"), table.now)
    assert prior_results(table) == []


@pytest.mark.parametrize(
    "decision",
    [
        replace(VERDICT.decision, finding=Finding.ABSENT),
        replace(VERDICT.decision, finding=Finding.UNDETERMINED),
        replace(VERDICT.decision, already_reported=True),
        Decision(Finding.UNDETERMINED, threshold=0.5, reason="the model gave no score"),
    ],
    ids=["absent", "undetermined", "known", "no score"],
)
def test_only_a_flagged_film_counts_as_reported(table: Table, decision: Decision) -> None:
    """The score of a film is available even if the film was not flagged."""
    analysed(table, 1, replace(VERDICT, decision=decision), exposure_date=date(2025, 9, 1))
    (prior_result,) = prior_results(table)
    assert (prior_result.reported, prior_result.score) == (False, decision.score)


def test_a_result_counts_as_reported_once_it_is_being_delivered(table: Table) -> None:
    """A result that a destination has refused does not count as reported."""
    job = analysed(table, 1, exposure_date=date(2025, 9, 1))
    new = claimed(table, patient_film(99))
    report, heatmap = table.take()
    assert table.deliveries.settle(heatmap, Stored(), table.now)
    assert table.deliveries.settle(report, Failed("refused"), table.now)
    assert table.operator.show(job.id).job.state is JobState.FAILED
    (prior_result,) = table.queue.prior_results(new, date(2025, 3, 1))
    assert not prior_result.reported
    table.operator.retry(job.id, "me", table.now)
    for delivery in table.take():
        table.deliveries.settle(delivery, Stored(), table.now)
    assert table.operator.show(job.id).job.state is JobState.DONE
    (prior_result,) = table.queue.prior_results(new, date(2025, 3, 1))
    assert prior_result.reported


def test_a_purged_film_has_no_result(table: Table) -> None:
    """`retention.rows` limits the period of prior results."""
    job = analysed(table, 1, exposure_date=date(2025, 9, 1))
    for delivery in table.take():
        table.deliveries.settle(delivery, Stored(), table.now)
    later = table.now + timedelta(seconds=1)
    table.maintenance.clear_expired_keys(later, later)
    assert table.maintenance.purge_rows(later) == 1
    assert job.id
    assert prior_results(table) == []


def test_a_film_is_read_as_it_was_written(table: Table) -> None:
    """The pseudonym and the day of a film have their own columns."""
    received = patient_film(1, station="ROOM 2")
    assert claimed(table, received).film == received


def test_attributes_of_a_later_release_are_ignored(table: Table) -> None:
    """Roles of two releases may run side by side during an upgrade."""
    job = claimed(table, patient_film(1))
    column = sa.table("job", sa.column("film", sa.JSON))
    with table.engine.begin() as connection:
        (film_json,) = connection.execute(sa.select(column.c.film)).scalars()
        connection.execute(sa.update(column).values(film=film_json | {"of_tomorrow": 1}))
    assert table.operator.show(job.id).job.film == job.film


def test_a_verdict_is_read_as_it_was_written(table: Table) -> None:
    """The verdict includes band, rule, policy and the comparison with prior studies."""
    decision = replace(
        VERDICT.decision,
        band=(0.4, 0.6),
        already_reported=True,
        prior=PriorComparison(12, reported=True, score=0.5),
        policy="cd" * 32,
        rule="older-women",
    )
    verdict = replace(VERDICT, decision=decision)
    job = analysed(table, 1, verdict)
    assert table.operator.show(job.id).job.verdict == verdict
