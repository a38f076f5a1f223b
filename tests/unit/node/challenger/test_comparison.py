"""Two bundles are compared by decisions, scores, groups and coverage."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.challenger.agreement import PairedCounts
from node.challenger.comparison import (
    BundleComparison,
    ComparedBundle,
    Coverage,
    GroupFlags,
    ScorePair,
    SecondsPerFilm,
    compare_bundles,
)
from node.challenger.states import ChallengerState, is_chosen
from node.domain.decision.decide import DecisionPolicy
from node.domain.decision.prediction import Finding, ScoreKind
from node.domain.decision.prior_studies import PriorRule
from node.domain.decision.thresholds import Group, Override, Rule, Thresholds
from tests.unit.node.replay.test_replay import ANNA, STORED

SCORED = str(ChallengerState.SCORED)
SERVING = ComparedBundle("demo", "5e" * 32, DecisionPolicy(Rule(Thresholds.uniform(0.5))))
CHALLENGER = ComparedBundle("./next", "ca" * 32, DecisionPolicy(Rule(Thresholds.uniform(0.25))))
BLANK = STORED._replace(clinical=None, combined=None)


def pair(
    score: float | None,
    challenger: float | None,
    combined: tuple[float | None, float | None] = (None, None),
    **facts: Any,
) -> ScorePair:
    """Return a film with these image scores; `facts` sets other fields of the film."""
    film = {key: facts.pop(key) for key in list(facts) if key in BLANK._fields}
    stored = BLANK._replace(image=score, combined=combined[0], **film)
    scored = ScorePair(stored, "1.2.3", True, 0.5, SCORED, challenger, None, combined[1], 2.0)
    return scored._replace(**facts)


def compared(*pairs: ScorePair, share: float = 1.0, **bundles: ComparedBundle) -> BundleComparison:
    bundles = {"serving": SERVING, "challenger": CHALLENGER} | bundles
    return compare_bundles(pairs, bundles["serving"], bundles["challenger"], share, {ANNA})


class TestShare:
    @given(st.text(max_size=64), st.floats(0, 1), st.floats(0, 1))
    def test_a_smaller_share_is_part_of_a_larger_one(
        self, uid: str, first: float, second: float
    ) -> None:
        small, large = sorted((first, second))
        assert is_chosen(uid, large) or not is_chosen(uid, small)

    def test_the_share_of_chosen_films_is_about_right(self) -> None:
        uids = [f"1.2.840.{n}" for n in range(5000)]
        assert all(is_chosen(uid, 1.0) for uid in uids)
        assert sum(is_chosen(uid, 0.1) for uid in uids) == pytest.approx(500, abs=75)

    def test_the_choice_never_changes(self) -> None:
        """A different choice after an upgrade would mix two samples of films in one comparison."""
        assert [n for n in range(12) if is_chosen(f"1.2.840.{n}", 0.5)] == [5, 7, 8, 9, 10, 11]


class TestFlags:
    def test_each_bundle_has_its_own_threshold(self) -> None:
        """Only the challenger flags a film with score 0.4, because its threshold is lower."""
        comparison = compared(pair(0.6, 0.4), pair(0.4, 0.4), pair(0.6, 0.2), pair(0.1, 0.1))
        assert comparison.flags == PairedCounts(both=1, first_only=1, second_only=1, neither=1)
        assert [film.flags for film in comparison.flips] == [(False, True), (True, False)]
        flip = comparison.flips[0]
        assert (flip.serving.threshold, flip.challenger.threshold) == (0.5, 0.25)

    def test_overrides_apply_to_each_bundle(self) -> None:
        women = Override(Rule(Thresholds.uniform(0.9), name="women"), Group(sex="F"))
        bundle = replace(CHALLENGER, policy=replace(CHALLENGER.policy, overrides=(women,)))
        [film] = compared(pair(0.6, 0.8), challenger=bundle).flips
        assert (film.challenger.rule, film.flags) == ("women", (True, False))

    def test_undetermined_films_are_counted_and_not_flagged(self) -> None:
        rule = Rule(Thresholds.uniform(0.5), abstain=0.5)
        bundle = ComparedBundle("demo", "5e" * 32, DecisionPolicy(rule))
        comparison = compared(pair(0.55, 0.9), pair(0.9, None), serving=bundle)
        assert comparison.undetermined == (1, 1)
        assert comparison.flags == PairedCounts(0, 1, 1, 0)

    def test_prior_studies_are_ignored(self) -> None:
        """The comparison ignores prior studies, because the challenger has no earlier results."""
        bundle = replace(SERVING, policy=replace(SERVING.policy, prior=PriorRule(12)))
        twice = [pair(0.6, 0.4, job_id=n, study=f"1.{n}") for n in (1, 2)]
        assert compared(*twice, serving=bundle).flags == PairedCounts(
            both=2, first_only=0, second_only=0, neither=0
        )

    def test_each_bundle_uses_its_own_kind_of_score(self) -> None:
        """A bundle without a combined part is compared by its image score."""
        [film] = compared(pair(0.1, 0.2, combined=(None, 0.9))).films
        assert (film.serving.score_kind, film.challenger.score_kind) == (
            ScoreKind.IMAGE,
            ScoreKind.COMBINED,
        )
        assert (film.serving.finding, film.challenger.finding) == (Finding.ABSENT, Finding.PRESENT)


class TestScores:
    def test_scores_of_the_same_kind_are_compared(self) -> None:
        """Each kind of score is compared on the films that have this score from both bundles."""
        comparison = compared(
            pair(0.5, 0.6, combined=(0.7, 0.9)),
            pair(0.2, 0.2, combined=(None, 0.4)),
            pair(0.3, 0.5),
        )
        assert comparison.scores["image"].films == 3
        assert comparison.scores["image"].mean == pytest.approx(0.1)
        assert (comparison.scores["combined"].films, comparison.scores["combined"].mean) == (
            1,
            pytest.approx(0.2),
        )

    def test_groups_are_by_sex_age_and_source(self) -> None:
        comparison = compared(
            pair(0.6, 0.4, sex="F", age_years=72.0, calling_ae="A"),
            pair(0.6, 0.2, sex="F", age_years=55.0, calling_ae="B"),
            pair(0.1, 0.3, sex="", age_years=None, calling_ae=""),
        )
        women = GroupFlags(films=2, flagged=2, challenger_flagged=1, flips=1, difference=-0.3)
        assert comparison.by_sex["F"] == replace(women, difference=pytest.approx(-0.3))
        assert comparison.by_sex["unknown"].challenger_flagged == 1
        assert {name: group.films for name, group in comparison.by_age.items()} == {
            "50 to 59": 1,
            "70 to 79": 1,
            "unknown": 1,
        }
        assert set(comparison.by_source) == {"A", "B", "unknown"}

    def test_seconds_are_averaged_over_films_that_have_them(self) -> None:
        comparison = compared(pair(0.1, 0.1), pair(0.1, 0.1, seconds=None, challenger_seconds=5.0))
        assert comparison.seconds == (SecondsPerFilm(1, 0.5, 0.5), SecondsPerFilm(2, 3.5, 3.5))

    def test_without_films_all_counts_are_zero(self) -> None:
        comparison = compared()
        assert (
            comparison.coverage.films,
            comparison.flags.films,
            comparison.flips,
            comparison.scored,
        ) == (0, 0, [], [])
        assert comparison.seconds[0] == SecondsPerFilm(0, None, None)


class TestCoverage:
    def test_every_film_is_counted_once(self) -> None:
        """Films that the challenger has not scored are counted by state and not compared."""
        left_out = next(f"1.{n}" for n in range(100) if not is_chosen(f"1.{n}", 0.5))
        chosen = next(f"1.{n}" for n in range(100) if is_chosen(f"1.{n}", 0.5))
        unclaimed = pair(0.5, None, uid=chosen, state=None)
        comparison = compared(
            pair(0.5, 0.5, uid=left_out),
            unclaimed,
            unclaimed._replace(has_bytes=False),
            unclaimed._replace(uid=left_out),
            *(
                unclaimed._replace(state=str(state))
                for state in ChallengerState
                if state is not ChallengerState.SCORED
            ),
            share=0.5,
        )
        assert comparison.coverage == Coverage(
            films=8, compared=1, left_out=1, waiting=2, gone=2, rejected=1, failed=1
        )
        assert len(comparison.films) == 1

    def test_films_of_requested_patients_are_returned_with_both_decisions(self) -> None:
        other_patient = pair(0.6, 0.4, patient="bb" * 32)
        comparison = compared(pair(0.6, 0.4), other_patient, pair(0.6, 0.4, exposure_date=None))
        [film] = comparison.films_by_patient[ANNA]
        assert list(comparison.films_by_patient) == [ANNA]
        assert film.day == date(2026, 3, 1)
        assert (film.serving.score, film.challenger.score) == (0.6, 0.4)
