"""A replay as people see it: tables, and a picture that holds for one day and for years."""

from datetime import date, timedelta
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from models.bundle.intended_use import IntendedUse
from node.display.charts.replay import AFTER, BEFORE, draw_replay
from node.display.replay import as_json, print_replay
from node.domain.decision.decide import DecisionPolicy
from node.domain.decision.thresholds import Group, Override, Rule, Thresholds
from node.replay.accuracy import Share
from node.replay.densitometry import ReplayResult, Scan, agreement
from node.replay.replay import StoredScore, replay
from tests.unit.node.replay.test_replay import ANNA, MARCH, stored

HOSTILE = "[/red]\x1b[2J"  # a sex is one character of a header; a rule's name is an administrator's
POLICY = DecisionPolicy(
    Rule(Thresholds.uniform(0.4)),
    (Override(Rule(Thresholds.uniform(0.3), 0.0, HOSTILE), Group("M")),),
)


def replayed(*films: StoredScore, **more: Any) -> ReplayResult:
    made = replay(films, POLICY, patients={ANNA})
    found = agreement(made.findings, {ANNA: [Scan(MARCH, -3.0)]}, timedelta(days=365))
    use = IntendedUse.RESEARCH
    facts = {"intended_use": use, "other_films": 0, "agreement": found} | more
    return ReplayResult(replay=made, policy=POLICY, model="5e" * 32, **facts)


def days(count: int) -> list[StoredScore]:
    """Return two films a day, of which one flips."""
    first = date(2023, 1, 1)
    received = [str(first + timedelta(days=n)) for n in range(count)]
    return [stored(received=day, image=score) for day in received for score in (0.45, 0.1)]


def test_people_see_groups_flips_and_rates(capsys: pytest.CaptureFixture[str]) -> None:
    print_replay(replayed(stored(), stored(sex="M", job_id=2), other_films=3))
    shown = capsys.readouterr().out
    for told in (
        "the flags of 2 films change",
        "sensitivity",
        "60 to 69",
        "3 films of other bundles",
    ):
        assert told in shown
    assert "\x1b[2J" not in shown
    assert "[/red]" in shown


@pytest.mark.parametrize("use", list(IntendedUse))
def test_scores_of_a_demonstration_say_so(
    use: IntendedUse, capsys: pytest.CaptureFixture[str]
) -> None:
    done = replayed(stored(), intended_use=use)
    print_replay(done)
    said = "have no clinical meaning" in " ".join(capsys.readouterr().out.split())
    assert said is (use is IntendedUse.DEMONSTRATION)
    assert as_json(done)["intended_use"] == use


def test_people_are_told_that_there_is_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    print_replay(replayed())
    assert "no stored scores of this bundle" in capsys.readouterr().out


def test_programs_get_all_of_it() -> None:
    """Every flip, and the policy in numbers; without outcomes null."""
    said = as_json(replayed(*days(30)))
    assert len(said["flips"]) == 30
    assert said["policy"]["digest"] == POLICY.digest
    assert said["policy"]["default"]["thresholds"]["image"] == 0.4
    assert said["outcomes"]["after"]["sensitivity"]["value"] == Share(1, 1).value
    assert as_json(replayed(stored(), agreement=None))["outcomes"] is None


@pytest.mark.parametrize("count", [1, 2, 60, 61, 1200])
def test_a_picture_of_any_span_shows_both_rules(count: int) -> None:
    """One bar, or years in steps of days; both colours are there, before and after."""
    made = replay(days(count), DecisionPolicy(Rule(Thresholds.uniform(0.4))))
    with Image.open(BytesIO(draw_replay(made, "two films a day"))) as picture:
        pixels = np.asarray(picture.convert("RGB")).reshape(-1, 3)
    for colour in (BEFORE, AFTER):
        wanted = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
        assert (pixels == wanted).all(axis=1).sum() > 100


def test_nothing_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="no film was replayed"):
        draw_replay(replay([], POLICY), "")
