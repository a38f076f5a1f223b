"""What a manifest knows of its patients, as the clinical model takes it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from models.clinical.model import ClinicalFacts, ClinicalModel
from models.dataset.entry import Entry

Values = npt.NDArray[np.float64]


def clinical_logit(model: ClinicalModel, entry: Entry) -> float | None:
    """The clinical model's logit of a film's patient; None where a fact is missing or out of range.

    As for a film from a modality, none is guessed.
    """
    return model.logit(ClinicalFacts(entry.age, entry.sex or "", entry.weight_kg, entry.height_cm))


def clinical_logits(model: ClinicalModel, entries: Sequence[Entry]) -> Values:
    """The logits of the films' patients, (n,), NaN where there is none."""
    logits = (clinical_logit(model, entry) for entry in entries)
    return np.array([math.nan if logit is None else logit for logit in logits], np.float64)
