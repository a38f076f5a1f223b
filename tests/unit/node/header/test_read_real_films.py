"""Real films and other objects are admitted or refused by their headers."""

from pathlib import Path

import pytest

from node.domain.admission.header_rules import Admitted, Refused, admit
from node.domain.admission.reasons import AdmissionNote, Reason
from node.header.read import read_film
from tests.support.policies import make_admission_policy

ADMITTED = {
    "chest/RG1_UNCR": (),
    "chest/RG1_J2KR": (),
    "chest/RG1_JLSN": (),
    "chest/CR_siim_nih_PA_62M": (),
    "chest/udacity_test1": (AdmissionNote.VIEW_UNKNOWN,),
    "chest/udacity_test4": (AdmissionNote.VIEW_UNKNOWN,),
}
REFUSED = {
    "headers/chrJapMulti": Reason.NO_PIXELS,
    "headers/chrKoreanMulti": Reason.NO_PIXELS,
    "other/A098752_axial_19001231-32": Reason.SOP_CLASS,
    "other/A098752_coronal_19001231-053": Reason.SOP_CLASS,
    "other/CT1_JPLL": Reason.SOP_CLASS,
    "other/MG_OutOfBoundsOverlay": Reason.SOP_CLASS,
    "other/RG2_JPLL": Reason.BODY_PART,
    "other/RG3_JLSL": Reason.BODY_PART,
    "other/RG3_JPLY": Reason.BODY_PART,
    "other/RG3_RLE": Reason.BODY_PART,
}

pytestmark = pytest.mark.shared_data


@pytest.mark.parametrize(("name", "notes"), ADMITTED.items(), ids=ADMITTED)
def test_a_chest_film_is_admitted(
    name: str, notes: tuple[AdmissionNote, ...], shared_data: Path
) -> None:
    """The patients of the real chest films are 55 to 81 years old."""
    film = read_film(shared_data / "dicom" / f"{name}.dcm", "A")
    assert admit(film, make_admission_policy()) == Admitted(notes=notes)


@pytest.mark.parametrize(("name", "reason"), REFUSED.items(), ids=REFUSED)
def test_any_other_object_is_refused(name: str, reason: Reason, shared_data: Path) -> None:
    """The reason of each refusal is the kind of object, not the age of the patient."""
    refused = admit(read_film(shared_data / "dicom" / f"{name}.dcm", "A"), make_admission_policy())
    assert isinstance(refused, Refused)
    assert refused.reason is reason


def test_every_file_has_an_expectation(shared_data: Path) -> None:
    """Each file of the shared films needs an entry in one of the tables above."""
    folder = shared_data / "dicom"
    names = {str(path.relative_to(folder).with_suffix("")) for path in folder.glob("*/*.dcm")}
    assert names == {*ADMITTED, *REFUSED}
