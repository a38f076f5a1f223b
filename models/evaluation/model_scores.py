"""Scores and thresholds of a bundle's three models: image, clinical and combined."""

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import expit

from models.bundle.card import Card
from models.bundle.combined import combined_probabilities
from models.bundle.score import Bundle
from models.calibration.auc import Values
from models.dataset.clinical_inputs import clinical_logits
from models.dataset.entry import Entry
from models.evaluation.analysis import ThresholdsByModel
from models.evaluation.image_scores import FilmScore
from models.evaluation.published import CLINICAL, COMBINED, IMAGE


def score_models(
    bundle: Bundle, entries: Sequence[Entry], film_scores: Sequence[FilmScore | None]
) -> dict[str, Values]:
    """Return probabilities (n,) by model; NaN for films that a model does not score.

    ``film_scores`` contains the image scores, and None for films not evaluated. A model is left
    out if the bundle does not contain it, or if no film has the inputs of the model.
    """
    evaluated = np.array([score is not None for score in film_scores])
    image = np.array([math.nan if score is None else score.probability for score in film_scores])
    logits = np.array([math.nan if score is None else score.logit for score in film_scores])
    clinical_log_odds = np.full(len(film_scores), math.nan)
    if bundle.clinical is not None:
        clinical_log_odds = np.where(evaluated, clinical_logits(bundle.clinical, entries), math.nan)
    combined = combined_probabilities(bundle.card.combined, logits, clinical_log_odds)
    scores = {IMAGE: image, CLINICAL: expit(clinical_log_odds), COMBINED: combined}
    return {
        name: values
        for name, values in scores.items()
        if name == IMAGE or np.isfinite(values).any()
    }


def card_thresholds(card: Card) -> ThresholdsByModel:
    """Return the thresholds in the card, by model and by operating point."""
    points_by_model = {IMAGE: card.operating_points}
    if card.combined is not None:
        points_by_model[COMBINED] = card.combined.operating_points
    return {
        name: {point.name: point.threshold for point in points}
        for name, points in points_by_model.items()
    }
