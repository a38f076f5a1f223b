"""Findings beside bone densitometry: who is compared with what, and the rates that come of it."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.replay.accuracy import Judged, Share, accuracy
from node.replay.densitometry import Measurement, Scan, agreement, scans
from node.replay.replay import Point

ANNA, BERTA = "aa" * 32, "bb" * 32
YEAR = timedelta(days=365)
MARCH = date(2026, 3, 1)


def judged(hit: int, missed: int, alarm: int, spared: int, threshold: float = 0.2) -> list[Judged]:
    return [
        *[Judged(True, threshold, True)] * hit,
        *[Judged(False, threshold, True)] * missed,
        *[Judged(True, threshold, False)] * alarm,
        *[Judged(False, threshold, False)] * spared,
    ]


def point(day: date, finding: str = "absent", after: str = "present") -> Point:
    return Point(day, finding, 0.5, after, 0.2)


class TestAccuracy:
    def test_the_rates_are_those_of_the_table(self) -> None:
        found = accuracy(judged(hit=30, missed=10, alarm=20, spared=140))
        assert (found.sensitivity, found.specificity) == (Share(30, 40), Share(140, 160))
        assert (found.ppv, found.npv) == (Share(30, 50), Share(140, 150))
        assert found.net_benefit == pytest.approx(30 / 200 - 20 / 200 * 0.2 / 0.8)

    @pytest.mark.parametrize(
        ("hits", "of", "low", "high"),
        [(30, 40, 0.5981, 0.8581), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (0, 0, 0.0, 1.0)],
    )
    def test_intervals_are_wilsons(self, hits: int, of: int, low: float, high: float) -> None:
        """By the closed form, to four digits; of nothing, anything may be."""
        assert Share(hits, of).interval == pytest.approx((low, high), abs=5e-5)

    @given(st.integers(1, 500), st.data())
    def test_an_interval_holds_its_share(self, of: int, data: st.DataObject) -> None:
        share = Share(data.draw(st.integers(0, of)), of)
        low, high = share.interval
        assert share.value is not None
        assert 0.0 <= low <= share.value <= high <= 1.0

    def test_of_nobody_there_are_no_rates(self) -> None:
        found = accuracy([])
        assert (found.patients, found.net_benefit, found.sensitivity.value) == (0, None, None)

    def test_an_open_finding_is_one_not_made_and_is_counted(self) -> None:
        found = accuracy([Judged(None, 0.2, True), Judged(None, 0.2, False)])
        assert (found.undetermined, found.sensitivity, found.specificity) == (
            2,
            Share(0, 1),
            Share(1, 1),
        )

    def test_each_false_alarm_weighs_by_its_own_threshold(self) -> None:
        """Overrides hold films to different ones."""
        found = accuracy([Judged(True, 0.2, False), Judged(True, 0.5, False)])
        assert found.net_benefit == pytest.approx(-(0.25 + 1.0) / 2)

    def test_a_threshold_of_one_divides_nothing_by_nothing(self) -> None:
        assert accuracy([Judged(True, 1.0, False)]).net_benefit == 0.0


class TestScans:
    def test_the_lowest_site_of_a_day_counts(self) -> None:
        found = scans(
            [
                Measurement(ANNA, MARCH, "spine", -1.0),
                Measurement(ANNA, MARCH, "neck", -2.5),
                Measurement(ANNA, date(2025, 3, 1), "neck", -2.4),
            ]
        )
        assert found == {ANNA: [Scan(date(2025, 3, 1), -2.4), Scan(MARCH, -2.5)]}

    @pytest.mark.parametrize(("t_score", "is_it"), [(-2.4, False), (-2.5, True), (-2.6, True)])
    def test_osteoporosis_is_from_minus_two_and_a_half_down(
        self, t_score: float, is_it: bool
    ) -> None:
        assert Scan(MARCH, t_score).osteoporosis is is_it


class TestAgreement:
    def test_the_film_nearest_in_time_counts_alone(self) -> None:
        """Before or after: three films are one patient."""
        points = {
            ANNA: [
                point(date(2025, 9, 1), "absent"),
                point(date(2026, 3, 20), "present"),
                point(date(2026, 5, 1), "absent"),
            ]
        }
        found = agreement(points, {ANNA: [Scan(MARCH, -3.0)]}, YEAR)
        assert (found.before.patients, found.before.sensitivity) == (1, Share(1, 1))

    def test_of_two_as_near_the_earlier_film_counts(self) -> None:
        points = {ANNA: [point(date(2026, 3, 11), "present"), point(date(2026, 2, 19), "absent")]}
        found = agreement(points, {ANNA: [Scan(MARCH, -3.0)]}, YEAR)
        assert found.before.sensitivity == Share(0, 1)

    @pytest.mark.parametrize(("days", "patients"), [(365, 1), (366, 0)])
    def test_what_lies_too_far_apart_is_not_compared(self, days: int, patients: int) -> None:
        points = {ANNA: [point(MARCH + timedelta(days=days))]}
        assert agreement(points, {ANNA: [Scan(MARCH, -3.0)]}, YEAR).before.patients == patients

    def test_patients_without_a_film_or_without_a_scan_are_left_out(self) -> None:
        found = agreement({ANNA: [point(MARCH)]}, {BERTA: [Scan(MARCH, -3.0)]}, YEAR)
        assert found.before.patients == 0

    def test_both_rules_are_compared_on_the_same_patients(self) -> None:
        found = agreement({ANNA: [point(MARCH)]}, {ANNA: [Scan(MARCH, -3.0)]}, YEAR)
        assert found.before.sensitivity == Share(0, 1)
        assert found.after.sensitivity == Share(1, 1)
