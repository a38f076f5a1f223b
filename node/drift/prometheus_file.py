"""Drift metrics for Prometheus, in a file for the textfile collector of node_exporter."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from node.drift.alarms import ActiveAlarm
from node.drift.metrics import REFUSED, DailyMetric, Measure
from node.drift.silence import Feed

_SOURCE = ("calling_ae", "station")
_GAUGES = {
    Measure.FILMS: ("films", "Films received in the window"),
    Measure.ADMITTED: ("admitted_ratio", "Share of films received that were admitted"),
    Measure.FAILED: ("failed_ratio", "Share of admitted films that FAILED"),
    Measure.FLAGGED: ("flagged_ratio", "Share of scored films that were flagged"),
    Measure.AGE: ("age_median_years", "Median age of the patients"),
    Measure.WOMEN: ("women_ratio", "Share of women among patients with a known sex"),
    Measure.SCORE: ("score_median", "Median score of the image"),
    Measure.PSI: ("psi", "Population stability index of the image's score"),
    Measure.KS: ("ks_distance", "Kolmogorov-Smirnov distance of the image's score"),
    Measure.KS_P: ("ks_p_value", "P-value of that distance"),
}


def exposition(
    rows: Iterable[DailyMetric], active: Iterable[ActiveAlarm], feeds: Iterable[Feed]
) -> bytes:
    """Return metrics, alarms and feeds in the text format of Prometheus, without empty metrics."""
    registry = CollectorRegistry()

    def gauge(name: str, text: str, labels: Sequence[str] = _SOURCE) -> Gauge:
        return Gauge(f"osteoscreen_{name}", text, labels, registry=registry)

    gauges = {measure: gauge(f"drift_{name}", text) for measure, (name, text) in _GAUGES.items()}
    refused = gauge("drift_refused_ratio", "Share of films refused", (*_SOURCE, "reason"))
    last_day = gauge("drift_day_timestamp_seconds", "The last day with metrics")
    alarms = gauge("drift_alarm", "1 while an alarm is active", (*_SOURCE, "measure"))
    last_film = gauge("feed_last_film_timestamp_seconds", "Time of the last film")
    quiet = gauge("feed_quiet_seconds", "Time in usual hours since the last film")
    for row in rows:
        metric = row.metric
        last_day.labels(*row.source).set(datetime.combine(row.day, time(), UTC).timestamp())
        if metric.value is None:
            continue
        if metric.measure.startswith(REFUSED):
            reason = metric.measure.removeprefix(REFUSED)
            refused.labels(*row.source, reason).set(metric.value)
        else:
            gauges[Measure(metric.measure)].labels(*row.source).set(metric.value)
    for alarm in active:
        alarms.labels(*alarm.source, alarm.measure).set(1)
    for feed in feeds:
        last_film.labels(*feed.source).set(feed.last.timestamp())
        if feed.quiet is not None:
            quiet.labels(*feed.source).set(feed.quiet.total_seconds())
    return generate_latest(registry)
