"""Synthetic people for tests of clinical models, and the rows of their tables."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from models.calibration.clinical_cohort import Label, People
from models.clinical.model import Float

SURVEY_ROW = {
    "seqn": "1",
    "age_years": "63",
    "sex": "F",
    "weight_kg": "70",
    "height_cm": "160",
    "fn_t": "-1.0",
    "th_t": "-1.0",
    "ls_t": "-1.0",
    "wtmec2yr": "20000.5",
    "sdmvpsu": "1.0",
    "sdmvstra": "104.0",
}
MANIFEST_ROW = {
    "path": "a.png",
    "patient_id": "p1",
    "site": "a",
    "split": "train",
    "label": "0",
    "age": "63",
    "sex": "F",
    "weight_kg": "70",
    "height_cm": "160",
}


def make_people(count: int = 600, seed: int = 0) -> People:
    """Return people in 30 clusters; older and lighter people are positive more often."""
    rng = np.random.default_rng(seed)
    age, weight_kg = rng.uniform(50, 85, count).round(), rng.normal(75, 14, count)
    male = rng.integers(0, 2, count).astype(float)
    height = 162 + 12 * male + rng.normal(0, 6, count)
    logit = 0.09 * (age - 66) - 0.06 * (weight_kg - 72) - 0.5 * male - 0.7
    cluster = rng.integers(0, 30, count)
    return People(
        age=age,
        male=male,
        weight_kg=weight_kg,
        height_cm=height,
        positive=rng.random(count) < 1 / (1 + np.exp(-logit)),
        weight=_normalise(rng.uniform(0.2, 3, count)),
        cluster=cluster,
        stratum=cluster // 2,
        label=Label.FEMORAL_NECK,
        population="synthetic people",
        age_ceiling=None,
        left_out={"of another split": 3},
    )


def write_rows(path: Path, rows: Sequence[Mapping[str, str]]) -> Path:
    """Write rows as CSV with the columns of the first row."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def manifest_rows(people: People) -> list[dict[str, str]]:
    """Return the manifest rows of these people."""
    return [
        MANIFEST_ROW
        | {
            "patient_id": f"p{index}",
            "age": str(people.age[index]),
            "sex": "M" if people.male[index] else "F",
            "weight_kg": str(people.weight_kg[index]),
            "height_cm": str(people.height_cm[index]),
            "label": str(int(people.positive[index])),
        }
        for index in range(len(people.age))
    ]


def _normalise(weight: Float) -> Float:
    return weight / weight.mean()
