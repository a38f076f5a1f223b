"""Findings are compared with bone densitometry, in pairs of film and scan."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.replay.accuracy import ComparedFinding, Share, accuracy
from node.replay.densitometry import Measurement, Scan, agreement, scans_by_patient
from node.replay.replay import ReplayedFinding

FIRST, SECOND = "aa" * 32, "bb" * 32
YEAR = timedelta(days=365)
MARCH = date(2026, 3, 1)


def findings_of(
    tp: int, fn: int, fp: int, tn: int, threshold: float = 0.2
) -> list[ComparedFinding]:
    return [
        *[ComparedFinding(True, threshold, True)] * tp,
        *[ComparedFinding(False, threshold, True)] * fn,
        *[ComparedFinding(True, threshold, False)] * fp,
        *[ComparedFinding(False, threshold, False)] * tn,
    ]


def finding_of(day: date, finding: str = "absent", after: str = "present") -> ReplayedFinding:
    return ReplayedFinding(day, finding, 0.5, after, 0.2)


class TestAccuracy:
    def test_rates_follow_from_the_counts(self) -> None:
        result = accuracy(findings_of(tp=30, fn=10, fp=20, tn=140))
        assert (result.sensitivity, result.specificity) == (Share(30, 40), Share(140, 160))
        assert (result.ppv, result.npv) == (Share(30, 50), Share(140, 150))
        assert result.net_benefit == pytest.approx(30 / 200 - 20 / 200 * 0.2 / 0.8)

    @pytest.mark.parametrize(
        ("hits", "of", "low", "high"),
        [(30, 40, 0.5981, 0.8581), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (0, 0, 0.0, 1.0)],
    )
    def test_intervals_are_wilsons(self, hits: int, of: int, low: float, high: float) -> None:
        """The intervals equal the closed form, and an interval without patients is 0 to 1."""
        assert Share(hits, of).interval == pytest.approx((low, high), abs=5e-5)

    @given(st.integers(1, 500), st.data())
    def test_an_interval_contains_its_share(self, of: int, data: st.DataObject) -> None:
        share = Share(data.draw(st.integers(0, of)), of)
        low, high = share.interval
        assert share.value is not None
        assert 0.0 <= low <= share.value <= high <= 1.0

    def test_without_patients_there_are_no_rates(self) -> None:
        result = accuracy([])
        assert (result.patients, result.net_benefit, result.sensitivity.value) == (0, None, None)

    def test_an_undetermined_finding_counts_as_negative(self) -> None:
        result = accuracy([ComparedFinding(None, 0.2, True), ComparedFinding(None, 0.2, False)])
        assert (result.undetermined, result.sensitivity, result.specificity) == (
            2,
            Share(0, 1),
            Share(1, 1),
        )

    def test_the_weight_of_a_false_positive_follows_from_its_own_threshold(self) -> None:
        """Overrides use different thresholds, so false positives differ in weight."""
        result = accuracy([ComparedFinding(True, 0.2, False), ComparedFinding(True, 0.5, False)])
        assert result.net_benefit == pytest.approx(-(0.25 + 1.0) / 2)

    def test_a_threshold_of_one_has_no_weight(self) -> None:
        assert accuracy([ComparedFinding(True, 1.0, False)]).net_benefit == 0.0


class TestScans:
    def test_the_lowest_site_of_a_day_counts(self) -> None:
        scans = scans_by_patient(
            [
                Measurement(FIRST, MARCH, "spine", -1.0),
                Measurement(FIRST, MARCH, "neck", -2.5),
                Measurement(FIRST, date(2025, 3, 1), "neck", -2.4),
            ]
        )
        assert scans == {FIRST: [Scan(date(2025, 3, 1), -2.4), Scan(MARCH, -2.5)]}

    @pytest.mark.parametrize(
        ("t_score", "osteoporosis"), [(-2.4, False), (-2.5, True), (-2.6, True)]
    )
    def test_osteoporosis_is_a_t_score_of_at_most_minus_2_5(
        self, t_score: float, osteoporosis: bool
    ) -> None:
        assert Scan(MARCH, t_score).osteoporosis is osteoporosis


class TestAgreement:
    def test_only_the_film_nearest_in_time_counts(self) -> None:
        """The nearest film may be before or after the scan."""
        points = {
            FIRST: [
                finding_of(date(2025, 9, 1), "absent"),
                finding_of(date(2026, 3, 20), "present"),
                finding_of(date(2026, 5, 1), "absent"),
            ]
        }
        agreed = agreement(points, {FIRST: [Scan(MARCH, -3.0)]}, YEAR)
        assert (agreed.before.patients, agreed.before.sensitivity) == (1, Share(1, 1))

    def test_of_two_equally_near_films_the_earlier_counts(self) -> None:
        points = {
            FIRST: [
                finding_of(date(2026, 3, 11), "present"),
                finding_of(date(2026, 2, 19), "absent"),
            ]
        }
        agreed = agreement(points, {FIRST: [Scan(MARCH, -3.0)]}, YEAR)
        assert agreed.before.sensitivity == Share(0, 1)

    @pytest.mark.parametrize(("days", "patients"), [(365, 1), (366, 0)])
    def test_a_film_too_far_from_the_scan_is_excluded(self, days: int, patients: int) -> None:
        points = {FIRST: [finding_of(MARCH + timedelta(days=days))]}
        assert agreement(points, {FIRST: [Scan(MARCH, -3.0)]}, YEAR).before.patients == patients

    def test_patients_without_film_or_scan_are_excluded(self) -> None:
        agreed = agreement({FIRST: [finding_of(MARCH)]}, {SECOND: [Scan(MARCH, -3.0)]}, YEAR)
        assert agreed.before.patients == 0

    def test_both_policies_are_compared_on_the_same_patients(self) -> None:
        agreed = agreement({FIRST: [finding_of(MARCH)]}, {FIRST: [Scan(MARCH, -3.0)]}, YEAR)
        assert agreed.before.sensitivity == Share(0, 1)
        assert agreed.after.sensitivity == Share(1, 1)
