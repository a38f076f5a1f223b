"""An error quotes an archive's Error Comment, unless the comment contains the patient's data."""

import pytest
from pydicom import Dataset

from node.pacs.dimse_status import without_patient


@pytest.fixture
def report() -> Dataset:
    """Return a result of a patient, as it is sent to an archive."""
    ds = Dataset()
    ds.PatientName, ds.PatientID = "Doe^Jane Ann", "P-17 A"
    ds.PatientBirthDate, ds.AccessionNumber = "19310719", "ACC9"
    ds.PatientSex, ds.PatientAge = "F", "067Y"
    ds.ReferringPhysicianName, ds.InstitutionName = "House^G", "Vexholm"
    return ds


@pytest.mark.parametrize(
    "comment",
    [
        "no such patient: DOE",
        "Jane is unknown",
        "unknown id P-17",
        "born 19310719?",
        "no order acc9",
        "dr house has left",
        "closed: vexholm",
        "closed since last year: vexhol",
    ],
)
def test_a_comment_that_names_the_patient_is_not_quoted(report: Dataset, comment: str) -> None:
    """A comment is not quoted if it has an ID, a date or a part of a name from the result."""
    assert without_patient(comment, report) == "its comment names the patient"


@pytest.mark.parametrize("comment", ["", "disk full", "Female, 67: invalid SOP Class"])
def test_another_comment_is_quoted(report: Dataset, comment: str) -> None:
    """The Error Comment is often the only information on the cause."""
    assert without_patient(comment, report) == comment


def test_a_comment_without_an_object_is_quoted() -> None:
    """The comment of an answer to C-ECHO is quoted, up to 64 characters."""
    assert without_patient("x" * 100, Dataset()) == "x" * 64
