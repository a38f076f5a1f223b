"""Platt scaling and card AUCs, on films that the net was not trained on."""

import numpy as np
from scipy.optimize import minimize

from models.bundle.card import Calibration, CardFigure
from models.calibration.auc import Numbers, Values, bootstrap_auc_by_patient


def platt(logits: Numbers, labels: Numbers) -> Calibration:
    """Fit slope and intercept by maximum likelihood, with Platt's targets; both arrays are (n,).

    The method is from Platt, Probabilistic outputs for support vector machines, 1999.
    """
    x, positive = logits.astype(np.float64), labels > 0.5
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    target = np.where(positive, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))

    def cost(point: Values) -> float:
        scaled = np.exp(point[0]) * x + point[1]
        return float((np.logaddexp(0.0, scaled) - target * scaled).mean())

    # The parameter is the logarithm of the slope: a negative slope would invert the score.
    fit = minimize(cost, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-6})
    return Calibration(slope=float(np.exp(fit.x[0])), intercept=float(fit.x[1]))


def card_figure(name: str, logits: Numbers, labels: Numbers, source: str) -> CardFigure:
    """Return the AUC of logits and labels (n,), with its 95 % bootstrap interval over films."""
    positive = np.asarray(labels > 0.5)
    films = [str(number) for number in range(len(labels))]
    auc = bootstrap_auc_by_patient(logits.astype(np.float64), positive, films, seed=0)
    return CardFigure(
        name=name,
        auc=auc.value,
        low=auc.low,
        high=auc.high,
        films=len(labels),
        positives=int(positive.sum()),
        source=source,
    )
