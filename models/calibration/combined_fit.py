"""Fit the combined model: how much the image's logit weighs, and how much the clinical one.

It is fitted on out-of-fold image logits: those of films that the net was trained on are too sure
of themselves, and would talk the clinical facts down.

Clinical facts that order one hospital's films can tell nothing at the next: there the published
study's clinical model fell to an area of 0.53. So they get no more weight than does little harm
where they are noise.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import bisect, minimize

from models.bundle.combined import CombinedModel, GoldenPair, combined_probabilities
from models.bundle.operating_points import fit_operating_points
from models.calibration.platt import auc

Values = npt.NDArray[np.floating]
Flags = npt.NDArray[np.bool_]

HARM = 0.01
"""The most area that the facts may cost where they tell nothing, in 19 of 20 cases."""

_LEAST = 1e-6
"""The least weight of the image: a score that turns its own image around is no score."""

_SHUFFLES = 200
"""How many ways facts are dealt to other films, to find what they cost as noise."""

_SURE = 0.95


def fit_combined(
    image_logits: Values, clinical_logits: Values, labels: Values, source: str
) -> CombinedModel:
    """The likeliest weights that do no harm, and operating points on the same films.

    All are (n,): out-of-fold image logits, clinical logits and labels 0 or 1 of the films that
    have both. ``source`` says which films these are. No weight is negative, and the clinical one is
    no larger than costs ``HARM`` of the image's area where facts tell nothing: these films are
    dealt each other's facts, and 19 of 20 deals must cost no more. Raises ValueError for films of
    one class, for a logit that is no number, and where all score the same.
    """
    parts = np.stack([image_logits, clinical_logits], axis=1).astype(np.float64)
    positive = np.asarray(labels > 0.5)
    if positive.all() or not positive.any():
        raise ValueError("the combined model needs films of both classes")
    if not np.isfinite(parts).all():
        raise ValueError("a logit is no number; leave films without a clinical score out")
    image, clinical, intercept = _likeliest(parts, positive)
    most = _harmless(parts, positive, clinical / image)
    if most < clinical / image:
        image, intercept = _likeliest(parts @ [[1.0], [most]], positive)
        clinical = most * image
    made = CombinedModel(
        image=image,
        clinical=clinical,
        intercept=intercept,
        films=len(positive),
        positives=int(positive.sum()),
        source=source,
    )
    scores = combined_probabilities(made, *parts.T)
    golden = tuple(
        GoldenPair(image_logit=i, clinical_logit=c, probability=made.probability(i, c))
        for i, c in ((-2.0, -3.0), (0.0, -2.0), (2.0, 0.0))
    )
    return made.model_copy(
        update={"golden": golden, "operating_points": fit_operating_points(scores, labels, source)}
    )


def _likeliest(parts: Values, positive: Flags) -> tuple[float, ...]:
    """Weights, none negative, and intercept of largest likelihood; ``parts`` are (n, k)."""

    def cost(point: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        scaled = parts @ point[:-1] + point[-1]
        loss = float((np.logaddexp(0.0, scaled) - positive * scaled).mean())
        off = 0.5 * (1 + np.tanh(scaled / 2)) - positive
        return loss, np.append(parts.T @ off, off.sum()) / len(off)

    others = parts.shape[1] - 1
    found = minimize(
        cost,
        np.array([1.0] + [0.0] * (others + 1)),
        jac=True,
        method="L-BFGS-B",
        bounds=[(_LEAST, None)] + [(0.0, None)] * others + [(None, None)],
        options={"gtol": 1e-9, "ftol": 1e-14, "maxiter": 1000},
    )
    return tuple(float(value) for value in found.x)


def _harmless(parts: Values, positive: Flags, wanted: float) -> float:
    """The clinical weight over the image's, ``wanted`` or the largest that does no harm."""
    image, clinical = parts.T
    labels = positive.astype(np.float64)
    rng = np.random.default_rng(0)
    dealt = [rng.permutation(clinical) for _ in range(_SHUFFLES)]
    alone = auc(image, labels)

    def excess(ratio: float) -> float:
        costs = [alone - auc(image + ratio * facts, labels) for facts in dealt]
        return float(np.quantile(costs, _SURE)) - HARM

    if excess(wanted) <= 0:
        return wanted
    return float(bisect(excess, 0.0, wanted, xtol=5e-3 * wanted))
