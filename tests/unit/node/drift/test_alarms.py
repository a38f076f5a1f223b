"""When a figure is an alarm, when it has eased, and how it is told."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from node.drift.alarms import SILENT, Alarm, Judged, Limits, judge, judge_feed, told, told_of
from node.drift.metrics import Figure, Measure, Plan, Source
from node.drift.silence import Feed
from node.drift.wording import Level, name_of, read, sentence, shown

XRAY = Source("XRAY1", "ROOM 2")
DAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 3, 1, tzinfo=UTC)
PLAN = Plan(films=200)
LIMITS = Limits(ks=0.15)
PLENTY = 250


def new_of(*figures: Figure, standing: tuple[str, ...] = (), limits: Limits = LIMITS) -> Judged:
    return judge(XRAY, figures, limits, standing, (DAY, PLAN))


@pytest.mark.parametrize(
    ("figure", "alarm"),
    [
        (Figure(Measure.PSI, 0.249, PLENTY), False),
        (Figure(Measure.PSI, 0.25, PLENTY), True),
        (Figure(Measure.PSI, 0.9, 199), False),
        (Figure(Measure.PSI, None, 199), False),
        (Figure(Measure.ADMITTED, 0.49, PLENTY, 0.7), True),
        (Figure(Measure.ADMITTED, 0.9, PLENTY, 0.65), True),
        (Figure(Measure.ADMITTED, 0.6, PLENTY, 0.7), False),
        (Figure(Measure.ADMITTED, 0.1, PLENTY), False),
        (Figure(Measure.FAILED, 0.06, 30), True),
        (Figure(Measure.FAILED, 0.06, 29), False),
        (Figure(Measure.FAILED, 0.04, PLENTY, 0.0), False),
        (Figure(Measure.FLAGGED, 0.31, PLENTY, 0.2), True),
        (Figure(Measure.AGE, 60.0, PLENTY, 66.0), True),
        (Figure(Measure.AGE, 62.0, PLENTY, 66.0), False),
        (Figure(Measure.WOMEN, 0.3, PLENTY, 0.55), True),
        (Figure(Measure.SCORE, 0.9, PLENTY, 0.1), False),
        (Figure("refused.view", 0.9, PLENTY, 0.1), False),
    ],
)
def test_what_raises_an_alarm(figure: Figure, alarm: bool) -> None:
    """A value, or a change to either side; of enough films; with something to compare."""
    raised = new_of(figure).raised
    assert [one.measure for one in raised] == ([figure.measure] if alarm else [])


@pytest.mark.parametrize(("p", "alarm"), [(0.2, False), (0.01, False), (0.009, True)])
def test_a_distance_that_may_be_chance_raises_none(p: float, alarm: bool) -> None:
    figures = Figure(Measure.KS, 0.16, PLENTY), Figure(Measure.KS_P, p, PLENTY)
    assert bool(new_of(*figures).raised) is alarm


@pytest.mark.parametrize(
    ("value", "standing", "raised", "eased"),
    [
        (0.3, False, True, False),
        (0.3, True, False, False),  # it was told
        (0.21, True, False, False),  # not yet down to four fifths
        (0.2, True, False, False),
        (0.199, True, False, True),
        (0.199, False, False, False),
        (None, True, False, False),  # too few films: nobody knows
    ],
)
def test_an_alarm_is_raised_once_and_eases_once(
    value: float | None, standing: bool, raised: bool, eased: bool
) -> None:
    films = 100 if value is None else PLENTY
    stands = (str(Measure.PSI),) if standing else ()
    found = new_of(Figure(Measure.PSI, value, films), standing=stands)
    assert (bool(found.raised), bool(found.eased)) == (raised, eased)


@pytest.mark.parametrize("why", ["new bundle", "no limit"])
def test_an_alarm_eases_that_is_not_asked_for_any_more(why: str) -> None:
    """Under a new bundle there is nothing to compare with; without a limit nobody asks."""
    if why == "no limit":
        limits = replace(LIMITS, psi=None)
        found = new_of(Figure(Measure.PSI, 0.9, PLENTY), standing=("psi",), limits=limits)
    else:
        found = new_of(standing=("psi",))
    assert found == Judged(eased=("psi",))


@pytest.mark.parametrize(
    ("quiet", "limit", "stands", "raised", "eased"),
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
def test_a_silent_feed_is_told_once_until_it_is_heard(
    quiet: float | None, limit: float | None, stands: bool, raised: bool, eased: bool
) -> None:
    def hours(n: float | None) -> timedelta | None:
        return None if n is None else timedelta(hours=n)

    found = judge_feed(Feed(XRAY, NOW, hours(quiet)), hours(limit), stands, NOW)
    assert (bool(found.raised), bool(found.eased)) == (raised, eased)
    if raised:
        assert found.raised == (Alarm(XRAY, SILENT, 4.0, 4.0, NOW.date(), 0),)


@pytest.mark.parametrize(
    ("figure", "level", "text"),
    [
        (Figure(Measure.PSI, 0.05, PLENTY), Level.STABLE, "stable"),
        (Figure(Measure.PSI, 0.1, PLENTY), Level.SLIGHT, "slight change"),
        (Figure(Measure.PSI, 0.25, PLENTY), Level.LARGE, "large change"),
        (Figure(Measure.PSI, None, 12), Level.TOO_FEW, "too few (12 films)"),
        (Figure(Measure.AGE, 60.0, PLENTY, 66.5), Level.PLAIN, ""),
        (Figure(Measure.WOMEN, 0.5, PLENTY), Level.PLAIN, ""),
    ],
)
def test_a_figure_reads(figure: Figure, level: Level, text: str) -> None:
    reading = read(figure)
    assert (reading.level, reading.text) == (level, text)


@pytest.mark.parametrize("measure", [*Measure, SILENT, "refused.view"])
def test_every_measure_has_a_name_and_a_way_to_be_shown(measure: str) -> None:
    assert name_of(measure) and shown(measure, 0.5)


@pytest.mark.parametrize(
    ("alarm", "text"),
    [
        (
            Alarm(XRAY, Measure.ADMITTED, 0.4, 0.2, DAY, 220, 0.7),
            "XRAY1 / ROOM 2: admitted is 40.0%, 70.0% in its reference (220 films up to "
            "2026-03-02; the alarm is set to a change of 20.0%)",
        ),
        (
            Alarm(Source("XRAY1", ""), Measure.FAILED, 0.1, 0.05, DAY, 40),
            "XRAY1: failed of those admitted is 10.0% (40 films up to 2026-03-02; the alarm is "
            "set to 5.0%)",
        ),
    ],
)
def test_an_alarm_is_told_in_one_sentence(alarm: Alarm, text: str) -> None:
    assert sentence("drift_alarm", told(alarm)) == text


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ("feed_silent", "XRAY1 / ROOM 2: no film for 4.5 h of its usual hours"),
        ("feed_heard", "XRAY1 / ROOM 2: films come again"),
        ("feed_forgotten", "XRAY1 / ROOM 2: is no longer expected to send"),
    ],
)
def test_so_is_what_becomes_of_a_feed(event: str, text: str) -> None:
    facts = told_of(XRAY, SILENT)
    if event == "feed_silent":
        facts = told(Alarm(XRAY, SILENT, 4.5, 4.0, DAY, 0))
    assert sentence(event, facts) == text
    assert sentence("drift_eased", told_of(XRAY, "psi")).endswith("has eased")
