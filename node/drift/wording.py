"""Figures of drift in words, for tables and for messages."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from node.drift.alarms import SILENT, AlarmEvent
from node.drift.metrics import REFUSED, Figure, Measure
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
_PERCENT = frozenset({Measure.ADMITTED, Measure.FAILED, Measure.FLAGGED, Measure.WOMEN})
_OF_FEEDS: Mapping[str, str] = {
    AlarmEvent.FEED_HEARD: "films come again",
    AlarmEvent.FEED_FORGOTTEN: "is no longer expected to send",
}
_CHANGES = _PERCENT - {Measure.FAILED} | {Measure.AGE}


class Level(StrEnum):
    """How much a reading asks for somebody's eyes."""

    PLAIN = "plain"
    STABLE = "stable"
    SLIGHT = "slight change"
    LARGE = "large change"
    TOO_FEW = "too few"


@dataclass(frozen=True, slots=True)
class Reading:
    """A figure in words."""

    level: Level
    text: str


def name_of(measure: str) -> str:
    """Return a measure in words."""
    if measure.startswith(REFUSED):
        return f"refused: {measure.removeprefix(REFUSED)}"
    return _NAMES[measure]


def shown(measure: str, value: float) -> str:
    """Return a value as people read it."""
    if measure in _PERCENT or measure.startswith(REFUSED):
        return f"{value:.1%}"
    match measure:
        case Measure.FILMS:
            return f"{value:.0f}"
        case Measure.AGE:
            return f"{value:.1f}"
        case _ if measure == SILENT:
            return f"{value:.1f} h"
        case Measure.KS_P:
            return f"{value:.2g}"
    return f"{value:.3f}"


def read(figure: Figure) -> Reading:
    """Return what a figure says by itself: a PSI by its usual limits, or that it has none."""
    if figure.value is None:
        return Reading(Level.TOO_FEW, f"too few ({figure.films} films)")
    if figure.measure == Measure.PSI:
        slight = Level.SLIGHT if figure.value < LARGE else Level.LARGE
        level = Level.STABLE if figure.value < SLIGHT else slight
        return Reading(level, str(level))
    return Reading(Level.PLAIN, "")


def sentence(event: str, told: Mapping[str, Any]) -> str:
    """Return what became of an alarm in one line. `told` is the alarm for programs."""
    source = " / ".join(part for part in (told["calling_ae"], told["station"]) if part)
    measure, value = told["measure"], told.get("value")
    if measure == SILENT:
        said = _OF_FEEDS.get(event) or f"no film for {value:.1f} h of its usual hours"
        return f"{source}: {said}"
    if value is None:
        return f"{source}: {name_of(measure)} has eased"
    beside = told["reference"]
    was = "" if beside is None else f", {shown(measure, beside)} in its reference"
    change = "a change of " if measure in _CHANGES else ""
    return (
        f"{source}: {name_of(measure)} is {shown(measure, value)}{was} "
        f"({told['films']} films up to {told['day']}; "
        f"the alarm is set to {change}{shown(measure, told['limit'])})"
    )
