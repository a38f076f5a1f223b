"""A running node writes its audit trail to a file and ships the trail to a syslog server."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from node.domain.workflow.job import JobState
from tests.peers.audit import Record, parse, read
from tests.peers.dcmtk import echoscu
from tests.peers.node import Node
from tests.peers.orthanc import Orthanc
from tests.peers.syslog import SyslogServer
from tests.peers.waiting import wait_until

pytestmark = pytest.mark.tools("dcmsend", "echoscu")

MakeNode = Callable[..., Node]


def trail_of(node: Node) -> list[Record]:
    return read(node.file.parent / "var" / "audit.log")


def kinds(records: list[Record]) -> list[str]:
    return [record.kind for record in records]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SyslogServer]:
    """Return a syslog server that does not listen yet."""
    server = SyslogServer(tmp_path)
    yield server
    server.stop()


@pytest.mark.tools("Orthanc")
def test_the_events_of_a_node_are_recorded_in_order_and_shipped(
    make_node: MakeNode,
    orthanc: Orthanc,
    destination: dict[str, Any],
    film: Path,
    server: SyslogServer,
) -> None:
    """The events are start, a refused caller, a received film, two stored results, and stop.

    The syslog server starts late and receives all records.
    """
    syslog = server.section.model_dump(mode="json")
    node = make_node(destinations=[destination], audit={"syslog": syslog})
    node.serve()
    assert not echoscu(node.port, called_ae="STRANGER")
    [job] = node.wait_ended(node.send(film))
    assert job.state is JobState.DONE
    server.start()
    assert node.stop() == [0]

    records = trail_of(node)
    assert kinds(records) == [
        "Application Start",
        "Node Authentication",
        "DICOM Instances Transferred",
        "DICOM Instances Transferred",
        "DICOM Instances Transferred",
        "Application Stop",
    ]
    assert [record.outcome for record in records] == ["0", "4", "0", "0", "0", "0"]
    received, *exported = records[2:5]
    assert received.event.get("EventActionCode") == "C"
    assert received.instances == [job.film.sop_instance_uid]
    stored = {instance.sop_instance_uid for instance in orthanc.instances()}
    assert {record.instances[0] for record in exported} == stored
    assert {record.subject for record in records[2:5]} == {job.film.study_instance_uid}
    assert exported[0].participants[1]["UserID"] == orthanc.ae_title
    lines = (node.file.parent / "var" / "audit.log").read_bytes().splitlines()
    assert server.messages == lines


def test_the_next_start_records_changed_settings(make_node: MakeNode) -> None:
    node = make_node()
    node.serve()
    assert node.stop() == [0]
    node.set(policy={"threshold": 0.25})
    node.serve()
    assert node.stop() == [0]
    records = trail_of(node)
    assert kinds(records) == [
        "Application Start",
        "Application Stop",
        "Application Start",
        "Software Configuration",
        "Application Stop",
    ]
    assert records[3].description == "changed: policy.threshold"


def test_a_role_that_runs_alone_records_and_ships(
    make_node: MakeNode, server: SyslogServer
) -> None:
    """A role that runs alone may be the only role on its machine."""
    server.start()
    node = make_node(audit={"syslog": server.section.model_dump(mode="json")})
    node.serve("ingest")
    shipped = wait_until(lambda: list(server.messages), goal="shipment")
    assert parse(shipped[0]).participants[0]["UserName"] == "osteoscreen ingest"
    assert node.stop() == [0]
    assert kinds([parse(line) for line in server.messages]) == [
        "Application Start",
        "Application Stop",
    ]


def test_a_killed_node_has_a_start_without_an_end(make_node: MakeNode) -> None:
    """Neither the end of a single role nor a kill of the whole node writes a stop record."""
    node = make_node()
    node.serve()
    os.kill(node.process_of("maintenance"), signal.SIGKILL)
    node.kill()
    node.serve()
    assert node.stop() == [0]
    assert kinds(trail_of(node)) == ["Application Start", "Application Start", "Application Stop"]


def test_a_missing_certificate_is_an_error_at_the_start(make_node: MakeNode) -> None:
    """Without a check at the start, the first shipment of records would fail."""
    syslog = {"host": "127.0.0.1", "tls": {"ca": "nowhere.pem"}}
    node = make_node(audit={"syslog": syslog})
    with pytest.raises(AssertionError, match=r"ended with 2: osteoscreen: tls\.ca .*nowhere\.pem"):
        node.serve()
