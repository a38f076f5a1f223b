"""Clinical logits of the patients of a manifest."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from models.clinical.model import ClinicalFacts, ClinicalModel
from models.dataset.entry import Entry

Values = npt.NDArray[np.float64]


def clinical_logit(model: ClinicalModel, entry: Entry) -> float | None:
    """Return the clinical logit of a film's patient; None if a value is missing or out of range."""
    return model.logit(ClinicalFacts(entry.age, entry.sex or "", entry.weight_kg, entry.height_cm))


def clinical_logits(model: ClinicalModel, entries: Sequence[Entry]) -> Values:
    """Return the clinical logits of films, (n,); NaN if there is none."""
    logits = (clinical_logit(model, entry) for entry in entries)
    return np.array([math.nan if logit is None else logit for logit in logits], np.float64)
