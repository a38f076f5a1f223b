"""Drift metrics are written to a file in Prometheus' text format."""

from datetime import UTC, date, datetime, timedelta

from prometheus_client.parser import text_string_to_metric_families

from node.drift.alarms import ActiveAlarm
from node.drift.metrics import DailyMetric, Measure, Metric, Source
from node.drift.prometheus_file import exposition
from node.drift.silence import Feed

NASTY = Source("XRAY1", 'ROOM "2"\\\n# HELP')
DAY, AT = date(2026, 3, 2), datetime(2026, 3, 2, 10, tzinfo=UTC)
ROWS = [
    DailyMetric(DAY, NASTY, metric, "ab" * 32)
    for metric in (
        Metric(Measure.FILMS, 120.0, 120),
        Metric("refused.view", 0.25, 120),
        Metric(Measure.PSI, None, 90),
    )
]


def test_metrics_alarms_and_feeds_are_exported_with_hostile_names_escaped() -> None:
    """A sender chooses its Station Name, which must not start a line or end a label."""
    content = exposition(
        ROWS, [ActiveAlarm(NASTY, "psi", AT)], [Feed(NASTY, AT, timedelta(minutes=30))]
    )
    samples = {
        sample.name: (sample.labels, sample.value)
        for family in text_string_to_metric_families(content.decode())
        for sample in family.samples
    }
    source = NASTY._asdict()
    assert samples == {
        "osteoscreen_drift_films": (source, 120.0),
        "osteoscreen_drift_refused_ratio": (source | {"reason": "view"}, 0.25),
        "osteoscreen_drift_day_timestamp_seconds": (source, 1772409600.0),
        "osteoscreen_drift_alarm": (source | {"measure": "psi"}, 1.0),
        "osteoscreen_feed_last_film_timestamp_seconds": (source, AT.timestamp()),
        "osteoscreen_feed_quiet_seconds": (source, 1800.0),
    }
    assert content.count(b"# HELP osteoscreen_drift_psi ") == 1
