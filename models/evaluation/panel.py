"""Every model of a bundle on every film: the image's score, the patient's facts, both together."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from models.card import Card
from models.clinical import sigmoid
from models.combined import combine
from models.evaluation.discrimination import Values
from models.evaluation.scores import FilmScore
from models.evaluation.study import Points
from models.facts import clinical_logit
from models.manifest import Entry
from models.paper import CLINICAL, COMBINED, IMAGE
from models.scoring import Bundle


def panel(
    bundle: Bundle, entries: Sequence[Entry], scored: Sequence[FilmScore | None]
) -> dict[str, Values]:
    """Probabilities (n,) by model; NaN for films that a model does not score.

    ``scored`` are the image's, None for films that were not asked for. Models that the bundle
    lacks, or that no film has the facts for, are left out.
    """
    image = [math.nan if one is None else one.probability for one in scored]
    known = bundle.clinical
    logits = [
        None if one is None or known is None else clinical_logit(known, entry)
        for entry, one in zip(entries, scored, strict=True)
    ]
    clinical = [math.nan if logit is None else sigmoid(logit) for logit in logits]
    combined = [
        None if one is None else combine(bundle.card.combined, one.logit, logit)
        for one, logit in zip(scored, logits, strict=True)
    ]
    found = {IMAGE: image, CLINICAL: clinical, COMBINED: combined}
    arrays = {name: np.array(values, np.float64) for name, values in found.items()}
    return {
        name: values
        for name, values in arrays.items()
        if name == IMAGE or np.isfinite(values).any()
    }


def own_points(card: Card) -> Points:
    """Thresholds that the bundle brings, by operating point, for each score that has some."""
    frozen = {IMAGE: card.operating_points}
    if card.combined is not None:
        frozen[COMBINED] = card.combined.operating_points
    return {
        name: {point.name: point.threshold for point in points} for name, points in frozen.items()
    }
