"""What is measured of sources, by a configuration."""

from pathlib import Path

import pytest

from node.config.settings import ConfigError, load
from node.drift.metrics import Plan
from node.drift.setup import plan_of


def plan(tmp_path: Path, text: str) -> Plan:
    file = tmp_path / "config.yaml"
    file.write_text(text)
    return plan_of(load(file))


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("{}", 14),
        ("drift: {window: 30}", 30),
        ("retention: {rows: 5d}", 5),
        ("retention: {rows: 00:02:00}", 1),
        ("retention: {rows: 5d}\ndrift: {window: 5}", 5),
    ],
)
def test_the_window_is_no_longer_than_rows_are_kept(tmp_path: Path, text: str, days: int) -> None:
    """Who keeps rows for days alone need not know of drift."""
    assert plan(tmp_path, text).window == days


def test_a_window_that_was_asked_for_and_cannot_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"drift\.window: 6 days .* or raise retention\.rows"):
        plan(tmp_path, "retention: {rows: 5d}\ndrift: {window: 6}")
