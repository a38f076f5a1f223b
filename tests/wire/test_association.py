"""Associations are accepted or rejected, and the port withstands faulty input."""

import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path

import pytest
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom.association import Association

from node.domain.access import Caller
from node.domain.errors import Misconfigured
from node.ingest.listening_socket import open_listening_socket
from tests.peers.dcmtk import dcmsend, echoscu
from tests.peers.waiting import wait_until
from tests.support.films import make_film, write_film
from tests.support.paths import ROOT
from tests.wire.conftest import Node

VERIFICATION = "1.2.840.10008.1.1"
LOOPBACK = ip_network("127.0.0.0/8")
HOSPITAL = ip_network("10.1.0.0/16")
PERMANENT, SERVICE_USER = 1, 1
CALLING_NOT_RECOGNISED, CALLED_NOT_RECOGNISED = 3, 7


def rejection(node: Node, **titles: str) -> tuple[int, int, int] | None:
    """Return result, source and diagnostic of a rejection, or None for an open association."""
    with node.associated(**titles) as assoc:
        if assoc.is_established:
            return None
        assert assoc.is_rejected
        answer = assoc.acceptor.primitive
        return answer.result, answer.result_source, answer.diagnostic


def answers(node: Node) -> bool:
    """Return whether the node accepts an association."""
    with node.associated() as assoc:
        return bool(assoc.is_established)


def waiting_threads() -> list[str]:
    """Return pynetdicom's threads of connections that are open to a server of this process."""
    return [thread.name for thread in threading.enumerate() if "Acceptor" in thread.name]


def echoed(assoc: Association) -> bool:
    """Return whether a C-ECHO is answered on this association."""
    try:
        return "Status" in assoc.send_c_echo()
    except RuntimeError:  # pynetdicom raises this error once the association has ended
        return False


class TestTitles:
    @pytest.mark.parametrize("called", ["SOMEBODY", "osteoscreen", "OSTEOSCREEN2", "ANY-SCP"])
    def test_only_the_configured_called_title_is_accepted(self, node: Node, called: str) -> None:
        """A modality that is configured for another node must notice its mistake."""
        expected = (PERMANENT, SERVICE_USER, CALLED_NOT_RECOGNISED)
        assert rejection(node, called_ae=called) == expected

    def test_padding_is_ignored(self, node: Node) -> None:
        """PS3.8 pads titles with spaces, and some senders also put spaces in front of a title."""
        assert rejection(node, called_ae=" OSTEOSCREEN ") is None

    def test_a_caller_that_is_not_listed_is_rejected(self, open_node: Callable[..., Node]) -> None:
        """The diagnostic of the rejection names the calling AE title."""
        node = open_node(callers=(Caller("XRAY1", LOOPBACK),))
        assert rejection(node, calling_ae="XRAY1") is None
        expected = (PERMANENT, SERVICE_USER, CALLING_NOT_RECOGNISED)
        assert rejection(node, calling_ae="XRAY2") == expected

    def test_a_listed_caller_from_another_network_is_rejected(
        self, open_node: Callable[..., Node]
    ) -> None:
        """An AE title is easy to copy, but a network address is harder to copy."""
        node = open_node(callers=(Caller("XRAY1", HOSPITAL),))
        expected = (PERMANENT, SERVICE_USER, CALLING_NOT_RECOGNISED)
        assert rejection(node, calling_ae="XRAY1") == expected

    @pytest.mark.tools("dcmsend", "echoscu")
    def test_dcmtk_is_rejected(self, open_node: Callable[..., Node], tmp_path: Path) -> None:
        """A rejected association carries neither a C-ECHO nor a film."""
        node = open_node(callers=(Caller("XRAY1", LOOPBACK),))
        path = write_film(make_film(), tmp_path / "film.dcm")
        titles = {"called_ae": "OSTEOSCREEN", "calling_ae": "XRAY2"}
        assert not echoscu(node.port, **titles)
        assert dcmsend(node.port, path, **titles).sent == ()
        assert node.jobs() == []

    def test_too_many_associations_are_rejected_as_transient(
        self, open_node: Callable[..., Node]
    ) -> None:
        """The reason is "local limit exceeded", and a later association is accepted."""
        node = open_node(settings={"max_associations": 1})
        with node.associated() as first:
            assert first.is_established
            assert rejection(node) == (2, 3, 2)
        wait_until(lambda: rejection(node) is None, goal="accepted association")


class TestNoise:
    """These tests send the input of port scanners, health checks and faulty programs."""

    @pytest.mark.parametrize(
        "noise",
        [
            b"",
            b"\x01",
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
            struct.pack(">BBL", 0x01, 0, 0xFFFFFFFF) + bytes(1000),
            struct.pack(">BBL", 0x01, 0, 68) + b"\xff" * 68,
            struct.pack(">BBL", 0x04, 0, 10) + bytes(10),
            struct.pack(">BBL", 0x07, 0, 4) + bytes(4),
        ],
        ids=["probe", "byte", "http", "tls", "endless", "garbled", "data-first", "abort-first"],
    )
    def test_noise_does_not_disturb_the_next_caller(
        self, open_node: Callable[..., Node], noise: bytes
    ) -> None:
        """The next caller gets an association, and no file is left.

        Three associations that outlive their connections would reach `max_associations`.
        """
        node = open_node(settings={"max_associations": 3, "artim_timeout": 60.0})
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", node.port), timeout=10) as peer:
                peer.sendall(noise)
        # A remaining association would last for 60 s, which is longer than this test waits.
        wait_until(lambda: answers(node), goal="answer to a C-ECHO")
        wait_until(lambda: not waiting_threads(), goal="end of the connections")
        assert (node.jobs(), node.incoming()) == ([], [])

    def test_a_silent_connection_does_not_block_others(self, node: Node) -> None:
        """A connection that sends no data occupies a socket, but no association."""
        with socket.create_connection(("127.0.0.1", node.port), timeout=10):
            assert answers(node)
            assert node.send(make_film()) == 0x0000


class TestPort:
    def test_two_processes_share_a_port(self, node: Node) -> None:
        """The kernel distributes connections, and each process can end without the other."""
        program = (
            "import sys, pathlib; from tests.wire.conftest import Node\n"
            "node = Node(pathlib.Path(sys.argv[1]), port=int(sys.argv[2]))\n"
            "node.start(); print('started', flush=True)\n"
            "sys.stdin.read(); node.server.stop()\n"
        )
        command = [sys.executable, "-c", program, str(node.folder), str(node.port)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, cwd=ROOT, **pipes) as second_server:
            assert second_server.stdout is not None
            wait_until(lambda: "started" in second_server.stdout.readline(), goal="second server")
            films = [make_film(side=256) for _ in range(24)]
            assert [node.send(ds) for ds in films] == [0x0000] * 24
            assert len(node.jobs()) == 24
            node.server.stop()
            assert node.send(make_film()) == 0x0000
            output, _ = second_server.communicate(timeout=30)
        # The probability that one process gets all 24 connections is 1 in 8 million.
        assert 1 < output.count("film_received") < 25
        assert len(node.jobs()) == 25

    def test_a_port_in_use_is_misconfigured(self) -> None:
        """Another program uses the port, and the message begins with the configuration key."""
        with socket.socket() as program:
            program.bind(("127.0.0.1", 0))
            program.listen()
            port = program.getsockname()[1]
            with pytest.raises(Misconfigured, match=r"^dicom\.port: cannot listen on 127\.0\.0\.1"):
                open_listening_socket("127.0.0.1", port)


class TestStop:
    def test_a_running_association_may_end(self, node: Node) -> None:
        """A running transfer is finished and acknowledged, but new associations are refused."""
        with node.associated() as assoc:
            assert assoc.send_c_store(make_film()).Status == 0x0000
            stopping = threading.Thread(target=node.server.stop)
            stopping.start()
            wait_until(lambda: not answers(node), goal="closed port")
            assert assoc.send_c_store(make_film()).Status == 0x0000
            assert stopping.is_alive()
        stopping.join(timeout=20)
        assert not stopping.is_alive()
        assert len(node.jobs()) == 2

    def test_an_endless_association_is_aborted(self, open_node: Callable[..., Node]) -> None:
        """A modality that keeps sending does not prevent the node from stopping."""
        node = open_node(settings={"dimse_timeout": 0.5})
        with node.associated((VERIFICATION, [ImplicitVRLittleEndian])) as assoc:
            assert echoed(assoc)
            stopping = threading.Thread(target=node.server.stop)
            stopping.start()
            wait_until(lambda: not echoed(assoc), timeout=10.0, goal="end of the association")
            stopping.join(timeout=20)
            wait_until(lambda: assoc.is_aborted, goal="abort")

    def test_stopping_twice_or_before_the_start_does_nothing(self, node: Node) -> None:
        """A supervisor may send several signals to stop."""
        node.server.stop()
        node.server.stop()
        assert not answers(node)
