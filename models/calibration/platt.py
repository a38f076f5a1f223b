"""From logits to a probability, and areas, on films that the net was not trained on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.stats import rankdata

from models.bundle.card import Calibration, CardFigure

Values = npt.NDArray[np.floating]

_DRAWS = 1000


def platt(logits: Values, labels: Values) -> Calibration:
    """Slope and intercept of largest likelihood, with Platt's softened labels.

    J. Platt, Probabilistic outputs for support vector machines, 1999. Both arguments are (n,).
    """
    x, positive = logits.astype(np.float64), labels > 0.5
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    target = np.where(positive, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))

    def cost(point: npt.NDArray[np.float64]) -> float:
        scaled = np.exp(point[0]) * x + point[1]
        return float((np.logaddexp(0.0, scaled) - target * scaled).mean())

    # The slope is sought as a logarithm: a negative one would turn the score around.
    found = minimize(cost, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-6})
    return Calibration(slope=float(np.exp(found.x[0])), intercept=float(found.x[1]))


def auc(scores: Values, labels: Values) -> float:
    """Area under the ROC curve: the share of pairs in the right order, ties counted half."""
    positive = labels > 0.5
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if not n_positive or not n_negative:
        raise ValueError("an area under the curve needs films of both classes")
    ranks = float(rankdata(scores)[positive].sum())
    return (ranks - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative)


def area(name: str, logits: Values, labels: Values, source: str) -> CardFigure:
    """Area under the ROC curve with a 95 % bootstrap interval over films."""
    rng = np.random.default_rng(0)
    draws: list[float] = []
    while len(draws) < _DRAWS:
        pick = rng.integers(0, len(labels), len(labels))
        if 0 < labels[pick].sum() < len(labels):
            draws.append(auc(logits[pick], labels[pick]))
    low, high = np.percentile(draws, [2.5, 97.5]).tolist()
    return CardFigure(
        name=name,
        auc=auc(logits, labels),
        low=low,
        high=high,
        films=len(labels),
        positives=int((labels > 0.5).sum()),
        source=source,
    )
