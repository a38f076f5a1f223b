"""What the shipped gate sees of real films; where these are, see `shared_data`."""

from pathlib import Path

import numpy as np
import pytest

from models.images.radiograph import Radiograph
from node.domain.admission.header_rules import AdmissionPolicy, Admitted, PixelRule, Refused
from node.domain.admission.image_rules import judge
from node.domain.admission.reasons import AdmissionNote, Reason
from node.domain.errors import Rejected
from node.inference.decoder import decode
from node.inference.predictor import BundlePredictor, load

pytestmark = pytest.mark.shared_data

LOOKING = AdmissionPolicy(pixels=PixelRule.OVERRULE)
OTHERS = {
    "RG2_JPLL": Reason.BODY_PART,
    "RG3_RLE": Reason.BODY_PART,
    "RG3_JLSL": Reason.BODY_PART,
    "CT1_JPLL": Reason.UNLIKE,
    "MG_OutOfBoundsOverlay": Reason.BODY_PART,
    "A098752_axial_19001231-32": Reason.VIEW,
    "A098752_coronal_19001231-053": Reason.BODY_PART,
}
"""No chest film among them; the reason is what the pixels alone give."""


@pytest.fixture(scope="module")
def predictor() -> BundlePredictor:
    """Return the shipped bundle on the processor."""
    return load("demo", "cpu", 1)


def chest_films(folder: Path) -> list[Radiograph]:
    """Return the six chest films."""
    return [decode(file) for file in sorted((folder / "dicom" / "chest").glob("*.dcm"))]


def test_every_chest_film_is_let_through(predictor: BundlePredictor, shared_data: Path) -> None:
    """As it is, without a note: their polarity is right."""
    for seen in predictor.look(chest_films(shared_data)):
        assert judge(Admitted(), seen, LOOKING) == Admitted(), seen


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_turned_ones_are_refused(
    predictor: BundlePredictor, shared_data: Path, quarters: int
) -> None:
    turned = [Radiograph(np.rot90(one.pixels, quarters)) for one in chest_films(shared_data)]
    for seen in predictor.look(turned):
        refused = judge(Admitted(), seen, LOOKING)
        assert isinstance(refused, Refused)
        assert refused.reason is Reason.ORIENTATION
        assert seen.turn == quarters


def test_inverted_ones_are_set_right(predictor: BundlePredictor, shared_data: Path) -> None:
    inverted = [Radiograph(np.float32(1) - one.pixels) for one in chest_films(shared_data)]
    for seen in predictor.look(inverted):
        assert judge(Admitted(), seen, LOOKING) == Admitted(notes=(AdmissionNote.INVERTED,))


@pytest.mark.parametrize(("name", "reason"), OTHERS.items())
def test_whatever_else_there_is_is_refused(
    predictor: BundlePredictor, shared_data: Path, name: str, reason: Reason
) -> None:
    """By its pixels alone, whatever class it is of."""
    [seen] = predictor.look([decode(shared_data / "dicom" / "other" / f"{name}.dcm")])
    refused = judge(Admitted(), seen, LOOKING)
    assert isinstance(refused, Refused)
    assert refused.reason is reason, (refused, seen)


def test_a_coding_that_nobody_reads_is_refused_for_its_pixels(shared_data: Path) -> None:
    """JPEG Extended of 12 bits."""
    with pytest.raises(Rejected) as rejected:
        decode(shared_data / "dicom" / "other" / "RG3_JPLY.dcm")
    assert rejected.value.reason == Reason.PIXELS
