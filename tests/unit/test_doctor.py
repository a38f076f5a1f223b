"""What the doctor says of the model, on a bundle that is really there."""

import shutil
from pathlib import Path

import pytest

from models.card import digest, dump, parse
from models.clinical import parse_clinical
from models.combined import Combined
from models.points import OperatingPoint
from node.config import load
from node.doctor import examine

DEMO = Path(__file__).parents[2] / "models" / "bundles" / "demo"
POINT = OperatingPoint(
    name="youden", threshold=0.12, sensitivity=1, specificity=1, films=2, positives=1, source="here"
)


@pytest.fixture
def combining(tmp_path: Path) -> Path:
    """Return a copy of the shipped bundle that has a combined part with a Youden threshold."""
    path = Path(shutil.copytree(DEMO, tmp_path / "bundle"))
    part = Combined(
        image=1,
        clinical=0.5,
        intercept=0,
        films=2,
        positives=1,
        source="invented",
        operating_points=(POINT,),
    )
    card = parse((path / "card.yaml").read_text()).model_copy(update={"combined": part})
    clinical = parse_clinical((path / "clinical.yaml").read_text())
    signed = digest(card, (path / "weights.safetensors").read_bytes(), clinical)
    (path / "card.yaml").write_text(dump(card.model_copy(update={"digest": signed})))
    return path


def told(tmp_path: Path, bundle: str, threshold: float | str) -> tuple[bool, str]:
    """Return whether the model is well, and what is said of it."""
    file = tmp_path / "config.yaml"
    file.write_text(
        f"model: {{bundle: {bundle}, device: cpu}}\npolicy: {{threshold: {threshold}}}\n"
        "dicom: {port: 1}\ndestinations: []\n"
    )
    return next((c.ok, c.detail) for c in examine(load(file)) if c.name == "model")


def test_a_name_is_told_as_the_threshold_of_each_score(tmp_path: Path, combining: Path) -> None:
    assert told(tmp_path, "demo", "youden")[1].endswith("threshold 0.371")
    ok, detail = told(tmp_path, str(combining), "youden")
    assert ok
    assert detail.endswith("threshold 0.371 (image), 0.120 (combined)")
    assert told(tmp_path, str(combining), 0.3)[1].endswith("threshold 0.300")


def test_a_name_that_no_score_has_is_no_health(tmp_path: Path) -> None:
    ok, detail = told(tmp_path, "demo", "sensitivity-90")
    assert not ok
    assert "policy.threshold: the model card has no 'sensitivity-90', only youden" in detail
