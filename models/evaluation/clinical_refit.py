"""A clinical model fitted on the manifest's training patients, for comparison with the image model.

A bundle's clinical model may have been fitted on another population. The published study fitted its
clinical model on patients of the hospital that trained the net; this module does the same.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from models.calibration.auc import Values
from models.calibration.clinical_cohort import TableError, read_people
from models.calibration.clinical_fit import FitError, fit_clinical
from models.dataset.clinical_inputs import clinical_logits
from models.dataset.entry import Split
from models.dataset.manifest import Manifest


@dataclass(frozen=True)
class ClinicalRefit:
    """Probabilities (n,) of the manifest's films, and a description of the fit.

    ``probabilities`` is None if no model could be fitted; ``description`` then states the reason.
    """

    probabilities: Values | None
    description: str


def refit_clinical(manifest: Manifest) -> ClinicalRefit:
    """Fit to patients of the split `train`; score all other films (training films get NaN)."""
    try:
        model = fit_clinical(read_people(manifest.file, None))
    except (TableError, FitError) as error:
        return ClinicalRefit(
            None, f"no clinical model could be fitted on the training films ({error})"
        )
    logits = clinical_logits(model, manifest.entries)
    train = np.array([entry.split is Split.TRAIN for entry in manifest.entries])
    logits[train] = math.nan
    return ClinicalRefit(expit(logits), model.about)
