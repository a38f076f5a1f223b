"""Checks for label leakage: pure functions from scores or grey levels to a result.

Scores may have any scale; a higher score means osteoporosis. A check fails if a score is NaN.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from models.calibration.auc import Z95, Flags, IntervalEstimate, Values, auc, auc_with_interval
from models.evaluation.analysis import IMPLAUSIBLE_AUC
from models.evaluation.threshold_metrics import wilson
from models.images.radiograph import Radiograph

DENSITY_OFF_LOW, DENSITY_OFF_HIGH = 0.45, 0.55
"""Accepted range of the AUC if the films contain no information about the labels."""

PERMUTED_LOW, PERMUTED_HIGH = 0.48, 0.52
TWINS_MINIMUM = 0.95
DRAWS = 200
"""Number of label permutations; with 2,485 films, the mean AUC has a standard error of 0.001."""

GREY_LEVELS = ("mean", "standard deviation", "10th percentile", "90th percentile")

ALL_HOSPITALS = "all hospitals"


@dataclass(frozen=True)
class LeakageCheck:
    """Result of one check: its claim, number of films, estimate, and whether the claim holds."""

    name: str
    cohort: str
    claim: str
    films: int
    estimate: IntervalEstimate
    holds: bool


def check_density_off(scores: Values, positive: Flags) -> LeakageCheck:
    """Check that the AUC is about 0.5 if all films have the same bone density.

    A higher or lower AUC means that another property of the films depends on the label, for example
    grey level, device, anatomy or file.
    """
    area = auc_with_interval(scores, positive)
    claim = f"if all films have one density, the AUC is {DENSITY_OFF_LOW} to {DENSITY_OFF_HIGH}"
    holds = DENSITY_OFF_LOW <= area.value <= DENSITY_OFF_HIGH
    return LeakageCheck("density off", ALL_HOSPITALS, claim, len(scores), area, holds)


def check_permuted_labels(scores: Values, draws: Flags) -> LeakageCheck:
    """Check that the mean AUC is 0.5 under the permuted labels ``draws`` (d, n).

    The check detects errors of the measurement, for example an AUC that depends on the order of
    rows or on a hospital's prevalence. The interval contains the AUCs of 95 % of the permutations.
    """
    areas = np.array([auc(scores, labels) for labels in draws])
    low, high = np.percentile(areas, [2.5, 97.5]).tolist()
    estimate = IntervalEstimate(float(areas.mean()), low, high)
    claim = f"if labels are permuted, the mean AUC is {PERMUTED_LOW} to {PERMUTED_HIGH}"
    holds = PERMUTED_LOW <= estimate.value <= PERMUTED_HIGH
    return LeakageCheck("permuted labels", ALL_HOSPITALS, claim, len(scores), estimate, holds)


def permute_labels(positive: Flags, sites: Sequence[str], seed: int) -> Flags:
    """Return ``DRAWS`` permutations of labels (n,) within each hospital, (DRAWS, n).

    The prevalence of each hospital does not change. A score that only identifies the hospital
    therefore gets an AUC above 0.5.
    """
    rng = np.random.default_rng(seed)
    draws = np.tile(positive, (DRAWS, 1))
    site_of = np.asarray(sites)
    for site in dict.fromkeys(sites):
        inside = site_of == site
        draws[:, inside] = rng.permuted(draws[:, inside], axis=1)
    return draws


def check_twins(scores: Values, twin_scores: Values, thinner: Flags) -> LeakageCheck:
    """Check that the film with less bone has the higher score in pairs (n,) of twins.

    Twin and original differ only in density. ``thinner`` is True if the twin has less bone. Equal
    scores of twin and original count as wrong.
    """
    correct = np.where(thinner, twin_scores > scores, twin_scores < scores)
    share = wilson(int(correct.sum()), len(correct))
    claim = (
        f"10 % more or less bone changes the score in the correct direction in at least "
        f"{TWINS_MINIMUM:.0%} of pairs"
    )
    return LeakageCheck(
        "twins", ALL_HOSPITALS, claim, len(correct), share, share.value >= TWINS_MINIMUM
    )


def check_plausible_auc(site: str, scores: Values, positive: Flags) -> LeakageCheck:
    """Check that the AUC is not too high to be plausible for chest films."""
    area = auc_with_interval(scores, positive)
    claim = f"the AUC is at most {IMPLAUSIBLE_AUC}"
    return LeakageCheck(
        "plausible AUC", site, claim, len(scores), area, area.value <= IMPLAUSIBLE_AUC
    )


def grey_level_features(film: Radiograph) -> Values:
    """Return the values named in ``GREY_LEVELS`` for a film's pixels, (4,)."""
    grey = film.pixels.astype(np.float64)
    return np.array([grey.mean(), grey.std(), *np.percentile(grey, [10, 90])])


def check_grey_level(levels: Values, positive: Flags, sites: Sequence[str]) -> LeakageCheck:
    """Check that grey levels (n, 4) from ``grey_level_features`` do not predict the label.

    If exposure depends on density, grey levels reveal the label. The density-off check misses such
    leaks, because all density-off films have the same density. Films are ranked within their
    hospital. The estimate is the AUC of the grey level whose AUC is farthest from 0.5.
    """
    site_of = np.asarray(sites)
    ranks = np.empty_like(levels)
    for site in dict.fromkeys(sites):
        inside = site_of == site
        ranks[inside] = rankdata(levels[inside], axis=0) / inside.sum()
    areas = [auc_with_interval(level_ranks, positive) for level_ranks in ranks.T]
    worst = int(np.argmax([abs(area.value - 0.5) for area in areas]))
    claim = (
        f"the grey level alone ({GREY_LEVELS[worst]}) has an AUC of {DENSITY_OFF_LOW} to "
        f"{DENSITY_OFF_HIGH}"
    )
    holds = DENSITY_OFF_LOW <= areas[worst].value <= DENSITY_OFF_HIGH
    return LeakageCheck("grey level", ALL_HOSPITALS, claim, len(levels), areas[worst], holds)


def chance_margin(positive: Flags) -> float:
    """Return the margin around 0.5 that contains 95 % of the AUCs of a random score.

    The formula is from Mann and Whitney, Ann Math Stat 1947;18:50-60.
    """
    cases, controls = int(positive.sum()), int((~positive).sum())
    return Z95 * math.sqrt((cases + controls + 1) / (12 * cases * controls))
