"""Each check passes without leakage, and fails with the leak that it must detect."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from models.evaluation.leakage_checks import (
    chance_margin,
    check_density_off,
    check_grey_level,
    check_permuted_labels,
    check_plausible_auc,
    check_twins,
    grey_level_features,
    permute_labels,
)
from models.images.radiograph import Radiograph
from models.simulate import patients
from models.simulate import subject as subjects
from models.simulate.exposure import Exposure
from models.simulate.film_files import DENSITY_OFF_T_SCORE
from models.simulate.patients import Patient, draw_cohort
from models.simulate.subject import Scene, SimulatedSubject, expose_scene


@pytest.fixture
def rng() -> np.random.Generator:
    """Return a random generator with a fixed seed."""
    return np.random.default_rng(5)


def _labels(count: int = 1200) -> np.ndarray:
    """Return labels with a prevalence of 37 %, positives first."""
    return np.arange(count) < count * 37 // 100


@pytest.fixture(scope="module")
def people() -> list[Patient]:
    """Return test patients of all hospitals; do not change them."""
    return [patient for patient in draw_cohort(1100, 1) if patient.split == "test"][::2]


def _labels_of(people: Sequence[Patient]) -> np.ndarray:
    return np.array([patient.label for patient in people])


def _greys(people: Sequence[Patient], t_score: float | None = None) -> np.ndarray:
    """Return grey levels (n, 4) of a slab with a spine, exposed by the simulated equipment.

    Each patient has their own density; with ``t_score``, all patients have this T-score.
    """
    line = np.linspace(-1, 1, 32, dtype=np.float32)
    water = np.where(abs(line) < 0.8, 14.0, 0.0).astype(np.float32) + 0 * line[:, None]
    bone = np.where(abs(line) < 0.1, 1.2, 0.0).astype(np.float32) + 0 * line[:, None]
    scene = Scene(water, bone, np.zeros_like(bone))
    levels = []
    for patient in people:
        subject = patient.subject()
        if t_score is not None:
            subject = replace(subject, t_score=t_score)
        levels.append(grey_level_features(Radiograph(expose_scene(scene, subject))))
    return np.stack(levels)


def test_the_mean_grey_level_does_not_predict_the_label_without_density(
    people: list[Patient],
) -> None:
    assert check_density_off(_greys(people, DENSITY_OFF_T_SCORE)[:, 0], _labels_of(people)).holds


def test_density_off_fails_if_exposure_depends_on_the_label(
    people: list[Patient], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The window of positive patients is wider, so their films are brighter.

    A net could learn this difference instead of bone density.
    """
    build: Callable[..., SimulatedSubject] = patients.build_subject

    def leaking(*arguments: object) -> SimulatedSubject:
        subject = build(*arguments)
        processing = subject.exposure.processing
        wider = replace(processing, low=processing.low - 0.2 * subject.label)
        return replace(subject, exposure=replace(subject.exposure, processing=wider))

    monkeypatch.setattr(patients, "build_subject", leaking)
    result = check_density_off(_greys(people, DENSITY_OFF_T_SCORE)[:, 0], _labels_of(people))
    assert not result.holds
    assert result.estimate.low > 0.55


def test_density_off_fails_for_an_auc_below_one_half(rng: np.random.Generator) -> None:
    """A ranking in the wrong direction is also a leak."""
    labels = _labels()
    assert not check_density_off(rng.normal(size=1200) - 0.5 * labels, labels).holds


def test_permuted_labels_give_an_auc_of_one_half(rng: np.random.Generator) -> None:
    labels = _labels()
    sites = ["A"] * 300 + ["B"] * 900
    result = check_permuted_labels(
        rng.normal(size=1200) + 2.0 * labels, permute_labels(labels, ["A"] * 1200, 0)
    )
    assert result.holds
    assert result.estimate.value == pytest.approx(0.5, abs=0.003)
    assert result.estimate.low < 0.48 < 0.52 < result.estimate.high
    draws = permute_labels(labels[::-1], sites, 0)
    assert np.array_equal(draws, permute_labels(labels[::-1], sites, 0))
    assert set(draws[:, :300].sum(axis=1)) == {labels[::-1][:300].sum()}
    assert len(np.unique(draws, axis=0)) == len(draws)


def test_permuted_labels_fail_if_the_labels_are_not_permuted(rng: np.random.Generator) -> None:
    labels = _labels()
    scores = rng.normal(size=1200) + labels
    assert not check_permuted_labels(scores, np.tile(labels, (50, 1))).holds
    assert not check_permuted_labels(scores, np.tile(np.sort(labels)[::-1], (50, 1))).holds


def test_permuted_labels_fail_for_a_score_that_identifies_the_hospital() -> None:
    """The hospitals differ in prevalence; the score depends on the hospital alone."""
    labels = np.concatenate([np.arange(400) < 240, np.arange(400) < 80])
    sites = ["A"] * 400 + ["B"] * 400
    scores = np.array([float(site == "A") for site in sites])
    assert not check_permuted_labels(scores, permute_labels(labels, sites, 0)).holds


def test_permuted_labels_fail_if_the_auc_depends_on_the_order_of_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """If the order of rows decided ties, a constant score would be perfect on sorted labels."""

    def by_row(scores: np.ndarray, positive: np.ndarray) -> float:
        return float(positive[: int(positive.sum())].mean())

    labels = _labels()
    draws = permute_labels(labels, ["A"] * 1200, 0)
    assert check_permuted_labels(np.zeros(1200), draws).holds
    monkeypatch.setattr("models.evaluation.leakage_checks.auc", by_row)
    assert not check_permuted_labels(np.zeros(1200), draws).holds


def test_twins_pass_for_a_score_that_follows_density(rng: np.random.Generator) -> None:
    thinner = rng.random(600) < 0.5
    scores = rng.normal(size=600)
    twin_scores = scores + np.where(thinner, 0.3, -0.3)
    twin_scores[:30] = scores[:30] - (twin_scores[:30] - scores[:30])
    result = check_twins(scores, twin_scores, thinner)
    assert result.holds
    assert result.estimate.value == 0.95


def test_twins_fail_if_ten_percent_change_in_the_wrong_direction(rng: np.random.Generator) -> None:
    thinner = rng.random(600) < 0.5
    scores = rng.normal(size=600)
    changes = np.where(thinner, 0.3, -0.3)
    changes[::10] *= -1
    assert not check_twins(scores, scores + changes, thinner).holds


def test_twins_fail_for_a_score_that_ignores_the_film(rng: np.random.Generator) -> None:
    """The score must differ between twins, and must change in the direction of the density."""
    thinner = rng.random(600) < 0.5
    scores = rng.normal(size=600)
    assert check_twins(scores, scores, thinner).estimate.value == 0.0
    assert not check_twins(scores, scores + 1.0, thinner).holds


def test_a_plausible_auc_passes_and_a_nearly_perfect_auc_fails(
    rng: np.random.Generator,
) -> None:
    labels = _labels()
    noise = rng.normal(size=1200)
    assert check_plausible_auc("A", noise + 2.0 * labels, labels).holds
    assert not check_plausible_auc("A", noise + 4.0 * labels, labels).holds


def test_the_grey_level_does_not_predict_the_label(people: list[Patient]) -> None:
    assert check_grey_level(
        _greys(people), _labels_of(people), [patient.site for patient in people]
    ).holds


def test_grey_level_fails_if_exposure_depends_on_density(
    people: list[Patient], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without automatic exposure, more bone gives a brighter film."""
    expose: Callable[..., np.ndarray] = subjects.expose

    def fixed(water: np.ndarray, mineral: np.ndarray, exposure: Exposure) -> np.ndarray:
        return expose(water, mineral, exposure) + np.float32(2.0 * (mineral.mean() - 0.1))

    monkeypatch.setattr(subjects, "expose", fixed)
    labels, sites = _labels_of(people), [patient.site for patient in people]
    result = check_grey_level(_greys(people), labels, sites)
    assert not result.holds
    assert result.estimate.high < 0.45
    assert check_density_off(_greys(people, DENSITY_OFF_T_SCORE)[:, 0], labels).holds


@pytest.mark.parametrize("check", [check_density_off, lambda *a: check_plausible_auc("A", *a)])
def test_nan_scores_fail(check: Callable[..., object]) -> None:
    labels = _labels()
    assert not check(np.full(1200, np.nan), labels).holds  # type: ignore[attr-defined]
    assert not check_twins(np.full(9, np.nan), np.zeros(9), np.ones(9, np.bool_)).holds


def test_the_chance_margin_agrees_with_random_scores(rng: np.random.Generator) -> None:
    labels = _labels(200)
    areas = [check_density_off(rng.normal(size=200), labels).estimate.value for _ in range(400)]
    assert chance_margin(labels) == pytest.approx(1.96 * np.std(areas), rel=0.12)


def test_the_recommended_cohort_size_is_large_enough() -> None:
    labels = np.array(
        [patient.label for patient in draw_cohort(1100, 3) if patient.split == "test"]
    )
    assert chance_margin(labels) < 0.05
