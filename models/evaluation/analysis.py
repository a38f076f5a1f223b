"""The whole study of one bundle on one manifest, as data: pure functions from scores to figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from models.bundle.operating_points import thresholds
from models.dataset.entry import Entry, Split
from models.evaluation.bootstrap import patient_bootstrap
from models.evaluation.calibration import Agreement, agreement
from models.evaluation.decisions import (
    THRESHOLDS,
    Benefit,
    Performance,
    net_benefit,
    perform,
)
from models.evaluation.discrimination import Comparison, Flags, Interval, Values, auc, compare
from models.evaluation.published import CLINICAL, COMBINED, IMAGE
from models.evaluation.subgroups import Subgroup, subgroups

RIDGE, REFITTED = "ridge", "clinical-refitted"
_CLINICAL = (CLINICAL, REFITTED)
SUSPICIOUS = 0.97
"""An area above this on simulated films is taken for a leak until somebody has looked."""

Points = Mapping[str, Mapping[str, float]]
"""Thresholds by operating point, by model."""


@dataclass(frozen=True)
class ModelResult:
    """One model on one cohort; ``films`` is how many it had what it needs to score."""

    films: int
    auc: Interval
    auc_by_patient: Interval
    agreement: Agreement
    benefit: Benefit
    performance: tuple[Performance, ...]


@dataclass(frozen=True)
class Cohort:
    """Test films of one hospital. ``internal``: it gave films to training or validation too.

    ``benefit_gap`` is the smallest net benefit of image over a clinical model at thresholds of 10
    to 40 %, on the films that both score; None without a clinical model.
    """

    site: str
    internal: bool
    films: int
    patients: int
    positives: int
    models: Mapping[str, ModelResult]
    comparisons: tuple[Comparison, ...]
    benefit_gap: float | None

    @property
    def name(self) -> str:
        """As tables and legends call it."""
        kind = "internal" if self.internal else "external"
        return self.site if kind in self.site.lower() else f"{self.site} ({kind})"


@dataclass(frozen=True)
class Check:
    """A claim that must hold on a cohort, whether it does, and the figures it rests on."""

    cohort: str
    claim: str
    holds: bool
    figures: str


@dataclass(frozen=True)
class Study:
    """Everything that was measured."""

    points: Points
    cohorts: tuple[Cohort, ...]
    subgroups: tuple[Subgroup, ...]
    checks: tuple[Check, ...] = field(default=())


def conduct(
    entries: Sequence[Entry],
    scores: Mapping[str, Values],
    frozen: Points,
    home: frozenset[str],
    seed: int,
) -> Study:
    """Measure every model of ``scores`` (n,) on the test films of ``entries`` (n).

    A score is a probability, NaN where a model lacks its facts. Operating points come from the
    validation films; without any, they are those of ``frozen``, the bundle's own. ``home`` are
    the hospitals that gave films to training or validation.
    """
    splits = np.array([entry.split for entry in entries])
    positive = np.array([entry.label for entry in entries])
    points = _freeze(scores, positive, splits == Split.VALIDATION, frozen)
    sites = np.array([entry.site for entry in entries])
    tested = splits == Split.TEST
    cohorts = []
    for site in dict.fromkeys(sites[tested].tolist()):
        inside = np.flatnonzero(tested & (sites == site))
        own = [entries[index] for index in inside.tolist()]
        parts = {name: values[inside] for name, values in scores.items()}
        cohorts.append(_cohort(site, site in home, own, parts, points, seed))
    everyone = [entry for entry in entries if entry.split is Split.TEST]
    image = points.get(IMAGE, {})
    groups = subgroups(everyone, scores[IMAGE][tested], next(iter(image.values()), None))
    return Study(points, tuple(cohorts), tuple(groups), tuple(_checks(cohorts)))


def _freeze(
    scores: Mapping[str, Values], positive: Flags, validation: Flags, frozen: Points
) -> Points:
    if not validation.any():
        return {name: cuts for name, cuts in frozen.items() if name in scores}
    points: dict[str, Mapping[str, float]] = {}
    for name, values in scores.items():
        usable = validation & np.isfinite(values)
        if len(set(positive[usable].tolist())) == 2:
            points[name] = thresholds(values[usable], positive[usable])
    return points


def _cohort(
    site: str,
    internal: bool,
    entries: Sequence[Entry],
    scores: Mapping[str, Values],
    points: Points,
    seed: int,
) -> Cohort:
    positive = np.array([entry.label for entry in entries])
    patients = [entry.patient_id for entry in entries]
    measured = {
        name: _measure(values, positive, patients, points.get(name, {}), seed)
        for name, values in scores.items()
        if _enough(values, positive)
    }
    pairs = [
        _compare(first, second, scores[first], scores[second], positive)
        for first, second in combinations(measured, 2)
        if _enough(scores[first] + scores[second], positive)
    ]
    return Cohort(
        site=site,
        internal=internal,
        films=len(entries),
        patients=len(set(patients)),
        positives=int(positive.sum()),
        models=measured,
        comparisons=tuple(pairs),
        benefit_gap=min(
            (_benefit_gap(scores, one, positive) for one in _CLINICAL if one in measured),
            default=None,
        ),
    )


def _enough(values: Values, positive: Flags) -> bool:
    """Whether at least two films of each class have a score."""
    usable = positive[np.isfinite(values)]
    return min(int(usable.sum()), int((~usable).sum())) >= 2


def _measure(
    values: Values,
    positive: Flags,
    patients: Sequence[str],
    points: Mapping[str, float],
    seed: int,
) -> ModelResult:
    usable = np.isfinite(values)
    scores, labels = values[usable], positive[usable]
    owners = [patient for patient, kept in zip(patients, usable, strict=True) if kept]
    return ModelResult(
        films=len(scores),
        auc=auc(scores, labels),
        auc_by_patient=patient_bootstrap(scores, labels, owners, seed),
        agreement=agreement(scores, labels),
        benefit=net_benefit(scores, labels),
        performance=tuple(perform(name, cut, scores, labels) for name, cut in points.items()),
    )


def _compare(first: str, second: str, one: Values, other: Values, positive: Flags) -> Comparison:
    both = np.isfinite(one) & np.isfinite(other)
    return compare(first, second, np.stack([one[both], other[both]]), positive[both])


def _checks(cohorts: Sequence[Cohort]) -> list[Check]:
    found = []
    for cohort in cohorts:
        for rival in (RIDGE, *_CLINICAL):
            for pair in cohort.comparisons:
                if (pair.first, pair.second) == (IMAGE, rival):
                    holds = pair.difference.value > 0 and pair.p < 0.05
                    figures = f"difference {pair.difference.value:+.3f}, p = {pair.p:.2g}"
                    claim = f"image ranks better than {rival} (DeLong, p < 0.05)"
                    found.append(Check(cohort.name, claim, holds, figures))
        for pair in cohort.comparisons:
            if (pair.first, pair.second) == (IMAGE, COMBINED):
                gap = -pair.difference.value
                claim = "combined ranks no worse than image, less 0.01, on the same films"
                found.append(Check(cohort.name, claim, gap >= -0.01, f"difference {gap:+.4f}"))
        models = cohort.models
        if cohort.benefit_gap is not None:
            gap = cohort.benefit_gap
            claim = "net benefit of image is at least that of clinical, thresholds 10 to 40 %"
            figures = f"smallest difference {gap:+.4f}"
            found.append(Check(cohort.name, claim, gap >= 0, figures))
        if IMAGE in models:
            area = models[IMAGE].auc.value
            claim = f"image is not too good to be true (AUC at most {SUSPICIOUS})"
            found.append(Check(cohort.name, claim, area <= SUSPICIOUS, f"AUC {area:.3f}"))
    return found


def _benefit_gap(scores: Mapping[str, Values], rival: str, positive: Flags) -> float:
    both = np.isfinite(scores[IMAGE]) & np.isfinite(scores[rival])
    image, clinical = (
        net_benefit(scores[name][both], positive[both]).model for name in (IMAGE, rival)
    )
    asked = (THRESHOLDS >= 0.10) & (THRESHOLDS <= 0.40)
    return float((image - clinical)[asked].min())
