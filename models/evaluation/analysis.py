"""Analysis of all models on all test films: pure functions from scores to metrics and checks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from models.bundle.operating_points import find_thresholds
from models.calibration.auc import (
    AucComparison,
    Flags,
    IntervalEstimate,
    Values,
    auc_with_interval,
    bootstrap_auc_by_patient,
    compare_aucs,
)
from models.dataset.entry import Entry, Split
from models.evaluation.calibration import CalibrationMetrics, measure_calibration
from models.evaluation.decision_curve import DecisionCurve, decision_curve, smallest_difference
from models.evaluation.published import CLINICAL, COMBINED, IMAGE
from models.evaluation.subgroups import Subgroup, measure_subgroups
from models.evaluation.threshold_metrics import ThresholdMetrics, measure_threshold

RIDGE, REFITTED = "ridge", "clinical-refitted"
_CLINICAL_MODELS = (CLINICAL, REFITTED)
_BASELINES = {
    RIDGE: "the ridge baseline",
    CLINICAL: "the clinical model",
    REFITTED: "the refitted clinical model",
}
IMPLAUSIBLE_AUC = 0.97
"""An AUC above this value on simulated films indicates label leakage."""

ThresholdsByModel = Mapping[str, Mapping[str, float]]
"""Thresholds by model and operating point."""


@dataclass(frozen=True)
class ModelResult:
    """Metrics of one model on one cohort; ``films`` is the number of films with a score."""

    films: int
    auc: IntervalEstimate
    auc_by_patient: IntervalEstimate
    calibration: CalibrationMetrics
    decision_curve: DecisionCurve
    performance: tuple[ThresholdMetrics, ...]


@dataclass(frozen=True)
class CohortResult:
    """Results on the test films of one site.

    ``internal`` is True if the site also has training or validation films.
    ``net_benefit_difference`` is the smallest net benefit of the image model minus that of a
    clinical model, at thresholds of 10 to 40 %, or None without a clinical model.
    """

    site: str
    internal: bool
    films: int
    patients: int
    positives: int
    models: Mapping[str, ModelResult]
    comparisons: tuple[AucComparison, ...]
    net_benefit_difference: float | None

    @property
    def name(self) -> str:
        """The site's name for tables and legends, with "internal" or "external"."""
        kind = "internal" if self.internal else "external"
        return self.site if kind in self.site.lower() else f"{self.site} ({kind})"


@dataclass(frozen=True)
class AcceptanceCheck:
    """An expected result on a cohort, whether it was met, and the measured values."""

    cohort: str
    claim: str
    holds: bool
    detail: str


@dataclass(frozen=True)
class Analysis:
    """All results of an evaluation."""

    operating_points: ThresholdsByModel
    cohorts: tuple[CohortResult, ...]
    subgroups: tuple[Subgroup, ...]
    checks: tuple[AcceptanceCheck, ...] = field(default=())


def analyse_models(
    entries: Sequence[Entry],
    scores: Mapping[str, Values],
    card_thresholds: ThresholdsByModel,
    internal_sites: frozenset[str],
    seed: int,
) -> Analysis:
    """Evaluate every model of ``scores`` (n,) on the test films of ``entries`` (n).

    A score is a probability, or NaN if an input of the model is missing. Thresholds are chosen on
    the validation films; without validation films, ``card_thresholds`` are used.
    """
    splits = np.array([entry.split for entry in entries])
    positive = np.array([entry.label for entry in entries])
    points = _choose_thresholds(scores, positive, splits == Split.VALIDATION, card_thresholds)
    sites = np.array([entry.site for entry in entries])
    in_test = splits == Split.TEST
    cohorts = []
    for site in dict.fromkeys(sites[in_test].tolist()):
        inside = np.flatnonzero(in_test & (sites == site))
        site_entries = [entries[index] for index in inside.tolist()]
        site_scores = {name: values[inside] for name, values in scores.items()}
        cohorts.append(
            _analyse_cohort(site, site in internal_sites, site_entries, site_scores, points, seed)
        )
    test_entries = [entry for entry in entries if entry.split is Split.TEST]
    threshold = next(iter(points.get(IMAGE, {}).values()), None)
    subgroups = measure_subgroups(test_entries, scores[IMAGE][in_test], threshold)
    checks = [check for cohort in cohorts for check in _check_cohort(cohort)]
    return Analysis(points, tuple(cohorts), tuple(subgroups), tuple(checks))


def _choose_thresholds(
    scores: Mapping[str, Values],
    positive: Flags,
    validation: Flags,
    card_thresholds: ThresholdsByModel,
) -> ThresholdsByModel:
    if not validation.any():
        return {name: points for name, points in card_thresholds.items() if name in scores}
    chosen: dict[str, Mapping[str, float]] = {}
    for name, values in scores.items():
        usable = validation & np.isfinite(values)
        if len(set(positive[usable].tolist())) == 2:
            chosen[name] = find_thresholds(values[usable], positive[usable])
    return chosen


def _analyse_cohort(
    site: str,
    internal: bool,
    entries: Sequence[Entry],
    scores: Mapping[str, Values],
    points: ThresholdsByModel,
    seed: int,
) -> CohortResult:
    positive = np.array([entry.label for entry in entries])
    patients = [entry.patient_id for entry in entries]
    results = {
        name: _measure_model(values, positive, patients, points.get(name, {}), seed)
        for name, values in scores.items()
        if _has_both_classes(values, positive)
    }
    comparisons = [
        _compare(first, second, scores, positive)
        for first, second in combinations(results, 2)
        if _has_both_classes(scores[first] + scores[second], positive)
    ]
    differences = [
        smallest_difference(scores[IMAGE], scores[name], positive)
        for name in _CLINICAL_MODELS
        if name in results
    ]
    return CohortResult(
        site=site,
        internal=internal,
        films=len(entries),
        patients=len(set(patients)),
        positives=int(positive.sum()),
        models=results,
        comparisons=tuple(comparisons),
        net_benefit_difference=min(differences, default=None),
    )


def _has_both_classes(values: Values, positive: Flags) -> bool:
    """Return whether at least two films of each class have a score."""
    scored = positive[np.isfinite(values)]
    return min(int(scored.sum()), int((~scored).sum())) >= 2


def _measure_model(
    values: Values,
    positive: Flags,
    patients: Sequence[str],
    points: Mapping[str, float],
    seed: int,
) -> ModelResult:
    usable = np.isfinite(values)
    scores, labels = values[usable], positive[usable]
    owners = [patient for patient, has_score in zip(patients, usable, strict=True) if has_score]
    return ModelResult(
        films=len(scores),
        auc=auc_with_interval(scores, labels),
        auc_by_patient=bootstrap_auc_by_patient(scores, labels, owners, seed),
        calibration=measure_calibration(scores, labels),
        decision_curve=decision_curve(scores, labels),
        performance=tuple(
            measure_threshold(name, threshold, scores, labels) for name, threshold in points.items()
        ),
    )


def _compare(
    first: str, second: str, scores: Mapping[str, Values], positive: Flags
) -> AucComparison:
    pair = np.stack([scores[first], scores[second]])
    usable = np.isfinite(pair).all(axis=0)
    return compare_aucs(first, second, pair[:, usable], positive[usable])


def _check_cohort(cohort: CohortResult) -> list[AcceptanceCheck]:
    def check(claim: str, holds: bool, detail: str) -> AcceptanceCheck:
        return AcceptanceCheck(cohort.name, claim, holds, detail)

    against_image = {pair.second: pair for pair in cohort.comparisons if pair.first == IMAGE}
    checks = []
    for baseline, description in _BASELINES.items():
        if pair := against_image.get(baseline):
            gap = pair.difference.value
            claim = (
                f"AUC of the image model is higher than that of {description} (DeLong, p < 0.05)"
            )
            detail = f"difference {gap:+.3f}, p = {pair.p:.2g}"
            checks.append(check(claim, gap > 0 and pair.p < 0.05, detail))
    if pair := against_image.get(COMBINED):
        gap = -pair.difference.value
        claim = "AUC of the combined model is at most 0.01 below that of the image model"
        checks.append(check(claim, gap >= -0.01, f"difference {gap:+.4f}"))
    if cohort.net_benefit_difference is not None:
        gap = cohort.net_benefit_difference
        claim = "net benefit of the image model is at least that of a clinical model (10 to 40 %)"
        checks.append(check(claim, gap >= 0, f"smallest difference {gap:+.4f}"))
    if IMAGE in cohort.models:
        area = cohort.models[IMAGE].auc.value
        claim = f"AUC of the image model is plausible (at most {IMPLAUSIBLE_AUC})"
        checks.append(check(claim, area <= IMPLAUSIBLE_AUC, f"AUC {area:.3f}"))
    return checks
