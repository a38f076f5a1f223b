"""A role reports to its supervisor through a channel, and ends with the supervisor."""

import threading
from collections.abc import Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection

import pytest

from node.ingest.listening_socket import open_listening_socket
from node.runtime.roles import IngestPort
from node.runtime.supervised_role import report, stop_with_supervisor


@pytest.fixture
def ends() -> Iterator[tuple[Connection, Connection]]:
    """Yield the supervisor's end of the channel, and the role's end."""
    supervisor, role = Pipe()
    yield supervisor, role
    supervisor.close()


def test_a_role_reports_that_it_is_ready_or_its_error(
    ends: tuple[Connection, Connection],
) -> None:
    supervisor, role = ends
    report(role)
    report(role, "model.bundle: damaged")
    assert (supervisor.recv(), supervisor.recv()) == ("", "model.bundle: damaged")


def test_a_report_to_a_supervisor_that_has_ended_is_lost(
    ends: tuple[Connection, Connection],
) -> None:
    supervisor, role = ends
    supervisor.close()
    report(role)


def test_a_role_stops_when_the_supervisor_ends(ends: tuple[Connection, Connection]) -> None:
    supervisor, role = ends
    stop = threading.Event()
    stop_with_supervisor(role, stop, None)
    assert not stop.wait(0.1)
    supervisor.close()
    assert stop.wait(30)


def test_a_replaced_ingest_may_finish_transfers_until_the_supervisor_ends(
    ends: tuple[Connection, Connection],
) -> None:
    """After handing over its port, ingest waits for transfers until the supervisor ends."""
    supervisor, role = ends
    with open_listening_socket("127.0.0.1", 0) as listener:
        port = IngestPort(listener)
        stop = threading.Event()
        stop_with_supervisor(role, stop, port)
        supervisor.send(None)
        assert port.handed_over.wait(30)
        assert stop.wait(30)
        supervisor.close()
        for _ in range(300):
            if not port.handed_over.is_set():
                break
            threading.Event().wait(0.1)
        assert not port.handed_over.is_set()
