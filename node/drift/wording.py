"""Texts for drift metrics and alarms, in tables and messages."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from node.drift.alarms import LIMITS_OF_CHANGES, SILENT, AlarmEvent
from node.drift.metrics import REFUSED, Measure, Metric
from node.drift.statistics import LARGE, SLIGHT

_NAMES: Mapping[str, str] = {
    Measure.FILMS: "films received",
    Measure.ADMITTED: "admitted",
    Measure.FAILED: "failed of those admitted",
    Measure.FLAGGED: "flagged of those scored",
    Measure.AGE: "median age (years)",
    Measure.WOMEN: "women",
    Measure.SCORE: "median score",
    Measure.PSI: "PSI of the scores",
    Measure.KS: "KS distance of the scores",
    Measure.KS_P: "KS p-value",
    SILENT: "usual hours without a film",
}
_FORMATS: Mapping[str, str] = {
    Measure.FILMS: "{:.0f}",
    Measure.ADMITTED: "{:.1%}",
    Measure.FAILED: "{:.1%}",
    Measure.FLAGGED: "{:.1%}",
    Measure.AGE: "{:.1f}",
    Measure.WOMEN: "{:.1%}",
    Measure.KS_P: "{:.2g}",
    SILENT: "{:.1f} h",
}
_FEED_TEXTS: Mapping[str, str] = {
    AlarmEvent.FEED_HEARD: "sends films again",
    AlarmEvent.FEED_FORGOTTEN: "is no longer expected to send",
}


class Level(StrEnum):
    """The assessment of a metric; only a PSI has usual limits."""

    PLAIN = "plain"
    STABLE = "stable"
    SLIGHT = "slight change"
    LARGE = "large change"
    TOO_FEW = "too few"


def measure_label(measure: str) -> str:
    """Return the label of a measure."""
    if measure.startswith(REFUSED):
        return f"refused: {measure.removeprefix(REFUSED)}"
    return _NAMES[measure]


def format_value(measure: str, value: float) -> str:
    """Return a value with the digits and the unit of its measure."""
    default = "{:.1%}" if measure.startswith(REFUSED) else "{:.3f}"
    return _FORMATS.get(measure, default).format(value)


def assess(metric: Metric) -> Level:
    """Return the assessment of a metric by usual limits."""
    if metric.value is None:
        return Level.TOO_FEW
    if metric.measure != Measure.PSI:
        return Level.PLAIN
    changed = Level.SLIGHT if metric.value < LARGE else Level.LARGE
    return Level.STABLE if metric.value < SLIGHT else changed


def alarm_sentence(event: str, fields: Mapping[str, Any]) -> str:
    """Return one line of text about a raised or cleared alarm, from the alarm's log fields."""
    source = " / ".join(part for part in (fields["calling_ae"], fields["station"]) if part)
    measure, value = fields["measure"], fields.get("value")
    if measure == SILENT:
        text = _FEED_TEXTS.get(event) or f"no film for {value:.1f} h of its usual hours"
        return f"{source}: {text}"
    if value is None:
        return f"{source}: the alarm for {measure_label(measure)} is cleared"
    reference = fields["reference"]
    compared = "" if reference is None else f", reference {format_value(measure, reference)}"
    change = "a change of " if measure in LIMITS_OF_CHANGES else ""
    return (
        f"{source}: {measure_label(measure)} is {format_value(measure, value)}{compared} "
        f"({fields['films']} films up to {fields['day']}; "
        f"alarm limit: {change}{format_value(measure, fields['limit'])})"
    )
