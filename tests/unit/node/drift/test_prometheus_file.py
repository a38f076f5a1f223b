"""Metrics of drift as Prometheus reads them, and the file that it finds them in."""

import stat
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from node.drift.alarms import Standing
from node.drift.metrics import Figure, Measure, Measured, Source
from node.drift.prometheus_file import exposition, write_metrics
from node.drift.silence import Feed

NASTY = Source("XRAY1", 'ROOM "2"\\\n# HELP')
DAY, AT = date(2026, 3, 2), datetime(2026, 3, 2, 10, tzinfo=UTC)
ROWS = [
    Measured(DAY, NASTY, figure, "ab" * 32)
    for figure in (
        Figure(Measure.FILMS, 120.0, 120),
        Figure("refused.view", 0.25, 120),
        Figure(Measure.PSI, None, 90),
    )
]


def test_figures_alarms_and_feeds_are_there_and_hostile_names_are_labels_alone() -> None:
    """A station's name is a sender's text: it starts no line and ends no label."""
    content = exposition(
        ROWS, [Standing(NASTY, "psi", AT)], [Feed(NASTY, AT, timedelta(minutes=30))]
    )
    found = {
        sample.name: (sample.labels, sample.value)
        for family in text_string_to_metric_families(content.decode())
        for sample in family.samples
    }
    source = NASTY._asdict()
    assert found == {
        "osteoscreen_drift_films": (source, 120.0),
        "osteoscreen_drift_refused_ratio": (source | {"reason": "view"}, 0.25),
        "osteoscreen_drift_day_timestamp_seconds": (source, 1772409600.0),
        "osteoscreen_drift_alarm": (source | {"measure": "psi"}, 1.0),
        "osteoscreen_feed_last_film_timestamp_seconds": (source, AT.timestamp()),
        "osteoscreen_feed_quiet_seconds": (source, 1800.0),
    }
    assert content.count(b"# HELP osteoscreen_drift_psi ") == 1


def test_the_file_is_replaced_whole_and_everybody_may_read_it(tmp_path: Path) -> None:
    file = tmp_path / "osteoscreen.prom"
    file.write_text("old")
    with file.open() as reading:
        write_metrics(file, b"new\n")
        assert reading.read() == "old"  # who has it open sees no half of anything
    assert file.read_bytes() == b"new\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_that_is_not_there_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        write_metrics(tmp_path / "nowhere" / "osteoscreen.prom", b"")
