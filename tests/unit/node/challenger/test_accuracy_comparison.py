"""Two bundles beside densitometry: the same patients, paired."""

from datetime import date, timedelta

import numpy as np
import pytest

from node.challenger.accuracy_comparison import Areas, Estimate, PatientFilm, diagnose
from node.challenger.agreement import Crossed
from node.challenger.auc import areas
from node.domain.decision.prediction import Decision, Finding
from node.replay.accuracy import Share
from node.replay.densitometry import Scan

MARCH = date(2026, 3, 1)
YEAR = timedelta(days=365)
NONE = Areas(*[Estimate(0.5, 0.0, 1.0)] * 3, p=1.0)


def decision(score: float | None, threshold: float) -> Decision:
    if score is None:
        return Decision(Finding.UNDETERMINED, threshold)
    finding = Finding.PRESENT if score >= threshold else Finding.ABSENT
    return Decision(finding, threshold, score)


def film(serving: float | None, challenger: float | None, taken: date = MARCH) -> PatientFilm:
    return PatientFilm(taken, decision(serving, 0.5), decision(challenger, 0.25))


def patients(
    *people: tuple[float | None, float | None, float],
) -> tuple[dict[str, list[PatientFilm]], dict[str, list[Scan]]]:
    """Return films and scans of people, each given as two scores and a T-score."""
    films = {f"{n:064x}": [film(*one[:2])] for n, one in enumerate(people)}
    scans = {f"{n:064x}": [Scan(MARCH, one[2])] for n, one in enumerate(people)}
    return films, scans


def test_sensitivity_and_specificity_are_paired() -> None:
    """Who finds a patient whom the other does not is what McNemar's test asks."""
    found = diagnose(
        *patients(
            (0.6, 0.3, -3.0),  # both
            (0.1, 0.3, -3.0),  # the challenger alone
            (0.1, 0.9, -2.5),  # the challenger alone
            (0.6, 0.1, -3.0),  # serving alone
            (0.1, 0.3, -1.0),  # the challenger's false alarm
            (0.1, 0.1, 0.0),
        ),
        YEAR,
        areas,
    )
    assert found.found == Crossed(both=1, first_only=1, second_only=2, neither=0)
    assert found.spared == Crossed(both=1, first_only=1, second_only=0, neither=0)
    assert (found.serving.sensitivity, found.challenger.sensitivity) == (Share(2, 4), Share(3, 4))
    assert (found.serving.specificity, found.challenger.specificity) == (Share(2, 2), Share(1, 2))


def test_each_patient_counts_once_by_the_nearest_film() -> None:
    films = {"a": [film(0.6, 0.3, MARCH - timedelta(days=90)), film(0.1, 0.1)]}
    found = diagnose(films, {"a": [Scan(MARCH, -3.0)]}, YEAR, areas)
    assert (found.serving.patients, found.found) == (1, Crossed(0, 0, 0, 1))


def test_areas_are_asked_for_the_films_that_have_both_scores() -> None:
    """Serving first; what is open has no score to rank by."""
    seen = []

    def measure(scores: np.ndarray, osteoporosis: np.ndarray) -> Areas:
        seen.append((scores.tolist(), osteoporosis.tolist()))
        return NONE

    people = [(0.6, 0.3, -3.0), (None, 0.3, -3.0), (0.2, 0.1, -1.0)]
    assert diagnose(*patients(*people), YEAR, measure).areas is NONE
    assert seen == [([[0.6, 0.2], [0.3, 0.1]], [True, False])]


def test_nobody_is_no_error() -> None:
    found = diagnose({}, {}, YEAR, areas)
    assert (found.serving.patients, found.areas) == (0, None)


class TestAreas:
    def test_they_are_those_of_the_evaluation_and_the_difference_is_the_challengers(self) -> None:
        """Worked by hand: of 4 pairs serving ranks 2 rightly and the challenger all."""
        scores = np.array([[0.2, 0.9, 0.3, 0.8], [0.7, 0.9, 0.3, 0.2]])
        found = areas(scores, np.array([True, True, False, False]))
        assert found is not None
        assert (found.serving.value, found.challenger.value) == pytest.approx((0.5, 1.0))
        assert found.difference.value == pytest.approx(0.5)
        assert found.difference.low < 0.5 < found.difference.high
        assert 0.0 < found.p < 1.0

    @pytest.mark.parametrize("osteoporosis", [[True, False, False], [True, True, True], []])
    def test_too_few_of_either_have_no_area(self, osteoporosis: list[bool]) -> None:
        scores = np.zeros((2, len(osteoporosis)))
        assert areas(scores, np.array(osteoporosis, np.bool_)) is None
