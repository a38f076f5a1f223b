"""The clinical model that a manifest's own training patients teach."""

from pathlib import Path

import numpy as np
import pytest

from models.calibration.platt import auc
from models.dataset.entry import Entry, Sex, Split
from models.dataset.manifest import Manifest, write_manifest
from models.evaluation.clinical_refit import refit
from tests.support.people import crowd


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """Return 600 people whose chance follows from their facts, every third of them for testing."""
    people = crowd()
    entries = tuple(
        Entry(
            path=tmp_path / f"{number}.png",
            patient_id=f"p{number}",
            site="here",
            split=Split.TRAIN if number % 3 else Split.TEST,
            label=bool(people.positive[number]),
            age=float(people.age[number]),
            sex=Sex.MALE if people.male[number] else Sex.FEMALE,
            weight_kg=float(people.weight_kg[number]),
            height_cm=float(people.height_cm[number]),
        )
        for number in range(600)
    )
    write_manifest(tmp_path / "films.csv", entries)
    return Manifest(tmp_path / "films.csv", entries)


def test_it_ranks_patients_whom_it_never_saw_and_scores_no_other(manifest: Manifest) -> None:
    found = refit(manifest)
    assert found.probabilities is not None
    tested = np.array([entry.split is Split.TEST for entry in manifest.entries])
    assert np.isnan(found.probabilities[~tested]).all()
    usable = tested & np.isfinite(found.probabilities)
    assert usable.sum() > 180
    labels = np.array([float(entry.label) for entry in manifest.entries])
    assert auc(found.probabilities[usable], labels[usable]) > 0.7
    assert "the manifest labels it" in found.how


def test_without_facts_there_is_none_and_the_report_says_why(manifest: Manifest) -> None:
    rows = manifest.file.read_text().splitlines()
    kept = [",".join(row.split(",")[:5]) for row in rows]
    manifest.file.write_text("\n".join(kept))
    found = refit(manifest)
    assert found.probabilities is None
    assert "no clinical model could be fitted" in found.how
