"""The channel between a supervisor and a role."""

import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.config.settings import Config, load
from node.ingest.listening_socket import open_listening_socket
from node.runtime.role_process import (
    CHANNEL,
    SupervisorChannel,
    pack_config,
    supervisor_channel,
    unpack_config,
)
from tests.docs.test_config_documented import CONFIG, with_examples

CHANGED = Config(policy={"threshold": 0.1})


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, SupervisorChannel]]:
    """Yield the supervisor's socket and the role's channel, as a process inherits it."""
    supervisor, role = socket.socketpair()
    yield supervisor, SupervisorChannel(role.detach())
    supervisor.close()


def start(supervisor: socket.socket, listener: socket.socket | None = None) -> None:
    descriptor = None if listener is None else os.dup(listener.fileno())
    message = {"config": pack_config(CHANGED), "listener": descriptor}
    supervisor.sendall(json.dumps(message).encode() + b"\n")


def test_a_role_uses_the_configuration_that_the_supervisor_sends(
    ends: tuple[socket.socket, SupervisorChannel],
) -> None:
    supervisor, channel = ends
    start(supervisor)
    assert channel.receive_start() == (CHANGED, None)


def test_a_role_reports_that_it_is_ready_or_its_error(
    ends: tuple[socket.socket, SupervisorChannel],
) -> None:
    supervisor, channel = ends
    channel.report()
    channel.report("model.bundle: damaged")
    first, second = supervisor.recv(1000).splitlines()
    assert (json.loads(first), json.loads(second)) == (
        {"error": ""},
        {"error": "model.bundle: damaged"},
    )


def test_a_role_stops_when_the_supervisor_ends(
    ends: tuple[socket.socket, SupervisorChannel],
) -> None:
    supervisor, channel = ends
    start(supervisor)
    channel.receive_start()
    stop = threading.Event()
    channel.stop_with_supervisor(stop)
    assert not stop.wait(0.1)
    supervisor.close()
    assert stop.wait(30)


def test_a_replaced_ingest_may_take_its_time_until_the_supervisor_ends(
    ends: tuple[socket.socket, SupervisorChannel],
) -> None:
    """Its successor takes the connections. The end of the supervisor ends the patience."""
    supervisor, channel = ends
    with open_listening_socket("127.0.0.1", 0) as listener:
        start(supervisor, listener)
        received = channel.receive_start()
        assert received is not None
        port = received[1]
        assert port is not None
        assert port.listener.getsockname() == listener.getsockname()
        stop = threading.Event()
        channel.stop_with_supervisor(stop)
        supervisor.sendall(b"retire\n")
        assert port.handed_over.wait(30)
        assert stop.wait(30)
        supervisor.close()
        for _ in range(300):
            if not port.handed_over.is_set():
                break
            threading.Event().wait(0.1)
        assert not port.handed_over.is_set()
        port.listener.close()


def test_a_supervisor_that_has_ended_sends_nothing(
    ends: tuple[socket.socket, SupervisorChannel],
) -> None:
    supervisor, channel = ends
    supervisor.close()
    assert channel.receive_start() is None
    channel.report()


def test_without_a_supervisor_there_is_no_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CHANNEL, raising=False)
    assert supervisor_channel() is None


def test_a_configuration_reaches_another_process_unchanged(tmp_path: Path) -> None:
    """Every kind of value, as in the shipped file with its examples."""
    file = tmp_path / "config.yaml"
    file.write_text(with_examples(CONFIG.read_text(encoding="utf-8")))
    config = load(file)
    assert unpack_config(json.loads(json.dumps(pack_config(config)))) == config
