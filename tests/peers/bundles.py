"""Bundles that are the shipped one but for its card, signed as their maker would sign them."""

import shutil
from pathlib import Path

from models.bundle.card import Calibration, bundle_digest, dump_card, parse_card
from models.clinical.model import parse_clinical
from tests.support.paths import ROOT

DEMO = ROOT / "models" / "bundles" / "demo"


def signed(path: Path, **change: object) -> Path:
    """Return a copy of the shipped bundle in `path`, its card changed and signed anew."""
    shutil.copytree(DEMO, path)
    card = parse_card((path / "card.yaml").read_text()).model_copy(update=change)
    clinical = parse_clinical((path / "clinical.yaml").read_text())
    of = bundle_digest(card, (path / "weights.safetensors").read_bytes(), clinical)
    (path / "card.yaml").write_text(dump_card(card.model_copy(update={"digest": of})))
    return path


def recalibrated(path: Path, *, higher_by: float) -> Path:
    """Return a copy whose image scores are higher, by so much in log odds."""
    before = parse_card((DEMO / "card.yaml").read_text()).calibration
    return signed(
        path,
        calibration=Calibration(slope=before.slope, intercept=before.intercept + higher_by),
        version="next",
    )
