"""Helpers for notices: a table of notices, and the content of one notice."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from node.drift.alarm_store import AlarmStore
from node.drift.metrics import Source
from node.drift.notifier import send_oldest

XRAY = Source("XRAY1", "ROOM 2")
CONTENT = {
    "event": "drift_alarm",
    "node": "OSTEOSCREEN",
    "calling_ae": "XRAY1",
    "station": "ROOM 2",
    "measure": "psi",
    "text": "XRAY1 / ROOM 2: population stability index is 0.310",
}
SECRET = "k-4711"  # noqa: S105 - used only in these tests


@dataclass
class NoticeTable:
    """A table of notices, and the current time."""

    engine: Any
    now: datetime = field(default_factory=lambda: datetime(2026, 1, 1, tzinfo=UTC))

    def activate(self, channel: str = "webhook", content: dict[str, Any] = CONTENT) -> None:
        assert AlarmStore(self.engine, (channel,)).activate(XRAY, "psi", self.now, content)

    def notifier(
        self, send: Callable[[dict[str, Any]], None], channel: str = "webhook"
    ) -> Callable[[], int]:
        alarms = AlarmStore(self.engine, (channel,))
        return partial(send_oldest, channel, alarms, send, lambda: self.now)

    def later(self) -> None:
        """Move the clock forward by more than any pause."""
        self.now += timedelta(minutes=15)
