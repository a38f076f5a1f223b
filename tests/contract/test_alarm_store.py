"""Alarms that stand, and notices until they are told, on SQLite and on PostgreSQL alike."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from node.drift.alarm_store import AlarmStore
from node.drift.alarms import Standing
from node.drift.metrics import Source
from tests.contract.conftest import Table

XRAY = Source("XRAY1", "ROOM 2")
HELD = timedelta(minutes=5)


def alarms(table: Table, *channels: str) -> AlarmStore:
    return AlarmStore(table.engine, channels or ("webhook",))


def claimed(table: Table, channel: str = "webhook") -> str | None:
    """Return what the next notice of a channel says, None where none is due."""
    notice = alarms(table).claim(channel, table.now, table.now + HELD)
    return None if notice is None else str(notice.content["n"])


def test_an_alarm_is_raised_once_and_each_channel_hears_of_it(table: Table) -> None:
    ours = alarms(table, "webhook", "mail")
    assert ours.raised(XRAY, "psi", table.now, {"n": 1})
    assert not ours.raised(XRAY, "psi", table.later(60), {"n": 2})
    assert ours.standing() == [Standing(XRAY, "psi", table.now - timedelta(seconds=60))]
    assert [claimed(table, one) for one in ("webhook", "mail", "webhook")] == ["1", "1", None]


def test_it_eases_once_and_may_be_raised_again(table: Table) -> None:
    ours = alarms(table)
    assert not ours.eased(XRAY, "psi", table.now, {"n": 1})
    ours.raised(XRAY, "psi", table.now, {"n": 2})
    assert ours.eased(XRAY, "psi", table.now, {"n": 3})
    assert not ours.eased(XRAY, "psi", table.now, {"n": 4})
    assert ours.standing() == []
    assert ours.raised(XRAY, "psi", table.now, {"n": 5})


def test_of_many_maintenances_one_raises_it_and_one_tells_of_it(
    open_table: Callable[[], Table],
) -> None:
    tables = [open_table() for _ in range(4)]
    with ThreadPoolExecutor(4) as maintenances:
        new = list(
            maintenances.map(lambda one: alarms(one).raised(XRAY, "psi", one.now, {"n": 1}), tables)
        )
        told = list(maintenances.map(claimed, tables))
    assert sorted(new) == [False, False, False, True]
    assert sorted(map(str, told)) == ["1", "None", "None", "None"]


def test_what_was_taken_and_not_told_comes_again(table: Table) -> None:
    """Its teller may have died."""
    alarms(table).raised(XRAY, "psi", table.now, {"n": 1})
    assert claimed(table) == "1"
    assert claimed(table) is None
    table.later(HELD.total_seconds())
    assert claimed(table) == "1"


def test_an_end_waits_until_the_beginning_is_told(table: Table) -> None:
    ours = alarms(table)
    ours.raised(XRAY, "psi", table.now, {"n": 1})
    ours.eased(XRAY, "psi", table.now, {"n": 2})
    first = ours.claim("webhook", table.now, table.now + HELD)
    assert first is not None
    ours.put_off(first, table.now + timedelta(seconds=10))
    assert claimed(table) is None
    table.later(10)
    again = ours.claim("webhook", table.now, table.now + HELD)
    assert again is not None
    assert (again.content, again.attempt) == ({"n": 1}, 2)
    ours.told(again)
    assert claimed(table) == "2"


def test_a_clock_that_ran_ahead_puts_no_notice_off(table: Table) -> None:
    ours = alarms(table)
    ours.raised(XRAY, "psi", table.now + timedelta(hours=9), {"n": 1})
    assert claimed(table) == "1"


def test_what_nobody_takes_for_a_week_is_told_no_more(table: Table) -> None:
    ours = alarms(table)
    ours.raised(XRAY, "psi", table.now, {"n": 1})
    assert ours.purge(table.later(7 * 86_400 - 1)) == 0
    table.later(1)
    assert claimed(table) is None
    ours.raised(XRAY, "ks", table.now, {"n": 2})
    assert claimed(table) == "2"  # and holds up nothing
    assert ours.purge(table.now) == 1
