"""Fit the combined model: the weights of image logit and clinical logit.

The fit uses out-of-fold image logits. Image logits of training films are overconfident; a fit on
them would make the clinical weight too low.

Clinical data that predict osteoporosis at one hospital may be uninformative at another hospital. In
the published study, the clinical model had an AUC of 0.53 at one hospital. The clinical weight is
limited so that uninformative clinical data reduce the AUC by at most ``MAXIMUM_AUC_LOSS``.
"""

import numpy as np
from scipy.optimize import bisect, minimize

from models.bundle.combined import CombinedModel, GoldenPair, combined_probabilities
from models.bundle.operating_points import fit_operating_points
from models.calibration.auc import Flags, Numbers, Values, auc

MAXIMUM_AUC_LOSS = 0.01
"""Maximum loss of AUC by uninformative clinical data, in 95 % of permutations."""

_MINIMUM_IMAGE_WEIGHT = 1e-6
"""The image weight must be positive; a negative one would invert the image score."""

_PERMUTATIONS = 200
"""Number of permutations of the clinical logits among the films."""

_QUANTILE = 0.95


def fit_combined(
    image_logits: Numbers, clinical_logits: Numbers, labels: Numbers, source: str
) -> CombinedModel:
    """Fit weights and operating points by maximum likelihood.

    ``image_logits`` (out of fold), ``clinical_logits`` and ``labels`` (0 or 1) are (n,). ``source``
    describes the films. No weight is negative. The clinical weight is limited. If clinical logits
    are permuted among the films, the AUC falls by at most ``MAXIMUM_AUC_LOSS`` in 95 % of the
    permutations. Raises ValueError if a logit is not finite, or if all films have the same class
    or the same score.
    """
    parts = np.stack([image_logits, clinical_logits], axis=1).astype(np.float64)
    positive = np.asarray(labels > 0.5)
    if positive.all() or not positive.any():
        raise ValueError("the combined model needs films of both classes")
    if not np.isfinite(parts).all():
        raise ValueError("a logit is not finite: omit films without a clinical logit")
    image, clinical, intercept = _fit_logistic(parts, positive)
    ratio = _limit_ratio(parts, positive, clinical / image)
    if ratio < clinical / image:
        image, intercept = _fit_logistic(parts @ [[1.0], [ratio]], positive)
        clinical = ratio * image
    combined = CombinedModel(
        image=image,
        clinical=clinical,
        intercept=intercept,
        films=len(positive),
        positives=int(positive.sum()),
        source=source,
    )
    scores = combined_probabilities(combined, *parts.T)
    golden = tuple(
        GoldenPair(image_logit=i, clinical_logit=c, probability=combined.probability(i, c))
        for i, c in ((-2.0, -3.0), (0.0, -2.0), (2.0, 0.0))
    )
    return combined.model_copy(
        update={"golden": golden, "operating_points": fit_operating_points(scores, labels, source)}
    )


def _fit_logistic(parts: Numbers, positive: Flags) -> tuple[float, ...]:
    """Return non-negative weights and the intercept of a logistic regression on ``parts`` (n, k).

    The weight of the first column of ``parts`` is positive.
    """

    def cost(point: Values) -> tuple[float, Values]:
        scaled = parts @ point[:-1] + point[-1]
        loss = float((np.logaddexp(0.0, scaled) - positive * scaled).mean())
        residual = 0.5 * (1 + np.tanh(scaled / 2)) - positive
        return loss, np.append(parts.T @ residual, residual.sum()) / len(residual)

    further = parts.shape[1] - 1
    fit = minimize(
        cost,
        np.array([1.0] + [0.0] * (further + 1)),
        jac=True,
        method="L-BFGS-B",
        bounds=[(_MINIMUM_IMAGE_WEIGHT, None)] + [(0.0, None)] * further + [(None, None)],
        options={"gtol": 1e-9, "ftol": 1e-14, "maxiter": 1000},
    )
    return tuple(float(value) for value in fit.x)


def _limit_ratio(parts: Numbers, positive: Flags, fitted: float) -> float:
    """Return the ratio of clinical to image weight, which is ``fitted`` or a lower limit."""
    image, clinical = parts.T
    rng = np.random.default_rng(0)
    permuted = [rng.permutation(clinical) for _ in range(_PERMUTATIONS)]
    image_auc = auc(image, positive)

    def excess(ratio: float) -> float:
        losses = [image_auc - auc(image + ratio * logits, positive) for logits in permuted]
        return float(np.quantile(losses, _QUANTILE)) - MAXIMUM_AUC_LOSS

    if excess(fitted) <= 0:
        return fitted
    return float(bisect(excess, 0.0, fitted, xtol=5e-3 * fitted))
