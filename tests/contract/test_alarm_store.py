"""Active alarms and notices are stored, on SQLite and PostgreSQL."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from node.drift.alarm_store import AlarmStore
from node.drift.alarms import ActiveAlarm
from node.drift.metrics import Source
from tests.contract.conftest import Table

XRAY = Source("XRAY1", "ROOM 2")
LEASE = timedelta(minutes=5)


def alarms(table: Table, *channels: str) -> AlarmStore:
    return AlarmStore(table.engine, channels or ("webhook",))


def claimed(table: Table, channel: str = "webhook") -> str | None:
    """Claim the next notice of a channel; return its number, or None if no notice is due."""
    notice = alarms(table).claim(channel, table.now, table.now + LEASE)
    return None if notice is None else str(notice.content["n"])


def test_an_alarm_is_raised_once_with_a_notice_for_each_channel(table: Table) -> None:
    store = alarms(table, "webhook", "mail")
    assert store.activate(XRAY, "psi", table.now, {"n": 1})
    assert not store.activate(XRAY, "psi", table.later(60), {"n": 2})
    assert store.active() == [ActiveAlarm(XRAY, "psi", table.now - timedelta(seconds=60))]
    assert [claimed(table, channel) for channel in ("webhook", "mail", "webhook")] == [
        "1",
        "1",
        None,
    ]


def test_an_alarm_is_cleared_once_and_may_be_raised_again(table: Table) -> None:
    store = alarms(table)
    assert not store.clear(XRAY, "psi", table.now, {"n": 1})
    store.activate(XRAY, "psi", table.now, {"n": 2})
    assert store.clear(XRAY, "psi", table.now, {"n": 3})
    assert not store.clear(XRAY, "psi", table.now, {"n": 4})
    assert store.active() == []
    assert store.activate(XRAY, "psi", table.now, {"n": 5})


def test_one_of_several_processes_raises_an_alarm_and_one_sends_it(
    open_table: Callable[[], Table],
) -> None:
    tables = [open_table() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        new = list(
            pool.map(lambda mine: alarms(mine).activate(XRAY, "psi", mine.now, {"n": 1}), tables)
        )
        notices = list(pool.map(claimed, tables))
    assert sorted(new) == [False, False, False, True]
    assert sorted(map(str, notices)) == ["1", "None", "None", "None"]


def test_a_claimed_notice_that_was_not_sent_is_claimed_again(table: Table) -> None:
    """The process that claimed the notice may have ended."""
    alarms(table).activate(XRAY, "psi", table.now, {"n": 1})
    assert claimed(table) == "1"
    assert claimed(table) is None
    table.later(LEASE.total_seconds())
    assert claimed(table) == "1"


def test_a_cleared_alarm_is_sent_after_the_raised_alarm(table: Table) -> None:
    store = alarms(table)
    store.activate(XRAY, "psi", table.now, {"n": 1})
    store.clear(XRAY, "psi", table.now, {"n": 2})
    first = store.claim("webhook", table.now, table.now + LEASE)
    assert first is not None
    store.postpone(first, table.now + timedelta(seconds=10))
    assert claimed(table) is None
    table.later(10)
    again = store.claim("webhook", table.now, table.now + LEASE)
    assert again is not None
    assert (again.content, again.attempt) == ({"n": 1}, 2)
    store.mark_sent(again)
    assert claimed(table) == "2"


def test_a_notice_of_a_fast_clock_is_due_now(table: Table) -> None:
    store = alarms(table)
    store.activate(XRAY, "psi", table.now + timedelta(hours=9), {"n": 1})
    assert claimed(table) == "1"


def test_a_notice_expires_after_a_week(table: Table) -> None:
    store = alarms(table)
    store.activate(XRAY, "psi", table.now, {"n": 1})
    assert store.purge(table.later(7 * 86_400 - 1)) == 0
    table.later(1)
    assert claimed(table) is None
    store.activate(XRAY, "ks", table.now, {"n": 2})
    assert claimed(table) == "2"  # the expired notice does not delay this notice
    assert store.purge(table.now) == 1
