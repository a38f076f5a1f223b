"""The clinical and combined models of a bundle are optional, verified, and part of its digest."""

import shutil
from pathlib import Path

import pytest

from models.bundle.card import Card, bundle_digest
from models.bundle.combined import CombinedModel
from models.bundle.golden import verify_golden
from models.bundle.operating_points import OperatingPoint
from models.bundle.store import BundleError, add_clinical, load_bundle
from models.clinical.model import ClinicalModel
from models.io.yaml_text import dump_yaml, parse_yaml
from tests.support.paths import ROOT
from tests.unit.models.bundle.test_store import CARD

COMBINED = CombinedModel(
    image=1, clinical=0.5, intercept=0, films=2, positives=1, source="invented", golden=()
)


POINT = OperatingPoint(
    name="youden", threshold=0.4, sensitivity=1, specificity=1, films=2, positives=1, source="here"
)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """Return a copy of the demonstration bundle that a test may damage."""
    return Path(shutil.copytree(ROOT / "models" / "bundles" / "demo", tmp_path / "bundle"))


def _resign(path: Path, clinical: ClinicalModel | None, **change: object) -> None:
    """Change the card and set the matching digest, as the maker of the bundle would."""
    card = parse_yaml((path / "card.yaml").read_text(), Card).model_copy(update=change)
    weights = (path / "weights.safetensors").read_bytes()
    card = card.model_copy(update={"digest": bundle_digest(card, weights, clinical)})
    (path / "card.yaml").write_text(dump_yaml(card))


def test_the_shipped_bundle_has_a_clinical_and_a_combined_part(copied: Path) -> None:
    """The clinical model is fitted on a survey, the combined model on simulated patients."""
    bundle = load_bundle(copied)
    assert bundle.clinical is not None
    assert "NHANES" in bundle.clinical.about
    assert bundle.card.combined is not None
    assert "simulated" in bundle.card.combined.source
    assert 0 < bundle.card.combined.clinical < bundle.card.combined.image
    assert any("No decision rests on it" in limit for limit in bundle.clinical.limits)


@pytest.mark.parametrize(
    ("old", "new"), [("male: -0.27", "male: -0.37"), ("low: 50.0", "low: 40.0"), ("NHANES", "some")]
)
def test_a_changed_clinical_part_does_not_load(copied: Path, old: str, new: str) -> None:
    file = copied / "clinical.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    with pytest.raises(BundleError, match="digest"):
        load_bundle(copied)


def test_a_bundle_whose_clinical_model_was_removed_does_not_load(copied: Path) -> None:
    (copied / "clinical.yaml").unlink()
    with pytest.raises(BundleError, match="digest"):
        load_bundle(copied)


def test_a_clinical_model_added_to_a_bundle_without_one_does_not_load(copied: Path) -> None:
    """The bundle was signed without a clinical model, like old bundles."""
    file = copied / "clinical.yaml"
    planted = file.read_text()
    file.unlink()
    _resign(copied, None, combined=None)
    assert load_bundle(copied).clinical is None
    file.write_text(planted)
    with pytest.raises(BundleError, match="digest"):
        load_bundle(copied)


def test_a_part_that_is_not_valid_is_named(copied: Path) -> None:
    (copied / "clinical.yaml").write_text("about: nothing")
    with pytest.raises(BundleError, match=r"clinical\.yaml is not valid"):
        load_bundle(copied)


def test_a_combined_part_needs_a_clinical_one(copied: Path) -> None:
    (copied / "clinical.yaml").unlink()
    _resign(copied, None, combined=COMBINED)
    with pytest.raises(BundleError, match="combined part but no"):
        load_bundle(copied)


def test_a_combined_model_without_operating_points_keeps_its_digest() -> None:
    """Older bundles do not have the field ``operating_points``, in the file and in the digest."""
    before = Card.model_validate(CARD | {"architecture": {"size": 192}})
    card = before.model_copy(update={"combined": COMBINED})
    signed = "sha256:994fb3a764f0f5107672b8587b7df57e5fad12a8538dfa098042d7c2fb39f8f0"
    assert bundle_digest(card, b"weights") == signed
    assert bundle_digest(parse_yaml(dump_yaml(card), Card), b"weights") == signed
    assert "operating_points" not in dump_yaml(card).split("combined:")[1]


def test_operating_points_of_the_combined_part_are_read_back_and_signed(copied: Path) -> None:
    clinical = load_bundle(copied).clinical
    part = COMBINED.model_copy(update={"operating_points": (POINT,)})
    _resign(copied, clinical, combined=part)
    assert load_bundle(copied).card.combined == part
    file = copied / "card.yaml"
    file.write_text(file.read_text().replace("threshold: 0.4\n", "threshold: 0.3\n"))
    with pytest.raises(BundleError, match="digest"):
        load_bundle(copied)


def test_changed_golden_persons_are_detected(copied: Path) -> None:
    bundle = load_bundle(copied)
    assert bundle.clinical is not None
    first = bundle.clinical.golden[0]
    drifted = (first.model_copy(update={"logit": first.logit + 0.001}),)
    changed = add_clinical(bundle, bundle.clinical.model_copy(update={"golden": drifted}))
    with pytest.raises(BundleError, match=r"clinical model's golden scores differ by 0\.001"):
        verify_golden(changed)


def test_a_new_clinical_model_removes_the_combined_model_only(
    copied: Path,
) -> None:
    """The combined model was fitted on the logits of the previous clinical model."""
    before = load_bundle(copied)
    assert before.clinical is not None
    _resign(copied, before.clinical, combined=COMBINED)
    with_both = load_bundle(copied)
    assert with_both.card.combined == COMBINED
    weights = (copied / "weights.safetensors").read_bytes()
    replacement = before.clinical.model_copy(update={"about": "fitted on somebody else"})
    after = add_clinical(with_both, replacement)
    assert after.clinical == replacement
    assert after.card.combined is None
    assert after.card.golden == before.card.golden
    assert len({bundle.card.digest for bundle in (before, with_both, after)}) == 3
    assert (copied / "weights.safetensors").read_bytes() == weights
    assert verify_golden(after) < 1e-4


def test_a_bundle_that_cannot_be_written_is_named(copied: Path) -> None:
    bundle = load_bundle(copied)
    assert bundle.clinical is not None
    (copied / "clinical.yaml").unlink()
    (copied / "clinical.yaml").mkdir()
    with pytest.raises(BundleError, match="cannot be written"):
        add_clinical(bundle, bundle.clinical)
