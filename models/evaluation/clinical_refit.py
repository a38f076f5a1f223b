"""The clinical model that the manifest's own training patients teach, to compare an image with.

A bundle's clinical model may come from people of elsewhere. The published study fitted its own at
the hospital that trained the net; so does this, so that an image is not praised for beating a
stranger.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from models.calibration.clinical_cohort import TableError, read_people
from models.calibration.clinical_fit import FitError, fit_clinical
from models.clinical.model import sigmoid
from models.dataset.clinical_inputs import clinical_logits
from models.dataset.entry import Split
from models.dataset.manifest import Manifest
from models.evaluation.discrimination import Values


@dataclass(frozen=True)
class Refitted:
    """Probabilities (n,) of the manifest's films, None without a model; ``how`` in words."""

    probabilities: Values | None
    how: str


def refit(manifest: Manifest) -> Refitted:
    """Fit to the patients of the split `train`, and score all others; training films are NaN."""
    try:
        model = fit_clinical(read_people(manifest.file, None))
    except (TableError, FitError) as error:
        return Refitted(None, f"no clinical model could be fitted on the training films ({error})")
    logits = clinical_logits(model, manifest.entries)
    train = np.array([entry.split is Split.TRAIN for entry in manifest.entries])
    logits[train] = math.nan
    scores = [math.nan if math.isnan(one) else sigmoid(one) for one in logits.tolist()]
    return Refitted(np.array(scores), model.about)
