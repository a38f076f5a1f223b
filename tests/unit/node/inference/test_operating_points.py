"""The operating points of a bundle, read from its card alone."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from models.bundle.operating_points import OperatingPoint
from node.domain.decision.thresholds import Thresholds
from node.domain.errors import Misconfigured
from node.inference.operating_points import Points, folder_of
from tests.support.paths import ROOT


def _named(**thresholds: float) -> tuple[OperatingPoint, ...]:
    return tuple(
        OperatingPoint(
            name=name,
            threshold=threshold,
            sensitivity=0.9,
            specificity=0.8,
            films=10,
            positives=5,
            source="invented",
        )
        for name, threshold in thresholds.items()
    )


@pytest.mark.parametrize("name", ["youden", "sensitivity-90", 0.3])
def test_they_are_those_of_the_loaded_bundle(name: str | float) -> None:
    from node.inference.predictor import load

    assert Points.of_bundle("demo").threshold(name) == load("demo", "cpu", 1).threshold(name)


def test_reading_them_loads_no_model() -> None:
    program = (
        "import sys; from node.inference.operating_points import Points; Points.of_bundle('demo')\n"
        "sys.exit(bool({'torch', 'monai', 'highdicom'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_a_number_holds_for_every_score() -> None:
    assert Points((), ()).threshold(0.3) == Thresholds.same(0.3)


def test_without_a_combined_score_the_images_holds() -> None:
    assert Points(_named(a=0.2), None).threshold("a") == Thresholds(0.2, 0.2)


@pytest.mark.parametrize(
    ("points", "why"),
    [
        (Points(_named(b=0.1), None), "the model card has no 'a', only b"),
        (
            Points(_named(a=0.1), _named(b=0.1)),
            "the combined part of the model card has no 'a', only b",
        ),
        (Points((), None), "and no other either: set a number"),
    ],
)
def test_a_name_that_a_score_lacks_is_refused(points: Points, why: str) -> None:
    with pytest.raises(Misconfigured, match=f"^policy.threshold: .*{why}"):
        points.threshold("a")


@pytest.mark.parametrize("text", [None, "- a list", "operating_points: [{name: x}]", "{", "\xff"])
def test_a_card_that_cannot_be_read_names_the_bundle(tmp_path: Path, text: str | None) -> None:
    shutil.copytree(folder_of("demo"), tmp_path / "bundle")
    card = tmp_path / "bundle" / "card.yaml"
    card.unlink() if text is None else card.write_text(text, "latin-1")
    with pytest.raises(Misconfigured, match=r"^model\.bundle: .*card\.yaml"):
        Points.of_bundle(str(tmp_path / "bundle"))
