"""Copies of the demonstration bundle with a changed card and a valid digest."""

import shutil
from pathlib import Path

from models.bundle.card import Calibration, bundle_digest, dump_card, parse_card
from models.clinical.model import parse_clinical
from tests.support.paths import ROOT

DEMO_BUNDLE = ROOT / "models" / "bundles" / "demo"


def write_bundle(path: Path, **changes: object) -> Path:
    """Copy the demonstration bundle to `path`, change its card, and update the digest."""
    shutil.copytree(DEMO_BUNDLE, path)
    card = parse_card((path / "card.yaml").read_text()).model_copy(update=changes)
    clinical = parse_clinical((path / "clinical.yaml").read_text())
    digest = bundle_digest(card, (path / "weights.safetensors").read_bytes(), clinical)
    (path / "card.yaml").write_text(dump_card(card.model_copy(update={"digest": digest})))
    return path


def write_recalibrated_bundle(path: Path, *, offset: float) -> Path:
    """Copy the demonstration bundle; `offset` is added to its image scores in log odds."""
    before = parse_card((DEMO_BUNDLE / "card.yaml").read_text()).calibration
    return write_bundle(
        path,
        calibration=Calibration(slope=before.slope, intercept=before.intercept + offset),
        version="next",
    )
