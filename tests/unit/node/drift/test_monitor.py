"""`plan_of` reads the settings of drift monitoring from the configuration."""

from pathlib import Path

import pytest

from node.config.settings import ConfigError, load
from node.drift.metrics import DriftPlan
from node.drift.monitor import plan_of


def plan(tmp_path: Path, text: str) -> DriftPlan:
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
def test_the_window_is_at_most_the_retention_of_rows(tmp_path: Path, text: str, days: int) -> None:
    """If rows are deleted early, the default window becomes shorter by itself."""
    assert plan(tmp_path, text).window == days


def test_a_configured_window_above_the_retention_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"drift\.window: 6 days .* or raise retention\.rows"):
        plan(tmp_path, "retention: {rows: 5d}\ndrift: {window: 6}")
