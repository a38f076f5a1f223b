"""Intervals that hold when a patient gave several films: resample patients, not films."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from models.evaluation.discrimination import Flags, Interval, Values

DRAWS = 1000


def patient_bootstrap(
    scores: Values, positive: Flags, patients: Sequence[str], seed: int
) -> Interval:
    """Area with its percentile interval over ``DRAWS`` draws of whole patients.

    One seed gives every model the same draws. A draw without both classes is left out.
    """
    whole = weighted_auc(scores, positive, np.ones((1, len(scores))))
    areas = weighted_auc(scores, positive, _draw(patients, seed))
    low, high = np.nanpercentile(areas, [2.5, 97.5]).tolist()
    return Interval(float(whole[0]), low, high)


def weighted_auc(scores: Values, positive: Flags, weights: Values) -> Values:
    """Areas (d,) where film i counts ``weights[:, i]`` times; weights are (d, n).

    NaN where a class has no weight.
    """
    order = np.argsort(scores, kind="stable")
    case, control = weights[:, order] * positive[order], weights[:, order] * ~positive[order]
    ordered = scores[order]
    first = np.searchsorted(ordered, ordered, side="left")
    last = np.searchsorted(ordered, ordered, side="right")
    below = np.concatenate([np.zeros((len(weights), 1)), np.cumsum(control, axis=1)], axis=1)
    # Controls of the same score count half.
    outranked = (below[:, first] + below[:, last]) / 2
    with np.errstate(invalid="ignore"):
        areas: Values = (case * outranked).sum(axis=1) / (case.sum(axis=1) * control.sum(axis=1))
    return areas


def _draw(patients: Sequence[str], seed: int) -> Values:
    """How often each film is in each draw, (DRAWS, n)."""
    names, owner = np.unique(np.asarray(patients), return_inverse=True)
    rng = np.random.default_rng(seed)
    picks: npt.NDArray[np.int64] = rng.multinomial(
        len(names), np.full(len(names), 1 / len(names)), size=DRAWS
    )
    return picks[:, owner].astype(np.float64)
