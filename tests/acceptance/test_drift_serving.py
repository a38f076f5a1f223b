"""The maintenance role as a process: it measures the past, and tells who has fallen silent."""

import json
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from node.config.settings import load
from node.jobs import schema
from node.jobs.engine import open_engine
from tests.peers.command import osteoscreen
from tests.peers.history import History
from tests.peers.node import Node
from tests.peers.receivers import WebReceiver
from tests.peers.waiting import wait_until

MakeNode = Callable[..., Node]


@pytest.fixture
def receiver() -> Iterator[WebReceiver]:
    web = WebReceiver()
    web.start()
    yield web
    web.stop()


def events(receiver: WebReceiver) -> dict[str, dict[str, Any]]:
    """Return what the receiver was told, by measure."""
    return {told["measure"]: told for told in (json.loads(body) for _, _, body in receiver.posts)}


def test_maintenance_measures_what_came_and_tells_of_it(
    make_node: MakeNode, receiver: WebReceiver, tmp_path: Path
) -> None:
    """Weeks of films, the last of them with other scores, and nothing for half a day."""
    metrics = tmp_path / "osteoscreen.prom"
    node = make_node(
        drift={
            "films": 50,
            "window": 5,
            "reference": {"days": 5, "films": 50},
            "alarms": {"webhook": {"url": receiver.url}},
            "metrics_file": str(metrics),
        }
    )
    engine = open_engine(load(node.file).database.url)
    schema.upgrade(engine)
    history = History(engine, datetime.now(UTC) - timedelta(days=30))
    history.send(20)
    history.send(9, first=20, higher=0.3)
    node.serve("maintenance")
    told = wait_until(lambda: events(receiver), lambda found: len(found) == 2, 60, "two alarms")
    assert {name: one["event"] for name, one in told.items()} == {
        "psi": "drift_alarm",
        "silent": "feed_silent",
    }
    wait_until(metrics.exists, what="metrics")
    assert stat.S_IMODE(metrics.stat().st_mode) == 0o644
    done = osteoscreen("drift", "--config", node.file, "--json")
    standing = {one["measure"] for one in json.loads(done.stdout)["alarms"]}
    assert standing == {"psi", "silent"}
