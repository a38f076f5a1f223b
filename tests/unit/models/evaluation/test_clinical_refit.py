"""A clinical model is fitted on the manifest's own training patients."""

from pathlib import Path

import numpy as np
import pytest

from models.calibration.auc import auc
from models.dataset.entry import Entry, Sex, Split
from models.dataset.manifest import Manifest, write_manifest
from models.evaluation.clinical_refit import refit_clinical
from tests.support.people import make_people


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """Return 600 patients with a risk by age, sex and build; every third patient is for testing."""
    people = make_people()
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


def test_it_ranks_test_patients_and_does_not_score_training_patients(manifest: Manifest) -> None:
    refit = refit_clinical(manifest)
    assert refit.probabilities is not None
    tested = np.array([entry.split is Split.TEST for entry in manifest.entries])
    assert np.isnan(refit.probabilities[~tested]).all()
    usable = tested & np.isfinite(refit.probabilities)
    assert usable.sum() > 180
    labels = np.array([entry.label for entry in manifest.entries])
    assert auc(refit.probabilities[usable], labels[usable]) > 0.7
    assert "the manifest labels it" in refit.description


def test_without_clinical_columns_the_description_holds_the_reason(manifest: Manifest) -> None:
    rows = manifest.file.read_text().splitlines()
    shortened = [",".join(row.split(",")[:5]) for row in rows]
    manifest.file.write_text("\n".join(shortened))
    refit = refit_clinical(manifest)
    assert refit.probabilities is None
    assert "no clinical model could be fitted" in refit.description
