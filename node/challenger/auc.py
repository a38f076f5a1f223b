"""Areas under the ROC curve for the challenger's report. This module loads no torch."""

import numpy as np
import numpy.typing as npt

from models.evaluation.discrimination import IntervalEstimate, auc, compare_aucs
from node.challenger.accuracy_comparison import Areas, Estimate

_FEWEST = 2  # of each class: the variance of an area needs them


def areas(scores: npt.NDArray[np.float64], osteoporosis: npt.NDArray[np.bool_]) -> Areas | None:
    """Return the areas of two scores (2, n) and their difference, second minus first.

    None where fewer than two have osteoporosis, or fewer than two have none.
    """
    cases = int(osteoporosis.sum())
    if min(cases, len(osteoporosis) - cases) < _FEWEST:
        return None
    compared = compare_aucs("challenger", "serving", scores[::-1], osteoporosis)
    return Areas(
        serving=_estimate(auc(scores[0], osteoporosis)),
        challenger=_estimate(auc(scores[1], osteoporosis)),
        difference=_estimate(compared.difference),
        p=compared.p,
    )


def _estimate(interval: IntervalEstimate) -> Estimate:
    return Estimate(interval.value, interval.low, interval.high)
