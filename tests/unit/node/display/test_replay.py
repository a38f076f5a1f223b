"""A replay is displayed as tables and as a chart."""

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

HOSTILE = "[/red]\x1b[2J"  # a possible name of a rule
POLICY = DecisionPolicy(
    Rule(Thresholds.uniform(0.4)),
    (Override(Rule(Thresholds.uniform(0.3), 0.0, HOSTILE), Group("M")),),
)


def replayed(*films: StoredScore, **more: Any) -> ReplayResult:
    result = replay(films, POLICY, patients={ANNA})
    rates = agreement(result.findings, {ANNA: [Scan(MARCH, -3.0)]}, timedelta(days=365))
    use = IntendedUse.RESEARCH
    values = {"intended_use": use, "other_films": 0, "agreement": rates} | more
    return ReplayResult(replay=result, policy=POLICY, model="5e" * 32, **values)


def days(count: int) -> list[StoredScore]:
    """Return two films per day; the decision on one of them flips."""
    first = date(2023, 1, 1)
    received = [str(first + timedelta(days=n)) for n in range(count)]
    return [stored(received=day, image=score) for day in received for score in (0.45, 0.1)]


def test_the_text_has_groups_flips_and_rates(capsys: pytest.CaptureFixture[str]) -> None:
    print_replay(replayed(stored(), stored(sex="M", job_id=2), other_films=3))
    text = capsys.readouterr().out
    for expected in (
        "the flags of 2 films change",
        "sensitivity",
        "60 to 69",
        "3 films of other bundles",
    ):
        assert expected in text
    assert "\x1b[2J" not in text
    assert "[/red]" in text


@pytest.mark.parametrize("use", list(IntendedUse))
def test_a_demonstration_bundle_adds_a_disclaimer(
    use: IntendedUse, capsys: pytest.CaptureFixture[str]
) -> None:
    result = replayed(stored(), intended_use=use)
    print_replay(result)
    has_disclaimer = "have no clinical meaning" in " ".join(capsys.readouterr().out.split())
    assert has_disclaimer is (use is IntendedUse.DEMONSTRATION)
    assert as_json(result)["intended_use"] == use


def test_a_replay_without_scores_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    print_replay(replayed())
    assert "no stored scores of this bundle" in capsys.readouterr().out


def test_the_json_has_every_flip_and_the_policy() -> None:
    """Without densitometry, `outcomes` in the JSON is null."""
    content = as_json(replayed(*days(30)))
    assert len(content["flips"]) == 30
    assert content["policy"]["digest"] == POLICY.digest
    assert content["policy"]["default"]["thresholds"]["image"] == 0.4
    assert content["outcomes"]["after"]["sensitivity"]["value"] == Share(1, 1).value
    assert as_json(replayed(stored(), agreement=None))["outcomes"] is None


@pytest.mark.parametrize("count", [1, 2, 60, 61, 1200])
def test_a_chart_of_any_span_shows_both_policies(count: int) -> None:
    """Both colours occur in the chart, for a replay of one day and for a replay of years."""
    result = replay(days(count), DecisionPolicy(Rule(Thresholds.uniform(0.4))))
    with Image.open(BytesIO(draw_replay(result, "two films a day"))) as image:
        pixels = np.asarray(image.convert("RGB")).reshape(-1, 3)
    for colour in (BEFORE, AFTER):
        rgb = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
        assert (pixels == rgb).all(axis=1).sum() > 100


def test_an_empty_replay_is_not_drawn() -> None:
    with pytest.raises(ValueError, match="no film was replayed"):
        draw_replay(replay([], POLICY), "")
