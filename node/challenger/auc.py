"""Compare areas under the ROC curve for the challenger's report, without importing torch."""

import numpy as np
import numpy.typing as npt

from models.calibration.auc import IntervalEstimate, auc_with_interval
from models.calibration.auc import compare_aucs as compare_evaluated_aucs
from node.challenger.accuracy_comparison import Estimate, PairedAreas

_MINIMUM = 2  # patients of each class; fewer give no variance


def compare_aucs(
    scores: npt.NDArray[np.float64], osteoporosis: npt.NDArray[np.bool_]
) -> PairedAreas | None:
    """Compare the areas of two scores (2, n); return None without two patients of each class."""
    positives = int(osteoporosis.sum())
    if min(positives, len(osteoporosis) - positives) < _MINIMUM:
        return None
    compared = compare_evaluated_aucs("challenger", "serving", scores[::-1], osteoporosis)
    return PairedAreas(
        serving=_estimate(auc_with_interval(scores[0], osteoporosis)),
        challenger=_estimate(auc_with_interval(scores[1], osteoporosis)),
        difference=_estimate(compared.difference),
        p=compared.p,
    )


def _estimate(interval: IntervalEstimate) -> Estimate:
    return Estimate(interval.value, interval.low, interval.high)
