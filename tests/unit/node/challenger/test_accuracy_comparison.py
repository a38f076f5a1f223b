"""The accuracy of two bundles is compared on the same patients, against densitometry."""

from datetime import date, timedelta

import numpy as np
import pytest

from node.challenger.accuracy_comparison import (
    Estimate,
    PairedAreas,
    PatientFilm,
    compare_accuracy,
)
from node.challenger.agreement import PairedCounts
from node.challenger.auc import compare_aucs
from node.domain.decision.prediction import Decision, Finding
from node.replay.accuracy import Share
from node.replay.densitometry import Scan

MARCH = date(2026, 3, 1)
YEAR = timedelta(days=365)
FIXED = PairedAreas(*[Estimate(0.5, 0.0, 1.0)] * 3, p=1.0)


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
    """Return films and scans; `people` has two scores and a T-score for each person."""
    films = {f"{n:064x}": [film(*scores)] for n, (*scores, _) in enumerate(people)}
    scans = {f"{n:064x}": [Scan(MARCH, t_score)] for n, (*_, t_score) in enumerate(people)}
    return films, scans


def test_sensitivity_and_specificity_are_paired() -> None:
    """McNemar's test uses the patients on whom only one bundle is correct."""
    comparison = compare_accuracy(
        *patients(
            (0.6, 0.3, -3.0),  # both bundles flag this patient
            (0.1, 0.3, -3.0),  # only the challenger flags this patient
            (0.1, 0.9, -2.5),  # only the challenger flags this patient
            (0.6, 0.1, -3.0),  # only the serving bundle flags this patient
            (0.1, 0.3, -1.0),  # the challenger flags this patient falsely
            (0.1, 0.1, 0.0),
        ),
        YEAR,
        compare_aucs,
    )
    assert comparison.with_osteoporosis == PairedCounts(
        both=1, first_only=1, second_only=2, neither=0
    )
    assert comparison.without_osteoporosis == PairedCounts(
        both=1, first_only=1, second_only=0, neither=0
    )
    serving, challenger = comparison.serving, comparison.challenger
    assert (serving.sensitivity, challenger.sensitivity) == (Share(2, 4), Share(3, 4))
    assert (serving.specificity, challenger.specificity) == (Share(2, 2), Share(1, 2))


def test_each_patient_counts_once_with_the_nearest_film() -> None:
    films = {"a": [film(0.6, 0.3, MARCH - timedelta(days=90)), film(0.1, 0.1)]}
    comparison = compare_accuracy(films, {"a": [Scan(MARCH, -3.0)]}, YEAR, compare_aucs)
    assert (comparison.serving.patients, comparison.with_osteoporosis) == (
        1,
        PairedCounts(0, 0, 0, 1),
    )


def test_areas_are_compared_on_films_with_both_scores() -> None:
    """An undetermined film may lack a score, so the areas exclude it."""
    calls = []

    def record(scores: np.ndarray, osteoporosis: np.ndarray) -> PairedAreas:
        calls.append((scores.tolist(), osteoporosis.tolist()))
        return FIXED

    people = [(0.6, 0.3, -3.0), (None, 0.3, -3.0), (0.2, 0.1, -1.0)]
    assert compare_accuracy(*patients(*people), YEAR, record).areas is FIXED
    assert calls == [([[0.6, 0.2], [0.3, 0.1]], [True, False])]


def test_without_patients_there_is_no_area() -> None:
    comparison = compare_accuracy({}, {}, YEAR, compare_aucs)
    assert (comparison.serving.patients, comparison.areas) == (0, None)


class TestCompareAucs:
    def test_areas_equal_those_worked_out_by_hand(self) -> None:
        """The serving bundle ranks 2 of 4 patient pairs correctly; the challenger ranks all 4."""
        scores = np.array([[0.2, 0.9, 0.3, 0.8], [0.7, 0.9, 0.3, 0.2]])
        areas = compare_aucs(scores, np.array([True, True, False, False]))
        assert areas is not None
        assert (areas.serving.value, areas.challenger.value) == pytest.approx((0.5, 1.0))
        assert areas.difference.value == pytest.approx(0.5)
        assert areas.difference.low < 0.5 < areas.difference.high
        assert 0.0 < areas.p < 1.0

    @pytest.mark.parametrize("osteoporosis", [[True, False, False], [True, True, True], []])
    def test_too_few_patients_of_a_class_have_no_area(self, osteoporosis: list[bool]) -> None:
        scores = np.zeros((2, len(osteoporosis)))
        assert compare_aucs(scores, np.array(osteoporosis, np.bool_)) is None
