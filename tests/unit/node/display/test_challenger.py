"""The challenger's report is written as text, as JSON and as a figure."""

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
from node.challenger.accuracy_comparison import compare_accuracy
from node.challenger.auc import compare_aucs
from node.challenger.comparison import ChallengerReport, compare_bundles
from node.challenger.states import ChallengerState
from node.cli.options import as_text
from node.display.challenger import print_report, report_json
from node.display.charts.challenger import draw_challenger
from node.replay.densitometry import Scan
from tests.unit.node.challenger.test_comparison import CHALLENGER, SERVING, ScorePair, pair

HOSTILE = "[/red]$\\q$\x1b[2J"
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def films(count: int = 200) -> list[ScorePair]:
    """Return films of different patients, each with two similar scores."""
    rng = np.random.default_rng(7)
    scores = rng.beta(1.2, 3, count)
    challenger_scores = np.clip(scores + rng.normal(-0.1, 0.05, count), 0, 1)
    return [
        pair(
            float(score),
            float(challenger_score),
            job_id=number,
            patient=f"{number:064x}",
            sex="FM"[number % 2],
            age_years=50.0 + number % 45,
            calling_ae=("ROOM1", "ROOM2", HOSTILE)[number % 3],
        )
        for number, (score, challenger_score) in enumerate(
            zip(scores, challenger_scores, strict=True)
        )
    ]


def report(*pairs: ScorePair, **changes: Any) -> ChallengerReport:
    patients = {pair.stored.patient for pair in pairs}
    comparison = compare_bundles(pairs, SERVING, CHALLENGER, 1.0, patients)
    report = ChallengerReport(SERVING, CHALLENGER, START, 0, comparison, None)
    return replace(report, **changes)


def printed(report: ChallengerReport) -> str:
    text = StringIO()
    print_report(report, Console(file=text, width=120))
    return text.getvalue()


def with_outcomes() -> ChallengerReport:
    pairs = films()
    without = report(*pairs)
    scans = {
        pair.stored.patient: [Scan(date(2026, 3, 2), -3.0 if number % 3 else -1.0)]
        for number, pair in enumerate(pairs)
    }
    films_by_patient = without.comparison.films_by_patient
    year = timedelta(days=365)
    return replace(without, accuracy=compare_accuracy(films_by_patient, scans, year, compare_aucs))


def test_the_text_has_scores_flags_groups_and_flips() -> None:
    text = printed(with_outcomes())
    for expected in (
        "200 scored by the serving bundle, 200 of them by both",
        "limits of agreement",
        "kappa 0.",
        "McNemar's exact p",
        "60 to 69",
        "ROOM1",
        "films are flagged by one bundle only",
        "against densitometry: 200 patients",
        "DeLong's",
    ):
        assert expected in text, expected


@pytest.mark.parametrize("use", list(IntendedUse))
def test_a_demonstration_bundle_adds_a_disclaimer(use: IntendedUse) -> None:
    """The disclaimer appears if at least one of the two bundles is for demonstration."""
    serving = replace(SERVING, intended_use=IntendedUse.CLEARED)
    result = report(*films(9), serving=serving, challenger=replace(CHALLENGER, intended_use=use))
    assert ("have no clinical meaning" in printed(result)) is (use is IntendedUse.DEMONSTRATION)
    assert report_json(result)["challenger"]["intended_use"] == use


def test_the_name_of_a_source_is_escaped() -> None:
    """The name of a source becomes neither markup nor a control sequence of the terminal."""
    text = printed(report(*films(9)))
    assert "[/red]" in text
    assert "\x1b" not in text


def test_films_that_are_not_compared_are_counted() -> None:
    unclaimed = pair(0.5, None, state=None)
    failed = unclaimed._replace(state=str(ChallengerState.FAILED))
    text = printed(report(unclaimed, unclaimed._replace(has_bytes=False), failed, other_films=3))
    assert "1 wait for the challenger" in text
    assert "1 were purged before it could score them" in text
    assert "1 failed" in text
    assert "3 were scored by another bundle" in text
    assert "no film has both scores yet" in text
    assert "check that its role runs" in printed(report(since=None))


def test_without_flips_the_text_says_so() -> None:
    """If both bundles flag the same films, kappa is undefined and no table of flips is printed."""
    text = printed(report(pair(0.9, 0.9), pair(0.8, 0.8)))
    assert "kappa undefined" in text
    assert "both bundles flag the same films" in text


def test_the_json_has_every_flip() -> None:
    result = json.loads(as_text(report_json(with_outcomes())))
    assert result["coverage"]["compared"] == 200
    assert result["serving"]["digest"] == SERVING.digest
    flags = result["flags"]
    assert len(result["flips"]) == flags["serving_only"] + flags["challenger_only"] > 20
    assert result["flips"][0]["serving"]["threshold"] == 0.5
    assert result["outcomes"]["areas"]["difference"]["low"] < 0
    assert json.loads(as_text(report_json(report())))["outcomes"] is None
    assert f"{3:064x}" not in as_text(result)  # the report contains no pseudonym


def test_the_same_films_give_the_same_figure() -> None:
    comparison = report(*films()).comparison
    png = draw_challenger(comparison, "serving demo, challenger next")
    with Image.open(BytesIO(png)) as image:
        assert image.size[0] > 1000
    assert png == draw_challenger(comparison, "serving demo, challenger next")


def test_without_films_there_is_no_figure() -> None:
    with pytest.raises(ValueError, match="no film has both scores"):
        draw_challenger(report().comparison, "")
