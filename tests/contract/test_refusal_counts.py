"""Why films were refused, counted; and what is kept of those that were admitted."""

from datetime import timedelta

from node.domain.admission.header_rules import Admission, Admitted, DoubtKind, OpenQuestion, Refused
from node.domain.admission.reasons import AdmissionNote, Reason
from node.domain.admission.refusal_counts import Tally
from node.domain.workflow.job import JobState
from tests.contract.conftest import Table, film

LATERAL = Refused(Reason.VIEW, "View Position is LL")
CHILD = Refused(Reason.AGE, "the patient is younger than 50 years")


def receive(table: Table, *admissions: Admission) -> None:
    first = len(table.desk.recent((), 1000)) + 1
    for number, admission in enumerate(admissions, first):
        assert table.intake.receive(film(number), admission, f"films/{number}", table.now)


def test_films_are_counted_by_caller_and_reason(table: Table) -> None:
    """The empty reason is that of admitted films, whatever became of them since."""
    receive(table, Admitted(), Admitted(), LATERAL, LATERAL, CHILD)
    table.claim()
    assert table.desk.reasons(None) == [
        Tally("MODALITY", "", 2),
        Tally("MODALITY", "age", 1),
        Tally("MODALITY", "view", 2),
    ]


def test_from_a_time_on(table: Table) -> None:
    """That time included, whichever way the database keeps times."""
    receive(table, Admitted(), LATERAL)
    begin = table.later(3600)
    receive(table, LATERAL)
    assert table.desk.reasons(begin) == [Tally("MODALITY", "view", 1)]
    assert table.desk.reasons(begin + timedelta(seconds=1)) == []


def test_jobs_are_listed_by_reason(table: Table) -> None:
    """Beside their state, or without."""
    receive(table, Admitted(), LATERAL, CHILD)
    found = table.desk.recent((JobState.REJECTED,), 10, ("age", "size"))
    assert [job.reason for job in found] == ["age"]
    assert len(table.desk.recent((), 10, ("age", "view"))) == 2


def test_notes_and_doubts_of_an_admitted_film_are_in_its_history(table: Table) -> None:
    """Not in its error: nothing went wrong."""
    doubt = OpenQuestion(Reason.VIEW, DoubtKind.MISSING, "nothing in the header tells the view")
    receive(table, Admitted((doubt,), (AdmissionNote.AGE_UNKNOWN,)))
    dossier = table.desk.show(table.desk.find(film(1).sop_instance_uid))
    (received,) = dossier.history
    assert received.why == "age-unknown; nothing in the header tells the view"
    assert (dossier.job.reason, dossier.job.error) == ("", "")
