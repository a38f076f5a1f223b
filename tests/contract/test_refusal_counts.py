"""Refusal reasons are counted, and the history of admitted films has their notes."""

from datetime import timedelta

from node.domain.admission.header_rules import (
    Admission,
    Admitted,
    OpenQuestion,
    QuestionKind,
    Refused,
)
from node.domain.admission.reasons import AdmissionNote, Reason
from node.domain.admission.refusal_counts import RefusalCount
from node.domain.workflow.job import JobState
from tests.contract.conftest import Table, film

LATERAL = Refused(Reason.VIEW, "View Position is LL")
CHILD = Refused(Reason.AGE, "the patient is younger than 50 years")


def receive(table: Table, *admissions: Admission) -> None:
    first = len(table.operator.recent((), 1000)) + 1
    for number, admission in enumerate(admissions, first):
        assert table.intake.receive(film(number), admission, f"films/{number}", table.now)


def test_films_are_counted_by_caller_and_reason(table: Table) -> None:
    """The reason of an admitted film is empty in every state of the job."""
    receive(table, Admitted(), Admitted(), LATERAL, LATERAL, CHILD)
    table.claim()
    assert table.operator.refusal_counts(None) == [
        RefusalCount("MODALITY", "", 2),
        RefusalCount("MODALITY", "age", 1),
        RefusalCount("MODALITY", "view", 2),
    ]


def test_counts_can_start_at_a_time(table: Table) -> None:
    """Films that were received exactly at the start time are counted on both databases."""
    receive(table, Admitted(), LATERAL)
    begin = table.later(3600)
    receive(table, LATERAL)
    assert table.operator.refusal_counts(begin) == [RefusalCount("MODALITY", "view", 1)]
    assert table.operator.refusal_counts(begin + timedelta(seconds=1)) == []


def test_jobs_are_listed_by_reason(table: Table) -> None:
    """The filter by reason can be combined with states."""
    receive(table, Admitted(), LATERAL, CHILD)
    jobs = table.operator.recent((JobState.REJECTED,), 10, ("age", "size"))
    assert [job.reason for job in jobs] == ["age"]
    assert len(table.operator.recent((), 10, ("age", "view"))) == 2


def test_the_history_contains_notes_and_open_questions(table: Table) -> None:
    """The error of an admitted film is empty."""
    doubt = OpenQuestion(Reason.VIEW, QuestionKind.MISSING, "nothing in the header tells the view")
    receive(table, Admitted((doubt,), (AdmissionNote.AGE_UNKNOWN,)))
    job_detail = table.operator.show(table.operator.find(film(1).sop_instance_uid))
    (received,) = job_detail.history
    assert received.reason == "age-unknown; nothing in the header tells the view"
    assert (job_detail.job.reason, job_detail.job.error) == ("", "")
