"""Every guard holds for a sound model in a sound world, and fails when what it guards is broken."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from models.evaluation.leakage_checks import (
    chance_alone,
    density_off,
    grey_level,
    grey_levels,
    not_too_good,
    permuted,
    shuffled,
    twins,
)
from models.images.dicom import Radiograph
from models.simulate import patients
from models.simulate import subject as subjects
from models.simulate.exposure import Exposure
from models.simulate.film_files import DENSITY_OFF_T_SCORE
from models.simulate.patients import Patient, draw_cohort
from models.simulate.subject import Scene, SimulatedSubject, expose_scene


@pytest.fixture
def rng() -> np.random.Generator:
    """Return the test's own chance."""
    return np.random.default_rng(5)


def _labels(count: int = 1200) -> np.ndarray:
    """37 in 100 positive, sorted: rows that are in the order of their labels."""
    return np.arange(count) < count * 37 // 100


@pytest.fixture(scope="module")
def people() -> list[Patient]:
    """Return test patients of all hospitals; do not change them."""
    return [one for one in draw_cohort(1100, 1) if one.split == "test"][::2]


def _labels_of(people: Sequence[Patient]) -> np.ndarray:
    return np.array([one.label for one in people])


def _greys(people: Sequence[Patient], t_score: float | None = None) -> np.ndarray:
    """Grey levels (n, 4) of a slab with a spine, as the world's equipment shows it.

    Everybody at their own density, or all at that of ``t_score``.
    """
    line = np.linspace(-1, 1, 32, dtype=np.float32)
    water = np.where(abs(line) < 0.8, 14.0, 0.0).astype(np.float32) + 0 * line[:, None]
    bone = np.where(abs(line) < 0.1, 1.2, 0.0).astype(np.float32) + 0 * line[:, None]
    scene = Scene(water, bone, np.zeros_like(bone))
    found = []
    for one in people:
        subject = one.subject()
        if t_score is not None:
            subject = replace(subject, t_score=t_score)
        found.append(grey_levels(Radiograph(expose_scene(scene, subject))))
    return np.stack(found)


def test_mean_grey_tells_nothing_once_density_is_off(people: list[Patient]) -> None:
    assert density_off(_greys(people, DENSITY_OFF_T_SCORE)[:, 0], _labels_of(people)).holds


def test_density_off_fails_in_a_world_that_x_rays_the_sick_otherwise(
    people: list[Patient], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A nuisance that reads the label: the window of the sick is wider, so they come out brighter.

    No bone is needed to tell them then, and a net would learn that instead.
    """
    build: Callable[..., SimulatedSubject] = patients.build_subject

    def careless(*arguments: object) -> SimulatedSubject:
        subject = build(*arguments)
        shown = subject.exposure.processing
        wider = replace(shown, low=shown.low - 0.2 * subject.label)
        return replace(subject, exposure=replace(subject.exposure, processing=wider))

    monkeypatch.setattr(patients, "build_subject", careless)
    found = density_off(_greys(people, DENSITY_OFF_T_SCORE)[:, 0], _labels_of(people))
    assert not found.holds
    assert found.figure.low > 0.55


def test_density_off_fails_for_a_score_that_ranks_the_wrong_way(rng: np.random.Generator) -> None:
    """A leak read backwards is a leak."""
    labels = _labels()
    assert not density_off(rng.normal(size=1200) - 0.5 * labels, labels).holds


def test_permuted_labels_leave_an_area_of_a_half(rng: np.random.Generator) -> None:
    labels = _labels()
    sites = ["A"] * 300 + ["B"] * 900
    found = permuted(rng.normal(size=1200) + 2.0 * labels, shuffled(labels, ["A"] * 1200, 0))
    assert found.holds
    assert found.figure.value == pytest.approx(0.5, abs=0.003)
    assert found.figure.low < 0.48 < 0.52 < found.figure.high
    draws = shuffled(labels[::-1], sites, 0)
    assert np.array_equal(draws, shuffled(labels[::-1], sites, 0))
    assert set(draws[:, :300].sum(axis=1)) == {labels[::-1][:300].sum()}
    assert len(np.unique(draws, axis=0)) == len(draws)


def test_permuted_fails_when_the_permutation_permutes_nothing(rng: np.random.Generator) -> None:
    """Labels that come back in the order of the rows are still the films' own."""
    labels = _labels()
    scores = rng.normal(size=1200) + labels
    assert not permuted(scores, np.tile(labels, (50, 1))).holds
    assert not permuted(scores, np.tile(np.sort(labels)[::-1], (50, 1))).holds


def test_permuted_fails_when_a_score_knows_hospitals_and_they_differ_in_prevalence() -> None:
    """Whoever is from the hospital of the sick is called sick; no film was looked at."""
    labels = np.concatenate([np.arange(400) < 240, np.arange(400) < 80])
    sites = ["A"] * 400 + ["B"] * 400
    scores = np.array([float(site == "A") for site in sites])
    assert not permuted(scores, shuffled(labels, sites, 0)).holds


def test_permuted_fails_when_areas_are_measured_by_the_order_of_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A measure that breaks ties by row would find a constant score perfect on sorted labels."""

    def by_row(scores: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.array([positive[: int(positive.sum())].mean()]), np.zeros((1, 1))

    labels = _labels()
    draws = shuffled(labels, ["A"] * 1200, 0)
    assert permuted(np.zeros(1200), draws).holds
    monkeypatch.setattr("models.evaluation.leakage_checks.delong", by_row)
    assert not permuted(np.zeros(1200), draws).holds


def test_twins_hold_for_a_score_that_follows_bone(rng: np.random.Generator) -> None:
    thinner = rng.random(600) < 0.5
    scores = rng.normal(size=600)
    others = scores + np.where(thinner, 0.3, -0.3)
    others[:30] = scores[:30] - (others[:30] - scores[:30])
    found = twins(scores, others, thinner)
    assert found.holds
    assert found.figure.value == 0.95


def test_twins_fail_when_one_in_ten_is_ordered_the_wrong_way(rng: np.random.Generator) -> None:
    thinner = rng.random(600) < 0.5
    scores = rng.normal(size=600)
    moved = np.where(thinner, 0.3, -0.3)
    moved[::10] *= -1
    assert not twins(scores, scores + moved, thinner).holds


def test_twins_fail_for_a_score_that_does_not_look(rng: np.random.Generator) -> None:
    """Standing still is not the right way, nor is always moving up."""
    thinner = rng.random(600) < 0.5
    scores = rng.normal(size=600)
    assert twins(scores, scores, thinner).figure.value == 0.0
    assert not twins(scores, scores + 1.0, thinner).holds


def test_an_area_that_films_can_give_is_believed_and_a_perfect_one_is_not(
    rng: np.random.Generator,
) -> None:
    labels = _labels()
    noise = rng.normal(size=1200)
    assert not_too_good("A", noise + 2.0 * labels, labels).holds
    assert not not_too_good("A", noise + 4.0 * labels, labels).holds


def test_grey_level_does_not_give_density_away(people: list[Patient]) -> None:
    assert grey_level(_greys(people), _labels_of(people), [one.site for one in people]).holds


def test_grey_level_fails_where_exposure_follows_density_which_density_off_cannot_show(
    people: list[Patient], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without automatic exposure, who has more bone is lighter all over the film."""
    sound: Callable[..., np.ndarray] = subjects.expose

    def fixed(water: np.ndarray, mineral: np.ndarray, exposure: Exposure) -> np.ndarray:
        return sound(water, mineral, exposure) + np.float32(2.0 * (mineral.mean() - 0.1))

    monkeypatch.setattr(subjects, "expose", fixed)
    labels, sites = _labels_of(people), [one.site for one in people]
    found = grey_level(_greys(people), labels, sites)
    assert not found.holds
    assert found.figure.high < 0.45
    assert density_off(_greys(people, DENSITY_OFF_T_SCORE)[:, 0], labels).holds


@pytest.mark.parametrize("guard", [density_off, lambda *a: not_too_good("A", *a)])
def test_scores_that_are_no_numbers_fail(guard: Callable[..., object]) -> None:
    labels = _labels()
    assert not guard(np.full(1200, np.nan), labels).holds  # type: ignore[attr-defined]
    assert not twins(np.full(9, np.nan), np.zeros(9), np.ones(9, np.bool_)).holds


def test_chance_alone_is_what_random_scores_do(rng: np.random.Generator) -> None:
    labels = _labels(200)
    areas = [density_off(rng.normal(size=200), labels).figure.value for _ in range(400)]
    assert chance_alone(labels) == pytest.approx(1.96 * np.std(areas), rel=0.12)


def test_the_remedy_for_too_small_a_cohort_is_large_enough() -> None:
    labels = np.array([one.label for one in draw_cohort(1100, 3) if one.split == "test"])
    assert chance_alone(labels) < 0.05
