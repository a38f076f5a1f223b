"""How well logits fit weighted people: discrimination, calibration, and how sure that is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, roc_auc_score

from models.calibration.clinical_cohort import People
from models.clinical.model import ClinicalFigures, ClinicalInterval, Float

DRAWS: Final = 500
SEED: Final = 0

_FAR = 50.0
"""No logit is off by more than this."""


def measure(people: People, logits: Float, folds: int) -> ClinicalFigures:
    """Weighted figures of logits, (n,), with 95 % intervals over draws of sampling units."""
    draws = [people.weight * times for times in drawn(people, DRAWS)]

    def interval(figure: Callable[[People, Float, Float], float]) -> ClinicalInterval:
        found = [figure(people, logits, weight) for weight in draws]
        low, high = np.percentile(found, [2.5, 97.5]).tolist()
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


def drawn(people: People, draws: int) -> Iterator[Float]:
    """How often each person, (n,), is in a draw of one sampling unit fewer than a stratum has.

    The bootstrap of Rao and Wu (1988), with its rescaling; draws without both classes are left
    out.
    """
    rng = np.random.default_rng(SEED)
    strata = [np.unique(people.cluster[people.stratum == s]) for s in np.unique(people.stratum)]
    while draws:
        times = np.zeros(int(people.cluster.max()) + 1)
        for units in strata:
            size = max(len(units) - 1, 1)
            np.add.at(times, rng.choice(units, size), len(units) / size)
        person = times[people.cluster]
        if 0 < (person * people.positive).sum() < person.sum():
            draws -= 1
            yield person


def _auc(people: People, logits: Float, weight: Float) -> float:
    there = weight > 0
    return float(roc_auc_score(people.positive[there], logits[there], sample_weight=weight[there]))


def _slope(people: People, logits: Float, weight: Float) -> float:
    """What the logits would have to be multiplied by; under 1 they are too extreme."""
    free = LogisticRegression(C=np.inf)
    free.fit(logits[:, None], people.positive, sample_weight=weight)
    return float(free.coef_[0, 0])


def _in_the_large(people: People, logits: Float) -> float:
    """What must be added to the logits for their mean chance to be the share of positives."""

    def surplus(by: float) -> float:
        off = expit(logits + by) - people.positive
        return float(np.average(off, weights=people.weight))

    return float(brentq(surplus, -_FAR, _FAR))
