"""One film per study is selected for scoring, on SQLite and PostgreSQL."""

from dataclasses import replace

import pytest

from node.domain.admission.header_rules import Admitted
from node.domain.admission.reasons import Reason
from node.domain.admission.study_selection import StudyCandidate
from node.domain.radiograph.film import Film
from node.domain.workflow.delivery import PlannedDelivery, ResultKind
from node.domain.workflow.job import Analysed, Job, JobState, NotScored
from node.domain.workflow.retry import Failed, RetryAt
from tests.contract.conftest import VERDICT, Table, film, result

STUDY = "1.2.4.100"


def of_study(number: int, uid: str = "") -> Film:
    """Return a film of the test study."""
    return replace(
        film(number), study_instance_uid=STUDY, sop_instance_uid=uid or f"1.2.3.{number}"
    )


def receive(table: Table, candidate: Film, rank: str, wait: float = 0.0) -> int:
    """Receive a film that is one of the candidates of its study."""
    admitted = Admitted(candidate=StudyCandidate(rank, wait))
    assert table.intake.receive(candidate, admitted, f"films/{candidate.digest}", table.now)
    return max(job.id for job in table.operator.recent((), 10))


def settle_scored(table: Table, job: Job) -> None:
    """Settle a job with a score and one pending report."""
    assert table.queue.settle(job, Analysed(VERDICT, (report_of(job),)), table.now)


def report_of(job: Job) -> PlannedDelivery:
    """Return a report of a job for the test destination."""
    return PlannedDelivery("pacs", result(ResultKind.REPORT, f"2.25.{job.id}", f"r{job.id}"))


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1)])
def test_the_best_film_is_claimed_first_in_any_order_of_receipt(
    table: Table, order: tuple[int, ...]
) -> None:
    """While the best film is analysed, no other film of the study is claimed."""
    for number in order:
        receive(table, of_study(number), f"{number}")
    (first,) = table.claim()
    assert first.film.sop_instance_uid == "1.2.3.1"
    assert table.claim() == []


def test_the_other_films_name_the_scored_film(table: Table) -> None:
    for number in (1, 2, 3):
        receive(table, of_study(number), f"{number}")
    (first,) = table.claim()
    assert first.scored_film_uid == ""
    settle_scored(table, first)
    (second,) = table.claim()
    assert (second.film.sop_instance_uid, second.scored_film_uid) == ("1.2.3.2", "1.2.3.1")
    refused = NotScored(Reason.STUDY, "another was scored")
    assert table.queue.settle(second, refused, table.now)
    (third,) = table.claim()
    assert third.scored_film_uid == "1.2.3.1"


@pytest.mark.parametrize(
    "outcome", [NotScored(Reason.VIEW, "from the side"), Failed("its bytes are damaged")]
)
def test_the_second_best_film_is_claimed_if_the_best_is_not_scored(
    table: Table, outcome: NotScored | Failed
) -> None:
    receive(table, of_study(1), "1")
    receive(table, of_study(2), "2")
    (first,) = table.claim()
    assert table.queue.settle(first, outcome, table.now)
    (second,) = table.claim()
    assert (second.film.sop_instance_uid, second.scored_film_uid) == ("1.2.3.2", "")


def test_a_retried_film_keeps_its_rank(table: Table) -> None:
    """A transient failure does not change which film is scored."""
    receive(table, of_study(1), "1")
    receive(table, of_study(2), "2")
    (first,) = table.claim()
    again = RetryAt(table.later(30), "no memory left")
    table.later(-30)
    assert table.queue.settle(first, again, table.now)
    assert table.claim() == []
    table.later(31)
    assert [job.id for job in table.claim()] == [first.id]


def test_a_film_waits_for_better_candidates(table: Table) -> None:
    receive(table, of_study(2), "2", wait=5.0)
    assert table.claim() == []
    table.later(3)
    receive(table, of_study(1), "1", wait=5.0)
    table.later(2)  # the first film has waited long enough, and the better film has not
    assert table.claim() == []
    table.later(3)
    assert [job.film.sop_instance_uid for job in table.claim()] == ["1.2.3.1"]


def test_a_corrected_film_does_not_compete_with_its_first_version(table: Table) -> None:
    """A corrected film, with other bytes under the same UID, is scored again."""
    receive(table, of_study(1), "1")
    (first,) = table.claim()
    settle_scored(table, first)
    receive(table, of_study(2, uid="1.2.3.1"), "1")
    (again,) = table.claim()
    assert again.scored_film_uid == ""


def test_a_film_that_is_reported_as_not_scored_does_not_represent_its_study(
    table: Table,
) -> None:
    """A report on a refusal contains no score, so another film of the study is scored."""
    receive(table, of_study(1), "1")
    receive(table, of_study(2), "2")
    (first,) = table.claim()
    verdict = replace(VERDICT, refusal_reason=Reason.ORIENTATION)
    assert table.queue.settle(first, Analysed(verdict, (report_of(first),)), table.now)
    job = table.operator.show(first.id).job
    assert (job.state, job.reason) == (JobState.ANALYSED, "orientation")
    (second,) = table.claim()
    assert second.scored_film_uid == ""


def test_studies_do_not_wait_for_each_other(table: Table) -> None:
    receive(table, of_study(1), "1")
    receive(table, film(7), "9")
    assert len(table.claim()) == 2
