"""The maintenance role runs as a process, computes past metrics and reports silent sources."""

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
    """Return the events of the notices that the receiver has got, by measure."""
    notices = (json.loads(body) for _, _, body in receiver.posts)
    return {notice["measure"]: notice for notice in notices}


def test_maintenance_computes_metrics_and_sends_alarms(
    make_node: MakeNode, receiver: WebReceiver, tmp_path: Path
) -> None:
    """Scores are higher on the last nine days with films, and then the source sends no films."""
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
    history.send(9, first=20, score_offset=0.3)
    node.serve("maintenance")
    notices = wait_until(lambda: events(receiver), lambda items: len(items) == 2, 60, "two alarms")
    assert {measure: notice["event"] for measure, notice in notices.items()} == {
        "psi": "drift_alarm",
        "silent": "feed_silent",
    }
    wait_until(metrics.exists, goal="metrics")
    assert stat.S_IMODE(metrics.stat().st_mode) == 0o644
    process = osteoscreen("drift", "--config", node.file, "--json")
    active = {alarm["measure"] for alarm in json.loads(process.stdout)["alarms"]}
    assert active == {"psi", "silent"}
