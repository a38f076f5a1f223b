"""Clinical logits of the patients of a manifest."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from models.clinical.model import ClinicalFacts, ClinicalModel
from models.dataset.entry import Entry

Values = npt.NDArray[np.float64]


def clinical_logits(model: ClinicalModel, entries: Sequence[Entry]) -> Values:
    """Return clinical logits of films (n,); NaN if a clinical value is missing or out of range."""
    logits = [
        model.logit(ClinicalFacts(entry.age, entry.sex or "", entry.weight_kg, entry.height_cm))
        for entry in entries
    ]
    return np.array(logits, np.float64)  # None becomes NaN
