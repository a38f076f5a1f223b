"""What a running node leaves in its audit trail, and what of it reaches a syslog server."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread

from node.domain.workflow.job import JobState
from tests.peers.audit import Record, parse, read
from tests.peers.dcmtk import dcmsend, echoscu
from tests.peers.node import AE_TITLE, Node
from tests.peers.orthanc import Orthanc
from tests.peers.syslog import SyslogServer
from tests.peers.waiting import wait_until

pytestmark = pytest.mark.tools("dcmsend", "echoscu")

MakeNode = Callable[..., Node]


def trail_of(node: Node) -> list[Record]:
    return read(node.file.parent / "var" / "audit.log")


def kinds(records: list[Record]) -> list[str]:
    return [one.kind for one in records]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SyslogServer]:
    """Return a syslog server that does not listen yet."""
    made = SyslogServer(tmp_path)
    yield made
    made.stop()


@pytest.mark.tools("Orthanc")
def test_a_day_of_a_node_is_told_in_order_and_shipped(
    make_node: MakeNode,
    orthanc: Orthanc,
    destination: dict[str, Any],
    film: Path,
    server: SyslogServer,
) -> None:
    """Started, a stranger refused, a film received, its results stored, stopped. The server is
    down for most of it, and has everything in the end.
    """
    syslog = server.reached_by.model_dump(mode="json")
    node = make_node(destinations=[destination], audit={"syslog": syslog})
    node.serve()
    assert not echoscu(node.port, called_ae="STRANGER")
    assert dcmsend(node.port, film, called_ae=AE_TITLE).succeeded
    [job] = node.wait_ended([str(dcmread(film).SOPInstanceUID)])
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
    assert [one.outcome for one in records] == ["0", "4", "0", "0", "0", "0"]
    received, *exported = records[2:5]
    assert received.event.get("EventActionCode") == "C"
    assert received.instances == [job.film.sop_instance_uid]
    stored = {one.sop_instance_uid for one in orthanc.instances()}
    assert {one.instances[0] for one in exported} == stored
    assert {one.subject for one in records[2:5]} == {job.film.study_instance_uid}
    assert exported[0].participants[1]["UserID"] == orthanc.ae_title
    lines = (node.file.parent / "var" / "audit.log").read_bytes().splitlines()
    assert server.messages == lines


def test_what_was_set_anew_is_told_at_the_next_start(make_node: MakeNode) -> None:
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


def test_a_role_that_is_run_alone_tells_and_ships_for_itself(
    make_node: MakeNode, server: SyslogServer
) -> None:
    """On a machine of its own there is nobody else to."""
    server.start()
    node = make_node(audit={"syslog": server.reached_by.model_dump(mode="json")})
    node.serve("ingest")
    shipped = wait_until(lambda: list(server.messages), what="shipment")
    assert parse(shipped[0]).participants[0]["UserName"] == "osteoscreen ingest"
    assert node.stop() == [0]
    assert kinds([parse(one) for one in server.messages]) == [
        "Application Start",
        "Application Stop",
    ]


def test_a_node_that_is_killed_leaves_a_start_without_an_end(make_node: MakeNode) -> None:
    """That is how a power cut reads; roles that die and come back are in the log alone."""
    node = make_node()
    node.serve()
    os.kill(node.process_of("maintenance"), signal.SIGKILL)
    node.kill()
    node.serve()
    assert node.stop() == [0]
    assert kinds(trail_of(node)) == ["Application Start", "Application Start", "Application Stop"]


def test_a_certificate_that_is_not_there_is_said_at_the_start(make_node: MakeNode) -> None:
    """Not when the server misses the trail."""
    there = {"host": "127.0.0.1", "tls": {"ca": "nowhere.pem"}}
    node = make_node(audit={"syslog": there})
    with pytest.raises(AssertionError, match=r"ended with 2: osteoscreen: tls\.ca .*nowhere\.pem"):
        node.serve()
