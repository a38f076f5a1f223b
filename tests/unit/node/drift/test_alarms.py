"""A metric raises an alarm at its limit, and each alarm has a text."""

from datetime import UTC, date, datetime, timedelta

import pytest

from node.drift.alarms import (
    SILENT,
    Alarm,
    AlarmChanges,
    alarm_key,
    judge_feed,
    judge_metrics,
    to_log_fields,
)
from node.drift.metrics import DriftPlan, Measure, Metric, Source
from node.drift.silence import Feed
from node.drift.wording import Level, alarm_sentence, assess, format_value, measure_label

XRAY = Source("XRAY1", "ROOM 2")
DAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 3, 1, tzinfo=UTC)
PLAN = DriftPlan(window=14, films=200, reference_days=28, reference_films=200)
LIMITS: dict[str, float | None] = {
    "psi": 0.25,
    "ks": 0.15,
    "admitted": 0.2,
    "failed": 0.05,
    "flagged": 0.1,
    "age_median": 5.0,
    "women": 0.2,
}
PLENTY = 250


def changes_of(
    *metrics: Metric, active: tuple[str, ...] = (), limits: dict[str, float | None] = LIMITS
) -> AlarmChanges:
    return judge_metrics(XRAY, metrics, limits, active, (DAY, PLAN))


@pytest.mark.parametrize(
    ("metric", "alarm"),
    [
        (Metric(Measure.PSI, 0.249, PLENTY), False),
        (Metric(Measure.PSI, 0.25, PLENTY), True),
        (Metric(Measure.PSI, 0.9, 199), False),
        (Metric(Measure.PSI, None, 199), False),
        (Metric(Measure.ADMITTED, 0.49, PLENTY, 0.7), True),
        (Metric(Measure.ADMITTED, 0.9, PLENTY, 0.65), True),
        (Metric(Measure.ADMITTED, 0.6, PLENTY, 0.7), False),
        (Metric(Measure.ADMITTED, 0.1, PLENTY), False),
        (Metric(Measure.FAILED, 0.06, 30), True),
        (Metric(Measure.FAILED, 0.06, 29), False),
        (Metric(Measure.FAILED, 0.04, PLENTY, 0.0), False),
        (Metric(Measure.FLAGGED, 0.31, PLENTY, 0.2), True),
        (Metric(Measure.AGE, 60.0, PLENTY, 66.0), True),
        (Metric(Measure.AGE, 62.0, PLENTY, 66.0), False),
        (Metric(Measure.WOMEN, 0.3, PLENTY, 0.55), True),
        (Metric(Measure.SCORE, 0.9, PLENTY, 0.1), False),
        (Metric("refused.view", 0.9, PLENTY, 0.1), False),
    ],
)
def test_a_metric_at_its_limit_raises_an_alarm(metric: Metric, alarm: bool) -> None:
    """A limit applies to the value or to its change; an alarm also needs enough films."""
    raised = changes_of(metric).raised
    assert [alarm.metric for alarm in raised] == ([metric] if alarm else [])


@pytest.mark.parametrize(("p", "alarm"), [(0.2, False), (0.01, False), (0.009, True)])
def test_a_distance_that_may_be_chance_raises_no_alarm(p: float, alarm: bool) -> None:
    metrics = Metric(Measure.KS, 0.16, PLENTY), Metric(Measure.KS_P, p, PLENTY)
    assert bool(changes_of(*metrics).raised) is alarm


@pytest.mark.parametrize(
    ("value", "active", "raised", "cleared"),
    [
        (0.3, False, True, False),
        (0.3, True, False, False),  # the alarm was raised before
        (0.21, True, False, False),  # the value is not yet below 80 % of the limit
        (0.2, True, False, False),
        (0.199, True, False, True),
        (0.199, False, False, False),
        (None, True, False, False),  # too few films for a decision
    ],
)
def test_an_alarm_is_raised_once_and_cleared_once(
    value: float | None, active: bool, raised: bool, cleared: bool
) -> None:
    films = 100 if value is None else PLENTY
    measures = (str(Measure.PSI),) if active else ()
    changes = changes_of(Metric(Measure.PSI, value, films), active=measures)
    assert (bool(changes.raised), bool(changes.cleared)) == (raised, cleared)


@pytest.mark.parametrize("reason", ["new bundle", "no limit"])
def test_an_alarm_without_reference_or_limit_is_cleared(reason: str) -> None:
    """A new bundle has no reference yet, and a limit of None disables the alarm."""
    if reason == "no limit":
        limits = LIMITS | {"psi": None}
        changes = changes_of(Metric(Measure.PSI, 0.9, PLENTY), active=("psi",), limits=limits)
    else:
        changes = changes_of(active=("psi",))
    assert changes == AlarmChanges(cleared=("psi",))


@pytest.mark.parametrize(
    ("quiet", "limit", "active", "raised", "cleared"),
    [
        (3.0, 4.0, False, False, False),
        (4.0, 4.0, False, True, False),
        (9.0, 4.0, True, False, False),
        (0.0, 4.0, True, False, True),
        (None, 4.0, False, False, False),
        (9.0, None, False, False, False),
        (9.0, None, True, False, True),
    ],
)
def test_silence_raises_one_alarm_until_a_film_comes(
    quiet: float | None, limit: float | None, active: bool, raised: bool, cleared: bool
) -> None:
    def hours(n: float | None) -> timedelta | None:
        return None if n is None else timedelta(hours=n)

    changes = judge_feed(Feed(XRAY, NOW, hours(quiet)), hours(limit), active, NOW)
    assert (bool(changes.raised), bool(changes.cleared)) == (raised, cleared)
    if raised:
        assert changes.raised == (Alarm(XRAY, Metric(SILENT, 4.0, 0), 4.0, NOW.date()),)


@pytest.mark.parametrize(
    ("metric", "level"),
    [
        (Metric(Measure.PSI, 0.05, PLENTY), Level.STABLE),
        (Metric(Measure.PSI, 0.1, PLENTY), Level.SLIGHT),
        (Metric(Measure.PSI, 0.25, PLENTY), Level.LARGE),
        (Metric(Measure.PSI, None, 12), Level.TOO_FEW),
        (Metric(Measure.AGE, 60.0, PLENTY, 66.5), Level.PLAIN),
        (Metric(Measure.WOMEN, 0.5, PLENTY), Level.PLAIN),
    ],
)
def test_a_psi_is_assessed_by_its_usual_limits(metric: Metric, level: Level) -> None:
    assert assess(metric) is level


@pytest.mark.parametrize("measure", [*Measure, SILENT, "refused.view"])
def test_every_measure_has_a_label_and_a_format(measure: str) -> None:
    assert measure_label(measure) and format_value(measure, 0.5)


@pytest.mark.parametrize(
    ("alarm", "text"),
    [
        (
            Alarm(XRAY, Metric(Measure.ADMITTED, 0.4, 220, 0.7), 0.2, DAY),
            "XRAY1 / ROOM 2: admitted is 40.0%, reference 70.0% (220 films up to "
            "2026-03-02; alarm limit: a change of 20.0%)",
        ),
        (
            Alarm(Source("XRAY1", ""), Metric(Measure.FAILED, 0.1, 40), 0.05, DAY),
            "XRAY1: failed of those admitted is 10.0% (40 films up to 2026-03-02; "
            "alarm limit: 5.0%)",
        ),
    ],
)
def test_a_raised_alarm_has_a_sentence(alarm: Alarm, text: str) -> None:
    assert alarm_sentence("drift_alarm", to_log_fields(alarm)) == text


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ("feed_silent", "XRAY1 / ROOM 2: no film for 4.5 h of its usual hours"),
        ("feed_heard", "XRAY1 / ROOM 2: sends films again"),
        ("feed_forgotten", "XRAY1 / ROOM 2: is no longer expected to send"),
    ],
)
def test_a_silent_source_has_a_sentence(event: str, text: str) -> None:
    fields = alarm_key(XRAY, SILENT)
    if event == "feed_silent":
        fields = to_log_fields(Alarm(XRAY, Metric(SILENT, 4.5, 0), 4.0, DAY))
    assert alarm_sentence(event, fields) == text


def test_a_cleared_alarm_has_a_sentence() -> None:
    text = "XRAY1 / ROOM 2: the alarm for PSI of the scores is cleared"
    assert alarm_sentence("drift_eased", alarm_key(XRAY, "psi")) == text
