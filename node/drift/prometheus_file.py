"""Figures of drift for Prometheus, as a file that node_exporter's textfile collector reads."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from node.drift.alarms import Standing
from node.drift.metrics import REFUSED, Measure, Measured
from node.drift.silence import Feed
from node.files import write_atomically

_SOURCE = ("calling_ae", "station")
_GAUGES = {
    Measure.FILMS: ("films", "Films received in the window"),
    Measure.ADMITTED: ("admitted_ratio", "Share of films received that were admitted"),
    Measure.FAILED: ("failed_ratio", "Share of admitted films that FAILED"),
    Measure.FLAGGED: ("flagged_ratio", "Share of scored films that were flagged"),
    Measure.AGE: ("age_median_years", "Median age of the patients"),
    Measure.WOMEN: ("women_ratio", "Share of women among patients whose sex is stated"),
    Measure.SCORE: ("score_median", "Median score of the image"),
    Measure.PSI: ("psi", "Population stability index of the image's score"),
    Measure.KS: ("ks_distance", "Kolmogorov-Smirnov distance of the image's score"),
    Measure.KS_P: ("ks_p_value", "P-value of that distance"),
}
# node_exporter runs as another user, and the file contains no patient data.
_READABLE_BY_ALL = 0o644


def exposition(
    rows: Iterable[Measured], standing: Iterable[Standing], feeds: Iterable[Feed]
) -> bytes:
    """Return all of it in Prometheus' text format; figures without a value are left out."""
    registry = CollectorRegistry()

    def gauge(name: str, words: str, labels: Sequence[str] = _SOURCE) -> Gauge:
        return Gauge(f"osteoscreen_{name}", words, labels, registry=registry)

    gauges = {measure: gauge(f"drift_{name}", help) for measure, (name, help) in _GAUGES.items()}
    refused = gauge("drift_refused_ratio", "Share of films refused", (*_SOURCE, "reason"))
    measured = gauge("drift_day_timestamp_seconds", "The day that was measured last")
    alarms = gauge("drift_alarm", "1 while an alarm stands", (*_SOURCE, "measure"))
    last = gauge("feed_last_film_timestamp_seconds", "When the last film came")
    quiet = gauge("feed_quiet_seconds", "Usual hours without a film since then")
    for row in rows:
        figure = row.figure
        measured.labels(*row.source).set(datetime.combine(row.day, time(), UTC).timestamp())
        if figure.value is None:
            continue
        if figure.measure.startswith(REFUSED):
            reason = figure.measure.removeprefix(REFUSED)
            refused.labels(*row.source, reason).set(figure.value)
        else:
            gauges[Measure(figure.measure)].labels(*row.source).set(figure.value)
    for alarm in standing:
        alarms.labels(*alarm.source, alarm.measure).set(1)
    for one in feeds:
        last.labels(*one.source).set(one.last.timestamp())
        if one.quiet is not None:
            quiet.labels(*one.source).set(one.quiet.total_seconds())
    return generate_latest(registry)


def write_metrics(path: Path, content: bytes) -> None:
    """Replace the file in one step, readable for every user; raise OSError if that fails."""
    write_atomically(path, content, mode=_READABLE_BY_ALL)
