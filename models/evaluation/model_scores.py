"""Every model of a bundle on every film: the image's score, the patient's facts, both together."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from models.bundle.card import Card
from models.bundle.combined import combine_films
from models.bundle.score import Bundle
from models.clinical.model import sigmoid
from models.dataset.clinical_inputs import clinical_logits
from models.dataset.entry import Entry
from models.evaluation.analysis import Points
from models.evaluation.discrimination import Values
from models.evaluation.published import CLINICAL, COMBINED, IMAGE
from models.evaluation.scores import FilmScore


def panel(
    bundle: Bundle, entries: Sequence[Entry], scored: Sequence[FilmScore | None]
) -> dict[str, Values]:
    """Probabilities (n,) by model; NaN for films that a model does not score.

    ``scored`` are the image's, None for films that were not asked for. Models that the bundle
    lacks, or that no film has the facts for, are left out.
    """
    asked = np.array([one is not None for one in scored])
    image = np.array([math.nan if one is None else one.probability for one in scored])
    logits = np.array([math.nan if one is None else one.logit for one in scored])
    facts = np.full(len(scored), math.nan)
    if bundle.clinical is not None:
        facts = np.where(asked, clinical_logits(bundle.clinical, entries), math.nan)
    clinical = np.array([sigmoid(logit) for logit in facts.tolist()])
    combined = combine_films(bundle.card.combined, logits, facts)
    found = {IMAGE: image, CLINICAL: clinical, COMBINED: combined}
    return {
        name: values for name, values in found.items() if name == IMAGE or np.isfinite(values).any()
    }


def own_points(card: Card) -> Points:
    """Thresholds that the bundle brings, by operating point, for each score that has some."""
    frozen = {IMAGE: card.operating_points}
    if card.combined is not None:
        frozen[COMBINED] = card.combined.operating_points
    return {
        name: {point.name: point.threshold for point in points} for name, points in frozen.items()
    }
