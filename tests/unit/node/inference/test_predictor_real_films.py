"""The shipped gate is tested on real films, which the fixture `shared_data` finds."""

from pathlib import Path

import numpy as np
import pytest

from models.images.radiograph import Radiograph
from node.domain.admission.header_rules import Admitted, PixelRule, Refused
from node.domain.admission.image_rules import apply_image_rules
from node.domain.admission.reasons import AdmissionNote, Reason
from node.domain.errors import Rejected
from node.inference.decoder import decode
from node.inference.predictor import BundlePredictor, load
from tests.support.policies import make_admission_policy

pytestmark = pytest.mark.shared_data

POLICY = make_admission_policy(pixels=PixelRule.OVERRULE)
OTHER_FILMS = {
    "RG2_JPLL": Reason.BODY_PART,
    "RG3_RLE": Reason.BODY_PART,
    "RG3_JLSL": Reason.BODY_PART,
    "CT1_JPLL": Reason.UNLIKE,
    "MG_OutOfBoundsOverlay": Reason.BODY_PART,
    "A098752_axial_19001231-32": Reason.VIEW,
    "A098752_coronal_19001231-053": Reason.BODY_PART,
}
"""Files that are not chest films, each with the reason for which the image check refuses it."""


@pytest.fixture(scope="module")
def predictor() -> BundlePredictor:
    """Return the shipped bundle, loaded on the CPU."""
    return load("demo", "cpu", 1)


def chest_films(folder: Path) -> list[Radiograph]:
    """Return the six chest films."""
    return [decode(file) for file in sorted((folder / "dicom" / "chest").glob("*.dcm"))]


def test_every_chest_film_is_admitted(predictor: BundlePredictor, shared_data: Path) -> None:
    """The polarity of these films is correct, so no film gets a note."""
    for findings in predictor.check_images(chest_films(shared_data)):
        assert apply_image_rules(Admitted(), findings, POLICY) == Admitted(), findings


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_turned_films_are_refused(
    predictor: BundlePredictor, shared_data: Path, quarters: int
) -> None:
    turned = [Radiograph(np.rot90(film.pixels, quarters)) for film in chest_films(shared_data)]
    for findings in predictor.check_images(turned):
        refused = apply_image_rules(Admitted(), findings, POLICY)
        assert isinstance(refused, Refused)
        assert refused.reason is Reason.ORIENTATION
        assert findings.turn == quarters


def test_inverted_films_are_admitted_with_a_note(
    predictor: BundlePredictor, shared_data: Path
) -> None:
    inverted = [Radiograph(np.float32(1) - film.pixels) for film in chest_films(shared_data)]
    for findings in predictor.check_images(inverted):
        assert apply_image_rules(Admitted(), findings, POLICY) == Admitted(
            notes=(AdmissionNote.INVERTED,)
        )


@pytest.mark.parametrize(("name", "reason"), OTHER_FILMS.items())
def test_other_images_are_refused_for_their_pixels(
    predictor: BundlePredictor, shared_data: Path, name: str, reason: Reason
) -> None:
    [findings] = predictor.check_images([decode(shared_data / "dicom" / "other" / f"{name}.dcm")])
    refused = apply_image_rules(Admitted(), findings, POLICY)
    assert isinstance(refused, Refused)
    assert refused.reason is reason, (refused, findings)


def test_an_unsupported_compression_is_refused(shared_data: Path) -> None:
    """The unsupported compression is JPEG Extended with 12 bits."""
    with pytest.raises(Rejected) as rejected:
        decode(shared_data / "dicom" / "other" / "RG3_JPLY.dcm")
    assert rejected.value.reason == Reason.PIXELS
