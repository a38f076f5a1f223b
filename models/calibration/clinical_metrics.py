"""Weighted discrimination and calibration of clinical logits, with bootstrap intervals."""

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss

from models.calibration.auc import weighted_auc
from models.calibration.clinical_cohort import People
from models.clinical.model import ClinicalFigures, ClinicalInterval, Float

DRAWS: Final = 500
SEED: Final = 0

_MAXIMUM_SHIFT = 50.0
"""Bound of the calibration intercept, in log odds."""


def measure(people: People, logits: Float, folds: int) -> ClinicalFigures:
    """Return weighted metrics of logits (n,), with 95 % intervals over bootstrap resamples."""
    draws = [people.weight * counts for counts in resample(people, DRAWS)]

    def interval(figure: Callable[[People, Float, Float], float]) -> ClinicalInterval:
        values = [figure(people, logits, weight) for weight in draws]
        low, high = np.percentile(values, [2.5, 97.5]).tolist()
        return ClinicalInterval(value=figure(people, logits, people.weight), low=low, high=high)

    brier = brier_score_loss(people.positive, expit(logits), sample_weight=people.weight)
    return ClinicalFigures(
        people=len(logits),
        positives=int(people.positive.sum()),
        prevalence=float(np.average(people.positive, weights=people.weight)),
        folds=folds,
        auc=interval(_auc),
        calibration_slope=interval(_slope),
        calibration_intercept=_in_the_large(people, logits),
        brier=float(brier),
    )


def resample(people: People, draws: int) -> Iterator[Float]:
    """Yield how often each person counts, (n,), in each of ``draws`` bootstrap resamples.

    From a stratum of k sampling units, k - 1 units are drawn; the counts are rescaled by the method
    of Rao and Wu (1988). Resamples that lack a class are ignored.
    """
    rng = np.random.default_rng(SEED)
    strata = [np.unique(people.cluster[people.stratum == s]) for s in np.unique(people.stratum)]
    while draws:
        unit_counts = np.zeros(int(people.cluster.max()) + 1)
        for units in strata:
            size = max(len(units) - 1, 1)
            np.add.at(unit_counts, rng.choice(units, size), len(units) / size)
        counts = unit_counts[people.cluster]
        if 0 < (counts * people.positive).sum() < counts.sum():
            draws -= 1
            yield counts


def _auc(people: People, logits: Float, weight: Float) -> float:
    return float(weighted_auc(logits, people.positive, weight[None])[0])


def _slope(people: People, logits: Float, weight: Float) -> float:
    """Return the calibration slope; a slope below 1 means that the logits are too extreme."""
    regression = LogisticRegression(C=np.inf)
    regression.fit(logits[:, None], people.positive, sample_weight=weight)
    return float(regression.coef_[0, 0])


def _in_the_large(people: People, logits: Float) -> float:
    """Return the shift of all logits that makes the mean probability equal to the prevalence."""

    def surplus(shift: float) -> float:
        residual = expit(logits + shift) - people.positive
        return float(np.average(residual, weights=people.weight))

    return float(brentq(surplus, -_MAXIMUM_SHIFT, _MAXIMUM_SHIFT))
