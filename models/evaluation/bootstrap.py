"""Cluster bootstrap: intervals of an AUC that stay valid if a patient has several films."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from models.evaluation.discrimination import Flags, IntervalEstimate, Values

DRAWS = 1000


def bootstrap_auc_by_patient(
    scores: Values, positive: Flags, patients: Sequence[str], seed: int
) -> IntervalEstimate:
    """Return the AUC with its percentile interval over ``DRAWS`` resamples of whole patients.

    The same seed gives the same resamples for every model. Resamples without both classes are
    ignored.
    """
    observed = weighted_auc(scores, positive, np.ones((1, len(scores))))
    resampled = weighted_auc(scores, positive, _draw(patients, seed))
    low, high = np.nanpercentile(resampled, [2.5, 97.5]).tolist()
    return IntervalEstimate(float(observed[0]), low, high)


def weighted_auc(scores: Values, positive: Flags, weights: Values) -> Values:
    """Return AUCs (d,) in which film i counts ``weights[:, i]`` times; weights are (d, n).

    An AUC is NaN if a class has no weight.
    """
    order = np.argsort(scores, kind="stable")
    cases, controls = weights[:, order] * positive[order], weights[:, order] * ~positive[order]
    ordered = scores[order]
    first = np.searchsorted(ordered, ordered, side="left")
    last = np.searchsorted(ordered, ordered, side="right")
    below = np.concatenate([np.zeros((len(weights), 1)), np.cumsum(controls, axis=1)], axis=1)
    # Controls with the same score count half.
    outranked = (below[:, first] + below[:, last]) / 2
    with np.errstate(invalid="ignore"):
        areas: Values = (cases * outranked).sum(axis=1) / (cases.sum(axis=1) * controls.sum(axis=1))
    return areas


def _draw(patients: Sequence[str], seed: int) -> Values:
    """Return how often each film occurs in each resample, (DRAWS, n)."""
    names, owner = np.unique(np.asarray(patients), return_inverse=True)
    rng = np.random.default_rng(seed)
    counts: npt.NDArray[np.int64] = rng.multinomial(
        len(names), np.full(len(names), 1 / len(names)), size=DRAWS
    )
    return counts[:, owner].astype(np.float64)
