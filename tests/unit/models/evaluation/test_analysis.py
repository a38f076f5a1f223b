"""A study says of each hospital what each model does there, and whether the claims hold."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.dataset.entry import Entry, Sex, Split
from models.evaluation.analysis import RIDGE, Study, conduct
from models.evaluation.baseline import fit_baseline
from models.evaluation.decisions import perform
from models.evaluation.discrimination import auc
from models.evaluation.published import CLINICAL, COMBINED, IMAGE
from models.evaluation.report import beside_paper
from models.evaluation.subgroups import subgroups

RNG = np.random.default_rng(0)


def _entries(count: int = 400) -> list[Entry]:
    """A third of hospital A to validate on, the rest of A and all of B to test on."""
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
    """Calibrated probabilities of two normal classes, ``strength`` standard deviations apart."""
    seen = strength * POSITIVE + RNG.normal(0, 1, len(POSITIVE))
    odds = np.log(0.4 / 0.6) + strength * (seen - strength / 2)
    return 1 / (1 + np.exp(-odds))


@pytest.fixture(scope="module")
def scores() -> dict[str, np.ndarray]:
    """Return a good image model, a weak clinical one without facts for a tenth, and others."""
    image, clinical = _scores(2.2), _scores(0.5)
    clinical[::10] = np.nan
    return {IMAGE: image, CLINICAL: clinical, COMBINED: image * 0.99, RIDGE: _scores(0.3)}


@pytest.fixture(scope="module")
def study(scores: dict[str, np.ndarray]) -> Study:
    """Return the study of these models."""
    return conduct(ENTRIES, scores, {IMAGE: {"youden": 0.5}}, frozenset({"A"}), 0)


def test_each_hospital_is_measured_apart_on_its_test_films(
    study: Study, scores: dict[str, np.ndarray]
) -> None:
    assert {cohort.name for cohort in study.cohorts} == {"A (internal)", "B (external)"}
    for cohort in study.cohorts:
        inside = np.array([e.site == cohort.site and e.split is Split.TEST for e in ENTRIES])
        assert cohort.films == inside.sum()
        assert cohort.positives == POSITIVE[inside].sum()
        assert cohort.models[IMAGE].auc == auc(scores[IMAGE][inside], POSITIVE[inside])


def test_thresholds_come_from_validation_films_alone(
    study: Study, scores: dict[str, np.ndarray]
) -> None:
    """Whatever the test films score, the thresholds stay."""
    tested = np.array([entry.split is Split.TEST for entry in ENTRIES])
    other = {name: np.where(tested, 1 - values, values) for name, values in scores.items()}
    again = conduct(ENTRIES, other, {}, frozenset({"A"}), 0)
    assert again.points == study.points
    assert set(study.points[IMAGE]) == {"youden", "sensitivity-90", "specificity-90"}
    shown = {at.name: at.threshold for at in study.cohorts[0].models[IMAGE].performance}
    assert shown == study.points[IMAGE]


def test_without_validation_films_the_bundle_keeps_its_thresholds(
    scores: dict[str, np.ndarray],
) -> None:
    entries = [replace(entry, split=Split.TEST) for entry in ENTRIES]
    own = {IMAGE: {"card": 0.37}, COMBINED: {"card": 0.29}}
    found = conduct(entries, scores, own, frozenset(), 0)
    assert found.points == own
    measured = found.cohorts[0].models
    assert [at.threshold for at in measured[IMAGE].performance] == [0.37]
    assert [at.threshold for at in measured[COMBINED].performance] == [0.29]
    assert measured[CLINICAL].performance == ()
    alone = conduct(entries, {IMAGE: scores[IMAGE]}, own, frozenset(), 0)
    assert set(alone.points) == {IMAGE}
    assert all(not cohort.internal for cohort in found.cohorts)


def test_a_model_without_its_facts_is_measured_where_it_has_them(
    study: Study, scores: dict[str, np.ndarray]
) -> None:
    for cohort in study.cohorts:
        inside = np.array([e.site == cohort.site and e.split is Split.TEST for e in ENTRIES])
        assert cohort.models[CLINICAL].films == np.isfinite(scores[CLINICAL][inside]).sum()
    nobody = conduct(
        ENTRIES, scores | {CLINICAL: np.full(len(ENTRIES), np.nan)}, {}, frozenset({"A"}), 0
    )
    assert all(set(cohort.models) == {IMAGE, COMBINED, RIDGE} for cohort in nobody.cohorts)


def test_claims_hold_for_a_good_model_and_fail_for_a_poor_one(
    study: Study, scores: dict[str, np.ndarray]
) -> None:
    assert len(study.checks) == 10
    assert all(check.holds for check in study.checks)
    swapped = scores | {IMAGE: scores[RIDGE], RIDGE: scores[IMAGE], COMBINED: _scores(0.0)}
    poor = conduct(ENTRIES, swapped, {}, frozenset({"A"}), 0)
    failed = {check.claim.split(" (")[0] for check in poor.checks if not check.holds}
    assert "image ranks better than ridge" in failed
    assert any(claim.startswith("combined ranks no worse") for claim in failed)
    assert any(claim.startswith("net benefit") for claim in failed)


def test_a_model_too_good_to_be_true_is_pointed_at(scores: dict[str, np.ndarray]) -> None:
    leaking = conduct(ENTRIES, scores | {IMAGE: _scores(8.0)}, {}, frozenset({"A"}), 0)
    assert sum("too good" in check.claim and not check.holds for check in leaking.checks) == 2


def test_permuted_labels_leave_nothing(scores: dict[str, np.ndarray]) -> None:
    rng = np.random.default_rng(5)
    areas = []
    for _ in range(8):
        labels = rng.permutation(POSITIVE)
        permuted = [replace(e, label=bool(at)) for e, at in zip(ENTRIES, labels, strict=True)]
        found = conduct(permuted, {IMAGE: scores[IMAGE]}, {}, frozenset({"A"}), 0)
        areas += [cohort.models[IMAGE].auc.value for cohort in found.cohorts]
    assert np.mean(areas) == pytest.approx(0.5, abs=0.04)


def test_the_published_figures_stand_beside_ours(study: Study) -> None:
    cells = {(cell.model, cell.role): cell for cell in beside_paper(study)}
    assert cells[IMAGE, "internal test"].paper == 0.917
    assert cells[CLINICAL, "external test 2"].paper == 0.532
    by_site = {cohort.site: cohort for cohort in study.cohorts}
    assert cells[IMAGE, "internal test"].ours == by_site["A"].models[IMAGE].auc
    assert cells[COMBINED, "external test 1"].ours == by_site["B"].models[COMBINED].auc
    assert cells[IMAGE, "external test 2"].ours is None


def test_subgroups_have_figures_where_both_classes_are_large_enough(
    scores: dict[str, np.ndarray],
) -> None:
    groups = {(g.dimension, g.level): g for g in subgroups(ENTRIES, scores[IMAGE], 0.5)}
    women = groups["sex", "women"]
    inside = np.array([entry.sex is Sex.FEMALE for entry in ENTRIES])
    assert women.auc == auc(scores[IMAGE][inside], POSITIVE[inside])
    here = perform("", 0.5, scores[IMAGE][inside], POSITIVE[inside])
    assert (women.sensitivity, women.specificity) == (here.sensitivity, here.specificity)
    men = groups["sex", "men"]
    assert not men.sufficient
    assert men.auc is None
    assert {level for dimension, level in groups if dimension.startswith("age")} == {
        "50-59",
        "60-69",
    }
    assert ("BMI, kg/m²", "18.5 to 25") in groups
    assert not any(dimension == "view" for dimension, _ in groups)


def test_without_a_threshold_subgroups_have_areas_alone(scores: dict[str, np.ndarray]) -> None:
    women = next(g for g in subgroups(ENTRIES, scores[IMAGE], None) if g.level == "women")
    assert women.auc is not None
    assert women.sensitivity is None


def _baseline_entries(splits: list[Split]) -> list[Entry]:
    """60 patients of two films each; splits have both classes."""
    return [
        Entry(Path(f"{n}.png"), f"p{n // 2}", "A", splits[n // 4 % len(splits)], bool(n // 2 % 2))
        for n in range(120)
    ]


def test_the_ridge_never_sees_the_patient_it_scores() -> None:
    """Films of one patient look alike and say nothing of the label: memory must not help."""
    rng = np.random.default_rng(1)
    entries = _baseline_entries([Split.TEST])
    looks = np.repeat(rng.normal(0, 1, (60, 180)), 2, axis=0) + rng.normal(0, 0.01, (120, 180))
    found = fit_baseline(looks, entries, 0)
    positive = np.array([entry.label for entry in entries])
    assert auc(found.probabilities, positive).value < 0.7
    assert "cross-validated" in found.how


def test_the_ridge_finds_what_band_energies_show() -> None:
    rng = np.random.default_rng(1)
    entries = _baseline_entries([Split.TRAIN, Split.TEST])
    positive = np.array([entry.label for entry in entries])
    looks = rng.normal(0, 1, (120, 180))
    looks[:, :40] += positive[:, None]
    found = fit_baseline(looks, entries, 0)
    tested = np.array([entry.split is Split.TEST for entry in entries])
    assert found.how == "fitted on the split train"
    assert auc(found.probabilities[tested], positive[tested]).value > 0.75
    assert np.all((found.probabilities > 0) & (found.probabilities < 1))


def test_a_study_is_the_same_every_time(scores: dict[str, np.ndarray], study: Study) -> None:
    again = conduct(ENTRIES, scores, {IMAGE: {"youden": 0.5}}, frozenset({"A"}), 0)
    first, second = (
        json.dumps([cohort.models[IMAGE].auc_by_patient.low for cohort in one.cohorts])
        for one in (study, again)
    )
    assert first == second
