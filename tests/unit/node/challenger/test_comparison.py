"""Two bundles on the same films: what is compared, by which rules, and what is only counted."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.challenger.agreement import Crossed
from node.challenger.comparison import (
    Comparison,
    Coverage,
    GroupFlags,
    Seconds,
    Side,
    StoredPair,
    compare_bundles,
)
from node.challenger.states import ChallengerState, is_chosen
from node.domain.decision.decide import DecisionPolicy
from node.domain.decision.prediction import Finding, ScoreKind
from node.domain.decision.prior_studies import PriorRule
from node.domain.decision.thresholds import Group, Override, Rule, Thresholds
from tests.unit.node.replay.test_replay import ANNA, STORED

SCORED = str(ChallengerState.SCORED)
SERVING = Side("demo", "5e" * 32, DecisionPolicy(Rule(Thresholds.same(0.5))))
CHALLENGER = Side("./next", "ca" * 32, DecisionPolicy(Rule(Thresholds.same(0.25))))
BLANK = STORED._replace(clinical=None, combined=None)


def pair(
    score: float | None,
    challenger: float | None,
    combined: tuple[float | None, float | None] = (None, None),
    **facts: Any,
) -> StoredPair:
    """Return a film that has these image scores; `facts` are those of the film or of the pair."""
    film = {key: facts.pop(key) for key in list(facts) if key in BLANK._fields}
    stored = BLANK._replace(image=score, combined=combined[0], **film)
    both = StoredPair(stored, "1.2.3", True, 0.5, SCORED, challenger, None, combined[1], 2.0)
    return both._replace(**facts)


def compared(*pairs: StoredPair, share: float = 1.0, **sides: Side) -> Comparison:
    used = {"serving": SERVING, "challenger": CHALLENGER} | sides
    return compare_bundles(pairs, used["serving"], used["challenger"], share, {ANNA})


class TestShare:
    @given(st.text(max_size=64), st.floats(0, 1), st.floats(0, 1))
    def test_a_smaller_share_is_part_of_a_larger_one(
        self, uid: str, one: float, two: float
    ) -> None:
        small, large = sorted((one, two))
        assert is_chosen(uid, large) or not is_chosen(uid, small)

    def test_all_is_all_and_a_tenth_is_about_a_tenth(self) -> None:
        uids = [f"1.2.840.{n}" for n in range(5000)]
        assert all(is_chosen(uid, 1.0) for uid in uids)
        assert sum(is_chosen(uid, 0.1) for uid in uids) == pytest.approx(500, abs=75)

    def test_the_choice_is_settled_for_ever(self) -> None:
        """Another choice after an upgrade would make another sample within one comparison."""
        assert [n for n in range(12) if is_chosen(f"1.2.840.{n}", 0.5)] == [5, 7, 8, 9, 10, 11]


class TestFlags:
    def test_each_is_judged_by_its_own_threshold(self) -> None:
        """The same score of 0.4 is flagged by the challenger, whose threshold is lower."""
        made = compared(pair(0.6, 0.4), pair(0.4, 0.4), pair(0.6, 0.2), pair(0.1, 0.1))
        assert made.flags == Crossed(both=1, first_only=1, second_only=1, neither=1)
        assert [film.flags for film in made.flips] == [(False, True), (True, False)]
        flip = made.flips[0]
        assert (flip.serving.threshold, flip.challenger.threshold) == (0.5, 0.25)

    def test_overrides_hold_for_both(self) -> None:
        women = Override(Rule(Thresholds.same(0.9), name="women"), Group(sex="F"))
        side = replace(CHALLENGER, policy=replace(CHALLENGER.policy, overrides=(women,)))
        [film] = compared(pair(0.6, 0.8), challenger=side).flips
        assert (film.challenger.rule, film.flags) == ("women", (True, False))

    def test_what_is_open_is_not_flagged_and_is_counted(self) -> None:
        rule = Rule(Thresholds.same(0.5), abstain=0.5)
        side = Side("demo", "5e" * 32, DecisionPolicy(rule))
        made = compared(pair(0.55, 0.9), pair(0.9, None), serving=side)
        assert made.undetermined == (1, 1)
        assert made.flags == Crossed(0, 1, 1, 0)

    def test_earlier_films_are_left_aside(self) -> None:
        """The challenger has reported none: a film known to the one would flip by that alone."""
        side = replace(SERVING, policy=replace(SERVING.policy, prior=PriorRule(12)))
        twice = [pair(0.6, 0.4, job_id=n, study=f"1.{n}") for n in (1, 2)]
        assert compared(*twice, serving=side).flags == Crossed(
            both=2, first_only=0, second_only=0, neither=0
        )

    def test_the_score_that_counts_is_each_ones_own(self) -> None:
        """A bundle without a combined part is judged by its image score."""
        [film] = compared(pair(0.1, 0.2, combined=(None, 0.9))).films
        assert (film.serving.used, film.challenger.used) == (ScoreKind.IMAGE, ScoreKind.COMBINED)
        assert (film.serving.finding, film.challenger.finding) == (Finding.ABSENT, Finding.PRESENT)


class TestScores:
    def test_like_is_compared_with_like(self) -> None:
        """Image with image, combined with combined, on the films that have both."""
        made = compared(
            pair(0.5, 0.6, combined=(0.7, 0.9)),
            pair(0.2, 0.2, combined=(None, 0.4)),
            pair(0.3, 0.5),
        )
        assert made.scores["image"].films == 3
        assert made.scores["image"].mean == pytest.approx(0.1)
        assert (made.scores["combined"].films, made.scores["combined"].mean) == (
            1,
            pytest.approx(0.2),
        )

    def test_groups_are_by_sex_age_and_source(self) -> None:
        made = compared(
            pair(0.6, 0.4, sex="F", age_years=72.0, calling_ae="A"),
            pair(0.6, 0.2, sex="F", age_years=55.0, calling_ae="B"),
            pair(0.1, 0.3, sex="", age_years=None, calling_ae=""),
        )
        women = GroupFlags(films=2, flagged=2, challenger_flagged=1, flips=1, difference=-0.3)
        assert made.by_sex["F"] == replace(women, difference=pytest.approx(-0.3))
        assert made.by_sex["unknown"].challenger_flagged == 1
        assert {group: one.films for group, one in made.by_age.items()} == {
            "50 to 59": 1,
            "70 to 79": 1,
            "unknown": 1,
        }
        assert set(made.by_source) == {"A", "B", "unknown"}

    def test_seconds_are_those_on_record(self) -> None:
        made = compared(pair(0.1, 0.1), pair(0.1, 0.1, seconds=None, challenger_seconds=5.0))
        assert made.seconds == (Seconds(1, 0.5, 0.5), Seconds(2, 3.5, 3.5))

    def test_of_no_film_there_is_nothing(self) -> None:
        made = compared()
        assert (made.coverage.films, made.flags.films, made.flips, made.scored) == (0, 0, [], [])
        assert made.seconds[0] == Seconds(0, None, None)


class TestCoverage:
    def test_every_film_is_accounted_for(self) -> None:
        """What the challenger has not scored is counted by why, and is compared with nothing."""
        left_out = next(f"1.{n}" for n in range(100) if not is_chosen(f"1.{n}", 0.5))
        chosen = next(f"1.{n}" for n in range(100) if is_chosen(f"1.{n}", 0.5))
        unseen = pair(0.5, None, uid=chosen, state=None)
        made = compared(
            pair(0.5, 0.5, uid=left_out),
            unseen,
            unseen._replace(kept=False),
            unseen._replace(uid=left_out),
            *(
                unseen._replace(state=str(state))
                for state in ChallengerState
                if state is not ChallengerState.SCORED
            ),
            share=0.5,
        )
        assert made.coverage == Coverage(
            films=8, compared=1, left_out=1, waiting=2, gone=2, rejected=1, failed=1
        )
        assert len(made.films) == 1

    def test_patients_who_are_asked_for_are_kept_with_both_decisions(self) -> None:
        nobody = pair(0.6, 0.4, patient="bb" * 32)
        made = compared(pair(0.6, 0.4), nobody, pair(0.6, 0.4, taken=None))
        [film] = made.of_patients[ANNA]
        assert list(made.of_patients) == [ANNA]
        assert film.taken == date(2026, 3, 1)
        assert (film.serving.score, film.challenger.score) == (0.6, 0.4)
