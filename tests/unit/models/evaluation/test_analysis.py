"""The analysis measures each model at each site and checks the results."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.calibration.auc import auc_with_interval
from models.dataset.entry import Entry, Sex, Split
from models.evaluation.analysis import RIDGE, Analysis, analyse_models
from models.evaluation.baseline import fit_baseline
from models.evaluation.published import CLINICAL, COMBINED, IMAGE
from models.evaluation.report import compare_with_published
from models.evaluation.subgroups import measure_subgroups
from models.evaluation.threshold_metrics import measure_threshold

RNG = np.random.default_rng(0)


def _entries(count: int = 400) -> list[Entry]:
    """Return entries of two sites: a third of site A is for validation, the rest for testing."""
    entries = []
    for number in range(count):
        site = "A" if number % 2 else "B"
        split = Split.VALIDATION if site == "A" and number % 3 == 0 else Split.TEST
        entries.append(
            Entry(
                Path(f"{number}.png"),
                f"p{number}",
                site,
                split,
                label=bool(RNG.random() < 0.4),
                age=float(RNG.integers(50, 70)),
                sex=Sex.FEMALE if number % 4 < 3 else Sex.MALE,
                weight_kg=70.0,
                height_cm=170.0,
            )
        )
    return entries


ENTRIES = _entries()
POSITIVE = np.array([entry.label for entry in ENTRIES])


def _scores(strength: float) -> np.ndarray:
    """Return calibrated probabilities of two normal classes that are ``strength`` SD apart."""
    marker = strength * POSITIVE + RNG.normal(0, 1, len(POSITIVE))
    odds = np.log(0.4 / 0.6) + strength * (marker - strength / 2)
    return 1 / (1 + np.exp(-odds))


@pytest.fixture(scope="module")
def scores() -> dict[str, np.ndarray]:
    """Return scores by model; the clinical model is weak and lacks inputs for 10 % of films."""
    image, clinical = _scores(2.2), _scores(0.5)
    clinical[::10] = np.nan
    return {IMAGE: image, CLINICAL: clinical, COMBINED: image * 0.99, RIDGE: _scores(0.3)}


@pytest.fixture(scope="module")
def analysis(scores: dict[str, np.ndarray]) -> Analysis:
    """Return the analysis of the models in ``scores``."""
    return analyse_models(ENTRIES, scores, {IMAGE: {"youden": 0.5}}, frozenset({"A"}), 0)


def test_each_site_is_analysed_separately_on_its_test_films(
    analysis: Analysis, scores: dict[str, np.ndarray]
) -> None:
    assert {cohort.name for cohort in analysis.cohorts} == {"A (internal)", "B (external)"}
    for cohort in analysis.cohorts:
        inside = np.array([e.site == cohort.site and e.split is Split.TEST for e in ENTRIES])
        assert cohort.films == inside.sum()
        assert cohort.positives == POSITIVE[inside].sum()
        assert cohort.models[IMAGE].auc == auc_with_interval(
            scores[IMAGE][inside], POSITIVE[inside]
        )


def test_thresholds_come_from_validation_films_alone(
    analysis: Analysis, scores: dict[str, np.ndarray]
) -> None:
    """Changed scores of the test films do not change the thresholds."""
    tested = np.array([entry.split is Split.TEST for entry in ENTRIES])
    changed = {name: np.where(tested, 1 - values, values) for name, values in scores.items()}
    again = analyse_models(ENTRIES, changed, {}, frozenset({"A"}), 0)
    assert again.operating_points == analysis.operating_points
    assert set(analysis.operating_points[IMAGE]) == {"youden", "sensitivity-90", "specificity-90"}
    thresholds = {
        point.name: point.threshold for point in analysis.cohorts[0].models[IMAGE].performance
    }
    assert thresholds == analysis.operating_points[IMAGE]


def test_without_validation_films_the_thresholds_of_the_card_are_used(
    scores: dict[str, np.ndarray],
) -> None:
    entries = [replace(entry, split=Split.TEST) for entry in ENTRIES]
    card = {IMAGE: {"card": 0.37}, COMBINED: {"card": 0.29}}
    without_validation = analyse_models(entries, scores, card, frozenset(), 0)
    assert without_validation.operating_points == card
    models = without_validation.cohorts[0].models
    assert [point.threshold for point in models[IMAGE].performance] == [0.37]
    assert [point.threshold for point in models[COMBINED].performance] == [0.29]
    assert models[CLINICAL].performance == ()
    image_only = analyse_models(entries, {IMAGE: scores[IMAGE]}, card, frozenset(), 0)
    assert set(image_only.operating_points) == {IMAGE}
    assert all(not cohort.internal for cohort in without_validation.cohorts)


def test_a_model_is_measured_on_the_films_that_have_its_inputs(
    analysis: Analysis, scores: dict[str, np.ndarray]
) -> None:
    for cohort in analysis.cohorts:
        inside = np.array([e.site == cohort.site and e.split is Split.TEST for e in ENTRIES])
        assert cohort.models[CLINICAL].films == np.isfinite(scores[CLINICAL][inside]).sum()
    no_inputs = analyse_models(
        ENTRIES, scores | {CLINICAL: np.full(len(ENTRIES), np.nan)}, {}, frozenset({"A"}), 0
    )
    assert all(set(cohort.models) == {IMAGE, COMBINED, RIDGE} for cohort in no_inputs.cohorts)


def test_checks_pass_for_a_good_model_and_fail_for_a_poor_model(
    analysis: Analysis, scores: dict[str, np.ndarray]
) -> None:
    assert len(analysis.checks) == 10
    assert all(check.holds for check in analysis.checks)
    swapped = scores | {IMAGE: scores[RIDGE], RIDGE: scores[IMAGE], COMBINED: _scores(0.0)}
    poor = analyse_models(ENTRIES, swapped, {}, frozenset({"A"}), 0)
    failed = {check.claim.split(" (")[0] for check in poor.checks if not check.holds}
    assert "AUC of the image model is higher than that of the ridge baseline" in failed
    assert any(claim.startswith("AUC of the combined model") for claim in failed)
    assert any(claim.startswith("net benefit") for claim in failed)


def test_an_implausible_auc_fails_a_check(scores: dict[str, np.ndarray]) -> None:
    leaking = analyse_models(ENTRIES, scores | {IMAGE: _scores(8.0)}, {}, frozenset({"A"}), 0)
    assert sum("plausible" in check.claim and not check.holds for check in leaking.checks) == 2


def test_permuted_labels_give_an_auc_of_one_half(scores: dict[str, np.ndarray]) -> None:
    rng = np.random.default_rng(5)
    areas = []
    for _ in range(8):
        labels = rng.permutation(POSITIVE)
        permuted = [
            replace(entry, label=bool(label)) for entry, label in zip(ENTRIES, labels, strict=True)
        ]
        result = analyse_models(permuted, {IMAGE: scores[IMAGE]}, {}, frozenset({"A"}), 0)
        areas += [cohort.models[IMAGE].auc.value for cohort in result.cohorts]
    assert np.mean(areas) == pytest.approx(0.5, abs=0.04)


def test_published_and_measured_aucs_are_compared_by_role(analysis: Analysis) -> None:
    cells = {(cell.model, cell.role): cell for cell in compare_with_published(analysis)}
    assert cells[IMAGE, "internal test"].published == 0.917
    assert cells[CLINICAL, "external test 2"].published == 0.532
    by_site = {cohort.site: cohort for cohort in analysis.cohorts}
    assert cells[IMAGE, "internal test"].measured == by_site["A"].models[IMAGE].auc
    assert cells[COMBINED, "external test 1"].measured == by_site["B"].models[COMBINED].auc
    assert cells[IMAGE, "external test 2"].measured is None


def test_subgroups_have_metrics_if_both_classes_are_large_enough(
    scores: dict[str, np.ndarray],
) -> None:
    groups = {(g.dimension, g.level): g for g in measure_subgroups(ENTRIES, scores[IMAGE], 0.5)}
    women = groups["sex", "women"]
    inside = np.array([entry.sex is Sex.FEMALE for entry in ENTRIES])
    assert women.auc == auc_with_interval(scores[IMAGE][inside], POSITIVE[inside])
    expected = measure_threshold("", 0.5, scores[IMAGE][inside], POSITIVE[inside])
    assert (women.sensitivity, women.specificity) == (expected.sensitivity, expected.specificity)
    men = groups["sex", "men"]
    assert not men.sufficient
    assert men.auc is None
    assert {level for dimension, level in groups if dimension.startswith("age")} == {
        "50-59",
        "60-69",
    }
    assert ("BMI, kg/m²", "18.5 to 25") in groups
    assert not any(dimension == "view" for dimension, _ in groups)


def test_without_a_threshold_subgroups_have_only_an_auc(scores: dict[str, np.ndarray]) -> None:
    women = next(g for g in measure_subgroups(ENTRIES, scores[IMAGE], None) if g.level == "women")
    assert women.auc is not None
    assert women.sensitivity is None


def _baseline_entries(splits: list[Split]) -> list[Entry]:
    """Return 60 patients with two films each; every split has both classes."""
    return [
        Entry(Path(f"{n}.png"), f"p{n // 2}", "A", splits[n // 4 % len(splits)], bool(n // 2 % 2))
        for n in range(120)
    ]


def test_the_ridge_is_not_trained_on_the_patient_that_it_scores() -> None:
    """A patient's two films are similar but independent of the label; leakage raises the AUC."""
    rng = np.random.default_rng(1)
    entries = _baseline_entries([Split.TEST])
    features = np.repeat(rng.normal(0, 1, (60, 180)), 2, axis=0) + rng.normal(0, 0.01, (120, 180))
    baseline = fit_baseline(features, entries, 0)
    positive = np.array([entry.label for entry in entries])
    assert auc_with_interval(baseline.probabilities, positive).value < 0.7
    assert "cross-validated" in baseline.description


def test_the_ridge_learns_from_band_energies() -> None:
    rng = np.random.default_rng(1)
    entries = _baseline_entries([Split.TRAIN, Split.TEST])
    positive = np.array([entry.label for entry in entries])
    features = rng.normal(0, 1, (120, 180))
    features[:, :40] += positive[:, None]
    baseline = fit_baseline(features, entries, 0)
    tested = np.array([entry.split is Split.TEST for entry in entries])
    assert baseline.description == "fitted on the split train"
    assert auc_with_interval(baseline.probabilities[tested], positive[tested]).value > 0.75
    assert np.all((baseline.probabilities > 0) & (baseline.probabilities < 1))


def test_an_analysis_is_reproducible(scores: dict[str, np.ndarray], analysis: Analysis) -> None:
    again = analyse_models(ENTRIES, scores, {IMAGE: {"youden": 0.5}}, frozenset({"A"}), 0)
    first, second = (
        json.dumps([cohort.models[IMAGE].auc_by_patient.low for cohort in result.cohorts])
        for result in (analysis, again)
    )
    assert first == second
