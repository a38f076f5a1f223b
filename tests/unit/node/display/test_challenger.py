"""What people, programs and eyes see of two bundles that are compared."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from io import BytesIO, StringIO
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from models.bundle.intended_use import IntendedUse
from node.challenger.accuracy_comparison import diagnose
from node.challenger.auc import areas
from node.challenger.comparison import Report, compare_bundles
from node.challenger.states import ChallengerState
from node.cli.options import as_text
from node.display.challenger import as_json, print_report
from node.display.charts.challenger import draw_challenger
from node.replay.densitometry import Scan
from tests.unit.node.challenger.test_comparison import CHALLENGER, SERVING, StoredPair, pair

HOSTILE = "[/red]$\\q$\x1b[2J"
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def films(count: int = 200) -> list[StoredPair]:
    """Return films of as many patients, with two scores that are much alike."""
    rng = np.random.default_rng(7)
    scores = rng.beta(1.2, 3, count)
    others = np.clip(scores + rng.normal(-0.1, 0.05, count), 0, 1)
    return [
        pair(
            float(one),
            float(other),
            job_id=number,
            patient=f"{number:064x}",
            sex="FM"[number % 2],
            age_years=50.0 + number % 45,
            calling_ae=("ROOM1", "ROOM2", HOSTILE)[number % 3],
        )
        for number, (one, other) in enumerate(zip(scores, others, strict=True))
    ]


def report(*pairs: StoredPair, **changes: Any) -> Report:
    made = compare_bundles(pairs, SERVING, CHALLENGER, 1.0, {one.stored.patient for one in pairs})
    return replace(Report(SERVING, CHALLENGER, START, 0, made, None), **changes)


def shown(one: Report) -> str:
    text = StringIO()
    print_report(one, Console(file=text, width=120))
    return text.getvalue()


def with_outcomes() -> Report:
    pairs = films()
    made = report(*pairs)
    measured = {
        one.stored.patient: [Scan(date(2026, 3, 2), -3.0 if number % 3 else -1.0)]
        for number, one in enumerate(pairs)
    }
    found = diagnose(made.made.of_patients, measured, timedelta(days=365), areas)
    return replace(made, diagnosis=found)


def test_people_see_scores_flags_groups_and_flips() -> None:
    said = shown(with_outcomes())
    for words in (
        "200 scored by the serving bundle, 200 of them by both",
        "limits of agreement",
        "kappa 0.",
        "McNemar's exact p",
        "60 to 69",
        "ROOM1",
        "films are flagged by one alone",
        "against densitometry: 200 patients",
        "DeLong's",
    ):
        assert words in said, words


@pytest.mark.parametrize("use", list(IntendedUse))
def test_scores_of_a_demonstration_say_so(use: IntendedUse) -> None:
    """If either bundle is one."""
    serving = replace(SERVING, intended_use=IntendedUse.CLEARED)
    made = report(*films(9), serving=serving, challenger=replace(CHALLENGER, intended_use=use))
    assert ("have no clinical meaning" in shown(made)) is (use is IntendedUse.DEMONSTRATION)
    assert as_json(made)["challenger"]["intended_use"] == use


def test_a_sources_name_is_text_and_nothing_else() -> None:
    """Neither markup, which would end the command, nor orders to the terminal."""
    said = shown(report(*films(9)))
    assert "[/red]" in said
    assert "\x1b" not in said


def test_what_is_missing_is_said() -> None:
    """With what to look at where there is nothing at all."""
    unseen = pair(0.5, None, state=None)
    failed = unseen._replace(state=str(ChallengerState.FAILED))
    said = shown(report(unseen, unseen._replace(kept=False), failed, others=3))
    assert "1 wait for the challenger" in said
    assert "1 were purged before it could score them" in said
    assert "1 failed" in said
    assert "3 more were scored by another bundle" in said
    assert "no film has both scores yet" in said
    assert "is its role running?" in shown(report(since=None))


def test_two_that_agree_in_all_are_said_to() -> None:
    """Kappa is undefined there, and no table of flips is empty."""
    said = shown(report(pair(0.9, 0.9), pair(0.8, 0.8)))
    assert "kappa undefined" in said
    assert "both flag the same films" in said


def test_programs_get_every_flip_and_plain_numbers() -> None:
    told = json.loads(as_text(as_json(with_outcomes())))
    assert told["coverage"]["compared"] == 200
    assert told["serving"]["digest"] == SERVING.model
    flags = told["flags"]
    assert len(told["flips"]) == flags["serving_only"] + flags["challenger_only"] > 20
    assert told["flips"][0]["serving"]["threshold"] == 0.5
    assert told["outcomes"]["areas"]["difference"]["low"] < 0
    assert json.loads(as_text(as_json(report())))["outcomes"] is None
    assert f"{3:064x}" not in as_text(told)  # nobody's pseudonym


def test_a_figure_is_drawn_and_the_same_films_draw_the_same() -> None:
    made = report(*films()).made
    png = draw_challenger(made, "serving demo, challenger next")
    with Image.open(BytesIO(png)) as image:
        assert image.size[0] > 1000
    assert png == draw_challenger(made, "serving demo, challenger next")


def test_nothing_is_not_drawn() -> None:
    with pytest.raises(ValueError, match="no film has both scores"):
        draw_challenger(report().made, "")
