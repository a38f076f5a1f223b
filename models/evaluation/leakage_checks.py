"""Guards against a model that is right for the wrong reason. Each of them can fail.

Pure functions from scores, or grey levels, to verdicts. A score ranks: higher means osteoporosis,
on any scale. A score that is no number fails its guard.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from models.evaluation.analysis import SUSPICIOUS
from models.evaluation.decisions import wilson
from models.evaluation.discrimination import Z95, Flags, Interval, Values, auc, delong
from models.images.dicom import Radiograph

OFF_LOW, OFF_HIGH = 0.45, 0.55
"""Where the area must lie when nothing in the films tells the labels."""

PERMUTED_LOW, PERMUTED_HIGH = 0.48, 0.52
TWINS_LEAST = 0.95
DRAWS = 200
"""Permutations of the labels; the mean over 2,485 films then wavers by 0.001."""

GREYS = ("mean", "spread", "10th percentile", "90th percentile")

EVERYONE = "all hospitals"


@dataclass(frozen=True)
class Verdict:
    """What a guard found: its claim, the films it looked at, the figure, and whether it holds."""

    guard: str
    cohort: str
    claim: str
    films: int
    figure: Interval
    holds: bool


def density_off(scores: Values, positive: Flags) -> Verdict:
    """Films that all have one density, with their patients' labels: nothing may rank them.

    Whatever does has read the label somewhere else: in grey level, device, anatomy or file.
    """
    area = auc(scores, positive)
    claim = f"with density switched off, AUC is {OFF_LOW} to {OFF_HIGH}"
    holds = OFF_LOW <= area.value <= OFF_HIGH
    return Verdict("density off", EVERYONE, claim, len(scores), area, holds)


def permuted(scores: Values, draws: Flags) -> Verdict:
    """The films' own scores under labels of nobody, ``draws`` (d, n) from ``shuffled``.

    Guards the measuring: an area that a broken order of rows or a hospital's own prevalence lends.
    The interval is where 95 % of the draws lie.
    """
    areas = np.array([delong(scores[None], labels)[0][0] for labels in draws])
    low, high = np.percentile(areas, [2.5, 97.5]).tolist()
    figure = Interval(float(areas.mean()), low, high)
    claim = f"with labels permuted, mean AUC is {PERMUTED_LOW} to {PERMUTED_HIGH}"
    holds = PERMUTED_LOW <= figure.value <= PERMUTED_HIGH
    return Verdict("labels permuted", EVERYONE, claim, len(scores), figure, holds)


def shuffled(positive: Flags, sites: Sequence[str], seed: int) -> Flags:
    """``DRAWS`` permutations of labels (n,) within each hospital, (DRAWS, n).

    Each hospital keeps its prevalence, so that a score that only knows hospitals apart shows.
    """
    rng = np.random.default_rng(seed)
    draws = np.tile(positive, (DRAWS, 1))
    where = np.asarray(sites)
    for site in dict.fromkeys(sites):
        inside = where == site
        draws[:, inside] = rng.permuted(draws[:, inside], axis=1)
    return draws


def twins(scores: Values, others: Values, thinner: Flags) -> Verdict:
    """Pairs (n,) of films that differ in density alone; ``thinner`` where the other has less.

    Less bone must raise the score and more must lower it; a score that stays has not moved right.
    """
    right = np.where(thinner, others > scores, others < scores)
    share = wilson(int(right.sum()), len(right))
    claim = f"a tenth more or less bone moves the score the right way in {TWINS_LEAST:.0%} or more"
    return Verdict("twins", EVERYONE, claim, len(right), share, share.value >= TWINS_LEAST)


def not_too_good(site: str, scores: Values, positive: Flags) -> Verdict:
    """An area that no film can give: bone density is seen dimly, so near certainty is a leak."""
    area = auc(scores, positive)
    claim = f"AUC is at most {SUSPICIOUS}"
    return Verdict("too good", site, claim, len(scores), area, area.value <= SUSPICIOUS)


def grey_levels(film: Radiograph) -> Values:
    """``GREYS`` of a film's pixels, (4,)."""
    grey = film.pixels.astype(np.float64)
    return np.array([grey.mean(), grey.std(), *np.percentile(grey, [10, 90])])


def grey_level(levels: Values, positive: Flags, sites: Sequence[str]) -> Verdict:
    """``levels`` (n, 4) from ``grey_levels``: how light a film is must not tell who is sick.

    Density switched off cannot show this leak, an exposure that follows density: all films are then
    equally light. Films are ranked within their hospital; the figure is that of the level whose
    area lies farthest from 0.5.
    """
    where = np.asarray(sites)
    ranks = np.empty_like(levels)
    for site in dict.fromkeys(sites):
        inside = where == site
        ranks[inside] = rankdata(levels[inside], axis=0) / inside.sum()
    areas = [auc(one, positive) for one in ranks.T]
    worst = int(np.argmax([abs(area.value - 0.5) for area in areas]))
    claim = f"grey level alone ({GREYS[worst]}) has an AUC of {OFF_LOW} to {OFF_HIGH}"
    holds = OFF_LOW <= areas[worst].value <= OFF_HIGH
    return Verdict("grey level", EVERYONE, claim, len(levels), areas[worst], holds)


def chance_alone(positive: Flags) -> float:
    """How far from 0.5 the area of a score without knowledge lies in 19 of 20 cohorts like this.

    H. B. Mann and D. R. Whitney, Ann Math Stat 1947;18:50-60.
    """
    cases, controls = int(positive.sum()), int((~positive).sum())
    return Z95 * math.sqrt((cases + controls + 1) / (12 * cases * controls))
