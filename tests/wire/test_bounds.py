"""The associations, memory, disk space and time that a peer may use are limited."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime

import pytest
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.dsutils import encode

from node.ingest.resource_limits import file_of
from node.pacs.commitment import PUSH_MODEL
from tests.peers.waiting import wait_until
from tests.support.films import make_film
from tests.wire.conftest import CR_EXPLICIT, Node, utc_now
from tests.wire.raw import (
    ABORTED_FOR_A_PARAMETER,
    COMMAND,
    DATA,
    LAST,
    echo_request,
    fragment,
    pdu,
    report_request,
    store_request,
)

VERIFICATION = ("1.2.840.10008.1.1", [ImplicitVRLittleEndian])
LIMIT_EXCEEDED = (2, 3, 2)
FRAGMENT = 100_000

OpenNode = Callable[..., Node]


def open_associations(node: Node) -> list[Association]:
    """Return the node's associations, including connections without an association request."""
    return node.server._server.active_associations


def context_of(assoc: Association) -> int:
    """Return the id of the only presentation context of an association."""
    [context] = assoc.accepted_contexts
    return int(context.context_id)


def send_bytes(assoc: Association, *content: bytes) -> None:
    """Send bytes directly to the socket; raise OSError if the association has ended.

    This call switches off pynetdicom's timeout, so that only the node can end the association.
    """
    assoc.network_timeout = None
    connection = assoc.dul.socket.socket
    if connection is None:
        raise ConnectionError("disconnected")
    connection.sendall(b"".join(content))


def answer(assoc: Association) -> tuple[int, ...]:
    """Return result, source and diagnostic of a rejection."""
    assert assoc.is_rejected
    rejection = assoc.acceptor.primitive
    return rejection.result, rejection.result_source, rejection.diagnostic


@contextmanager
def connection(node: Node) -> Iterator[socket.socket]:
    """Open a connection without sending anything."""
    with socket.create_connection(("127.0.0.1", node.port), timeout=10) as peer:
        yield peer


class BlockingClock:
    """A clock that blocks the processing of a film until `go_on` is set."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.go_on = threading.Event()

    def __call__(self) -> datetime:
        self.reached.set()
        assert self.go_on.wait(30)
        return utc_now()


class TestAssociationLimits:
    def test_one_address_does_not_get_all_associations(self, open_node: OpenNode) -> None:
        """A faulty modality must leave associations for other senders."""
        node = open_node(settings={"max_associations": 5, "max_associations_per_peer": 1})
        with node.associated() as first:
            assert first.is_established
            with node.associated() as second:
                assert answer(second) == LIMIT_EXCEEDED
            with node.associated(bind_address=("127.0.0.2", 0)) as second_assoc:
                assert second_assoc.is_established

    def test_silent_connections_do_not_exclude_others(self, open_node: OpenNode) -> None:
        """Silent connections have their own limit, and connections above that limit are closed."""
        node = open_node(settings={"max_associations": 2, "artim_timeout": 60.0})
        with node.associated(VERIFICATION) as modality, ExitStack() as silent:
            for _ in range(2):
                silent.enter_context(connection(node))
            wait_until(
                lambda: len(open_associations(node)) == 3,
                goal="two connections and one association",
            )
            with connection(node) as third:
                assert third.recv(1) == b""
            assert modality.send_c_echo().Status == 0x0000
        wait_until(lambda: not open_associations(node), goal="end of the connections")
        assert node.send(make_film()) == 0x0000


class TestTimeouts:
    def test_an_incomplete_pdu_is_aborted(self, open_node: OpenNode) -> None:
        """The rest of the PDU may never arrive, and must not block a thread of the node."""
        node = open_node(settings={"dimse_timeout": 0.5, "idle_timeout": 600.0})
        with node.associated(VERIFICATION) as assoc:
            send_bytes(assoc, pdu(fragment(context_of(assoc), COMMAND, bytes(100)))[:50])
            wait_until(lambda: not open_associations(node), goal="end of the association")

    def test_an_incomplete_message_is_aborted(self, open_node: OpenNode) -> None:
        """The part of the message that was received is deleted."""
        node = open_node(settings={"dimse_timeout": 0.5, "idle_timeout": 600.0})
        with node.associated() as assoc:
            context_id = context_of(assoc)
            send_bytes(assoc, pdu(fragment(context_id, COMMAND | LAST, store_request(make_film()))))
            send_bytes(assoc, pdu(fragment(context_id, DATA, bytes(1000))))
            wait_until(node.incoming, goal="film under way")
            wait_until(lambda: not open_associations(node), goal="end of the association")
        assert (node.incoming(), node.jobs()) == ([], [])

    def test_an_association_may_idle_longer_than_a_message(self, open_node: OpenNode) -> None:
        """Between two messages, only the idle timeout applies, which is longer."""
        node = open_node(settings={"dimse_timeout": 0.3, "idle_timeout": 600.0})
        with node.associated(VERIFICATION) as assoc:
            assert assoc.send_c_echo().Status == 0x0000
            [own_assoc] = open_associations(node)
            assert own_assoc.network_timeout == 600.0

    def test_an_idle_association_is_aborted(self, open_node: OpenNode) -> None:
        """Another sender can then use the place of the idle association."""
        node = open_node(settings={"dimse_timeout": 600.0, "idle_timeout": 0.5})
        with node.associated(VERIFICATION) as assoc:
            assert assoc.send_c_echo().Status == 0x0000
            wait_until(lambda: assoc.is_aborted, goal="abort")
        wait_until(lambda: not open_associations(node), goal="end of the association")

    def test_a_connection_must_ask_for_an_association(self, open_node: OpenNode) -> None:
        """The ARTIM timer of PS3.8 limits the wait for an association request."""
        node = open_node(settings={"artim_timeout": 0.5})
        with connection(node) as silent:
            assert silent.recv(1) == b""
        wait_until(lambda: not open_associations(node), goal="end of the connection")


class TestMemory:
    def test_a_pdu_length_above_the_maximum_is_refused(self, node: Node) -> None:
        """The peer receives an abort, and no byte of the PDU is read."""
        with connection(node) as peer:
            peer.sendall(struct.pack(">BBL", 0x01, 0, 2**32 - 1))
            assert peer.recv(100) == ABORTED_FOR_A_PARAMETER
        assert node.send(make_film()) == 0x0000

    @pytest.mark.parametrize(
        "content",
        [
            lambda context_id: pdu(fragment(context_id, COMMAND, bytes(60_000))) * 4,
            lambda context_id: pdu(
                *[fragment(context_id, COMMAND | LAST, store_request(make_film()))] * 2
            ),
            lambda context_id: (
                pdu(fragment(context_id, COMMAND | LAST, store_request(make_film()))) * 2
            ),
            lambda context_id: pdu(struct.pack(">LB", 1, context_id)),
            lambda context_id: pdu(
                fragment(context_id + 2, COMMAND | LAST, store_request(make_film()))
            ),
            lambda context_id: pdu(fragment(context_id, COMMAND | LAST, b"no command at all")),
        ],
        ids=["endless", "two-in-one", "amid-data", "headless", "elsewhere", "garbled"],
    )
    def test_malformed_commands_end_the_association(
        self, open_node: OpenNode, content: Callable[[int], bytes]
    ) -> None:
        """The files that pynetdicom opened are deleted, and other peers are served."""
        node = open_node(settings={"idle_timeout": 600.0, "dimse_timeout": 600.0})
        with node.associated() as assoc:
            send_bytes(assoc, content(context_of(assoc)))
            wait_until(lambda: assoc.is_aborted, goal="abort")
        wait_until(lambda: not open_associations(node), goal="end of the association")
        assert node.incoming() == []
        assert node.send(make_film()) == 0x0000

    def test_a_thread_that_aborts_its_own_association_ends(
        self, node: Node, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The thread also ends if pynetdicom delays an abort because two events coincide."""
        monkeypatch.setattr(Association, "_abort_nonblocking", Association._abort_blocking)
        with node.associated() as assoc:
            context_id = context_of(assoc)
            [served] = open_associations(node)
            send_bytes(assoc, pdu(fragment(context_id, COMMAND | LAST, store_request(make_film()))))
            wait_until(node.incoming, goal="film under way")
            send_bytes(assoc, pdu(fragment(context_id, COMMAND | LAST, store_request(make_film()))))
            wait_until(lambda: not served.dul.is_alive(), goal="end of the thread")
        assert node.incoming() == []

    def test_a_report_has_a_shorter_maximum_than_a_film(self, node: Node) -> None:
        """Reports are kept in memory, so their maximum length is lower."""
        roles = [(str(PUSH_MODEL), [ImplicitVRLittleEndian])]
        with node.associated(*roles) as assoc:
            context_id = context_of(assoc)
            send_bytes(assoc, pdu(fragment(context_id, COMMAND | LAST, report_request())))
            with pytest.raises(OSError):
                for _ in range(1000):
                    send_bytes(assoc, pdu(fragment(context_id, DATA, bytes(FRAGMENT))))
        wait_until(lambda: not open_associations(node), goal="end of the association")

    def test_requests_without_waiting_for_answers_are_limited(self, open_node: OpenNode) -> None:
        """PS3.7, D.3.3.3 allows one operation at a time unless more operations are negotiated."""
        clock = BlockingClock()
        node = open_node(clock=clock)
        contexts = (*CR_EXPLICIT, VERIFICATION)
        with node.associated(*contexts) as assoc:
            for_films, for_echoes = (
                int(accepted.context_id) for accepted in assoc.accepted_contexts
            )
            send_bytes(assoc, film_request(for_films))
            assert clock.reached.wait(20)
            send_bytes(assoc, pdu(fragment(for_echoes, COMMAND | LAST, echo_request())) * 100)
            wait_until(lambda: assoc.is_aborted, goal="abort")
            clock.go_on.set()
        wait_until(lambda: not open_associations(node), goal="end of the association")


class TestDisk:
    def test_films_of_a_lost_association_are_deleted(self, open_node: OpenNode) -> None:
        """The films were sent without waiting for answers before the connection broke."""
        clock = BlockingClock()
        node = open_node(clock=clock)
        with node.associated() as assoc:
            send_bytes(assoc, film_request(context_of(assoc)) * 4)
            assert clock.reached.wait(20)
            wait_until(lambda: len(node.incoming()) == 4 - len(node.films()), goal="four films")
            assoc.abort()
        clock.go_on.set()
        wait_until(lambda: not open_associations(node), goal="end of the association")
        assert node.incoming() == []

    def test_a_film_on_a_full_disk_is_discarded_during_its_transfer(
        self, open_node: OpenNode
    ) -> None:
        """The transfer continues to its end, is answered 0xA700, and nothing is stored."""
        node = open_node(min_free=2**60)
        statuses: list[int] = []
        hear = [
            (evt.EVT_DIMSE_RECV, lambda event: statuses.append(event.message.command_set.Status))
        ]
        with node.associated(evt_handlers=hear) as assoc:
            context_id = context_of(assoc)
            send_bytes(assoc, pdu(fragment(context_id, COMMAND | LAST, store_request(make_film()))))
            for _ in range(20):
                send_bytes(assoc, pdu(fragment(context_id, DATA, bytes(FRAGMENT))))
            [own_assoc] = open_associations(node)
            wait_until(
                lambda: (file := file_of(own_assoc.dimse.message)) and file.tell() > 20 * FRAGMENT,
                goal="all but the last fragment",
            )
            assert node.incoming() == []
            send_bytes(assoc, pdu(fragment(context_id, DATA | LAST, bytes(FRAGMENT))))
            assert wait_until(lambda: statuses, goal="answer") == [0xA700]
        assert node.jobs() == []


def film_request(context_id: int) -> bytes:
    """Return the C-STORE request of a film as PDUs."""
    ds = make_film(side=64)
    content = encode(ds, is_implicit_vr=False, is_little_endian=True) or b""
    return pdu(fragment(context_id, COMMAND | LAST, store_request(ds))) + pdu(
        fragment(context_id, DATA | LAST, content)
    )
