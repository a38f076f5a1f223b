"""Copies of the demonstration bundle have a changed card and a valid digest."""

import shutil
from pathlib import Path

from models.bundle.card import Calibration, Card, bundle_digest
from models.clinical.model import ClinicalModel
from models.io.yaml_text import dump_yaml, parse_yaml
from tests.support.paths import ROOT

DEMO_BUNDLE = ROOT / "models" / "bundles" / "demo"


def write_bundle(path: Path, **changes: object) -> Path:
    """Copy the demonstration bundle to `path`, change its card, and update the digest."""
    shutil.copytree(DEMO_BUNDLE, path)
    card = parse_yaml((path / "card.yaml").read_text(), Card).model_copy(update=changes)
    clinical = parse_yaml((path / "clinical.yaml").read_text(), ClinicalModel)
    digest = bundle_digest(card, (path / "weights.safetensors").read_bytes(), clinical)
    (path / "card.yaml").write_text(dump_yaml(card.model_copy(update={"digest": digest})))
    return path


def write_recalibrated_bundle(path: Path, *, offset: float) -> Path:
    """Copy the demonstration bundle; `offset` is added to its image scores in log odds."""
    before = parse_yaml((DEMO_BUNDLE / "card.yaml").read_text(), Card).calibration
    return write_bundle(
        path,
        calibration=Calibration(slope=before.slope, intercept=before.intercept + offset),
        version="next",
    )
