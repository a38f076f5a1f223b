"""The operating points are read from a bundle's card; the model is not loaded."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from models.bundle.operating_points import OperatingPoint
from node.domain.decision.thresholds import Thresholds
from node.domain.errors import Misconfigured
from node.inference.card_summary import CardSummary, bundle_folder
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
def test_thresholds_equal_those_of_the_loaded_bundle(name: str | float) -> None:
    from node.inference.predictor import load

    assert CardSummary.read("demo").thresholds(name) == load("demo", "cpu", 1).thresholds(name)


def test_reading_a_card_loads_no_model() -> None:
    program = (
        "import sys; from node.inference.card_summary import CardSummary\n"
        "CardSummary.read('demo')\n"
        "sys.exit(bool({'torch', 'monai', 'highdicom'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_a_number_applies_to_every_score() -> None:
    assert CardSummary((), ()).thresholds(0.3) == Thresholds.uniform(0.3)


def test_without_a_combined_part_the_image_threshold_applies_to_both() -> None:
    assert CardSummary(_named(a=0.2), None).thresholds("a") == Thresholds(0.2, 0.2)


@pytest.mark.parametrize(
    ("summary", "text"),
    [
        (
            CardSummary(_named(b=0.1), None),
            "the model card has no operating point 'a'; use one of b",
        ),
        (
            CardSummary(_named(a=0.1), _named(b=0.1)),
            "the combined part of the model card has no operating point 'a'; use one of b",
        ),
        (CardSummary((), None), "the model card has no operating point 'a'; set a number"),
    ],
)
def test_a_name_without_an_operating_point_is_refused(summary: CardSummary, text: str) -> None:
    with pytest.raises(Misconfigured, match=f"^policy.threshold: .*{text}"):
        summary.thresholds("a")


@pytest.mark.parametrize("text", [None, "- a list", "operating_points: [{name: x}]", "{", "\xff"])
def test_the_error_for_an_unreadable_card_names_the_bundle(
    tmp_path: Path, text: str | None
) -> None:
    shutil.copytree(bundle_folder("demo"), tmp_path / "bundle")
    card = tmp_path / "bundle" / "card.yaml"
    card.unlink() if text is None else card.write_text(text, "latin-1")
    with pytest.raises(Misconfigured, match=r"^model\.bundle: .*card\.yaml"):
        CardSummary.read(str(tmp_path / "bundle"))
