"""Sending to a PACS: a real association to an SCP that the test makes, well or badly behaved."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.uid import (
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
)
from pynetdicom import AE, evt
from pynetdicom.sop_class import Verification

from node.config import Destination
from node.domain.delivery import CommitmentReport
from node.domain.errors import Permanent, Transient, Unreachable
from node.pacs.association import classify, open_archive
from node.pacs.commitment import PUSH_MODEL, PUSH_MODEL_INSTANCE
from tests.peers.waiting import free_port
from tests.wire.films import film, write

EVERYTHING = (
    Verification,
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    SecondaryCaptureImageStorage,
    PUSH_MODEL,
)
OBJECTS = [("1.2.840.10008.5.1.4.1.1.7", "2.25.2")]
Start = Callable[..., Destination]


@pytest.fixture
def pacs() -> Iterator[Start]:
    """Return a function that starts a PACS and returns how to reach it.

    `handlers` are pynetdicom's; `classes` and `syntaxes` are what it accepts.
    """
    servers = []

    def start(
        handlers: list[Any] | None = None,
        classes: tuple[str, ...] = EVERYTHING,
        syntaxes: tuple[str, ...] = (ExplicitVRLittleEndian, ImplicitVRLittleEndian),
        **settings: Any,
    ) -> Destination:
        ae = AE("PACS")
        for sop_class in classes:
            ae.add_supported_context(sop_class, list(syntaxes))
        for name, value in settings.items():
            setattr(ae, name, value)
        port = free_port()
        servers.append(ae.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers))
        return destination(port)

    yield start
    for server in servers:
        server.shutdown()


def destination(port: int, **changes: Any) -> Destination:
    facts = {"name": "pacs", "ae_title": "PACS", "host": "127.0.0.1", "port": port, "timeout": 10.0}
    return Destination(**(facts | changes))


@pytest.fixture
def heatmap(tmp_path: Path) -> Path:
    """Return an object of a class that every PACS takes."""
    return write(film(SecondaryCaptureImageStorage), tmp_path / "heatmap.dcm")


def answering(status: int, comment: str = "") -> list[Any]:
    """Return the handlers of a PACS that answers every C-STORE like this."""

    def on_store(_event: evt.Event) -> Dataset:
        answer = Dataset()
        answer.Status = status
        if comment:
            answer.ErrorComment = comment
        return answer

    return [(evt.EVT_C_STORE, on_store)]


class TestStore:
    @pytest.mark.parametrize("status", [0x0000, 0xB000, 0xB006, 0xB007])
    def test_success_and_warnings_count_as_stored(
        self, pacs: Start, heatmap: Path, status: int
    ) -> None:
        """A PACS that coerced an element has the object all the same: nothing is raised."""
        kept: list[str] = []

        def on_store(event: evt.Event) -> int:
            kept.append(event.dataset.SOPInstanceUID)
            return status

        with open_archive(pacs([(evt.EVT_C_STORE, on_store)]), "OSTEOSCREEN") as archive:
            archive.store(heatmap)
        assert kept == [pydicom.dcmread(heatmap).SOPInstanceUID]

    @pytest.mark.parametrize(
        ("status", "family", "says"),
        [
            (0xA700, Transient, "out of resources"),
            (0xA7FF, Transient, "out of resources"),
            (0xA900, Permanent, "does not match"),
            (0xC000, Permanent, "cannot understand"),
            (0xC123, Permanent, "cannot understand"),
            (0x0122, Permanent, "does not support"),
            (0x0110, Transient, "unexpected"),
        ],
    )
    def test_every_other_status_is_an_error(
        self, pacs: Start, heatmap: Path, status: int, family: type[Exception], says: str
    ) -> None:
        """Transient where another try may help, Permanent where it cannot; and the association
        goes on for the next object.
        """
        with open_archive(pacs(answering(status)), "OSTEOSCREEN") as archive:
            with pytest.raises(family, match=f"{status:#06x}.*{says}") as caught:
                archive.store(heatmap)
            assert type(caught.value) is family
            archive.echo()

    def test_the_comment_of_the_pacs_is_passed_on(self, pacs: Start, heatmap: Path) -> None:
        """Nobody but the PACS knows what it did not like."""
        handlers = answering(0xA900, "Rows is missing")
        with (
            open_archive(pacs(handlers), "OSTEOSCREEN") as archive,
            pytest.raises(Permanent, match=r"0xa900 \(Rows is missing\)"),
        ):
            archive.store(heatmap)

    def test_a_pacs_that_takes_implicit_vr_alone_still_gets_it(
        self, pacs: Start, heatmap: Path
    ) -> None:
        """The default transfer syntax is the one that every PACS must accept."""
        received: list[Dataset] = []

        def on_store(event: evt.Event) -> int:
            assert event.context.transfer_syntax == ImplicitVRLittleEndian
            received.append(event.dataset)
            return 0x0000

        there = pacs([(evt.EVT_C_STORE, on_store)], syntaxes=(ImplicitVRLittleEndian,))
        with open_archive(there, "OSTEOSCREEN") as archive:
            archive.store(heatmap)
        sent = pydicom.dcmread(heatmap)
        assert received[0].PixelData == sent.PixelData
        assert received[0].PatientName == sent.PatientName

    def test_a_class_that_the_pacs_does_not_take_is_permanent(
        self, pacs: Start, tmp_path: Path
    ) -> None:
        """It is named, for whoever configures the other class of report instead."""
        report = write(film(Comprehensive3DSRStorage), tmp_path / "report.dcm")
        there = pacs(classes=(Verification, SecondaryCaptureImageStorage))
        with open_archive(there, "OSTEOSCREEN") as archive:
            assert archive.accepts(SecondaryCaptureImageStorage)
            assert not archive.accepts(Comprehensive3DSRStorage)
            with pytest.raises(Permanent, match="takes no Comprehensive 3D SR"):
                archive.store(report)

    @pytest.mark.parametrize("content", [None, b"", b"no DICOM at all" * 20])
    def test_spooled_bytes_that_are_gone_or_broken_are_permanent(
        self, pacs: Start, tmp_path: Path, content: bytes | None
    ) -> None:
        """Sending again would not bring them back."""
        path = tmp_path / "result.dcm"
        if content is not None:
            path.write_bytes(content)
        with (
            open_archive(pacs(), "OSTEOSCREEN") as archive,
            pytest.raises(Permanent, match="spooled bytes cannot be read"),
        ):
            archive.store(path)

    def test_an_association_lost_on_the_way_is_unreachable(
        self, pacs: Start, heatmap: Path
    ) -> None:
        """Whether it arrived is unknown: it is sent again, later."""

        def on_store(event: evt.Event) -> int:
            event.assoc.abort()
            return 0x0000

        with (
            open_archive(pacs([(evt.EVT_C_STORE, on_store)]), "OSTEOSCREEN") as archive,
            pytest.raises(Unreachable, match="no answer to the C-STORE"),
        ):
            archive.store(heatmap)

    @given(st.integers(0x0000, 0xFFFF))
    def test_every_status_means_something(self, status: int) -> None:
        """Nothing that a PACS answers is taken for stored but success and warnings."""
        stored = status == 0 or 0xB000 <= status <= 0xBFFF
        try:
            classify(status)
        except (Transient, Permanent) as error:
            assert f"{status:#06x}" in str(error)
            assert not stored
        else:
            assert stored


class TestOpen:
    def test_a_pacs_that_answers(self, pacs: Start) -> None:
        """It sees the titles of the configuration, and a release at the end, not an abort."""
        seen: list[tuple[str, str]] = []
        ended: list[str] = []

        def on_requested(event: evt.Event) -> None:
            request = event.assoc.requestor.primitive
            seen.append((request.calling_ae_title, request.called_ae_title))

        there = pacs(
            [
                (evt.EVT_REQUESTED, on_requested),
                (evt.EVT_RELEASED, lambda _: ended.append("released")),
                (evt.EVT_ABORTED, lambda _: ended.append("aborted")),
            ]
        )
        with open_archive(there, "OSTEOSCREEN") as archive:
            archive.echo()
        assert seen == [("OSTEOSCREEN", "PACS")]
        assert ended == ["released"]

    def test_it_is_released_after_an_error_too(self, pacs: Start, heatmap: Path) -> None:
        """One refused object leaves no association hanging at the PACS."""
        ended: list[str] = []
        handlers = [*answering(0xC000), (evt.EVT_RELEASED, lambda _: ended.append("released"))]
        with (
            pytest.raises(Permanent),
            open_archive(pacs(handlers), "OSTEOSCREEN") as archive,
        ):
            archive.store(heatmap)
        assert ended == ["released"]

    @pytest.mark.parametrize("required", ["require_called_aet", "require_calling_aet"])
    def test_a_rejection_points_to_the_titles(self, pacs: Start, required: str) -> None:
        """The commonest mistake of all when a node is set up."""
        there = pacs(**{required: True if required == "require_called_aet" else ["OTHER"]})
        there = there.model_copy(update={"ae_title": "NOBODY"})
        with (
            pytest.raises(Unreachable, match=r"^NOBODY at 127\.0\.0\.1:\d+ rejected .*AE titles"),
            open_archive(there, "OSTEOSCREEN"),
        ):
            pytest.fail("an association was opened")

    def test_a_closed_port_points_to_host_and_port(self) -> None:
        """Nobody listens: is it running, and is it there?"""
        port = free_port()
        with (
            pytest.raises(Unreachable, match=rf"^PACS at 127\.0\.0\.1:{port} does not answer; .*"),
            open_archive(destination(port), "OSTEOSCREEN"),
        ):
            pytest.fail("an association was opened")

    def test_a_name_that_nobody_knows_points_to_the_host(self) -> None:
        """The resolver's error is not ours to raise: the breaker opens on Unreachable."""
        with (
            pytest.raises(Unreachable, match=r"^pacs\.invalid: .*; check the host's name$"),
            open_archive(destination(104, host="pacs.invalid"), "OSTEOSCREEN"),
        ):
            pytest.fail("an association was opened")

    def test_a_pacs_that_aborts_at_once(self, pacs: Start) -> None:
        """Unreachable like the others; whoever calls tries again later."""
        there = pacs([(evt.EVT_REQUESTED, lambda event: event.assoc.abort())])
        with (
            pytest.raises(Unreachable, match=r"^PACS at 127\.0\.0\.1:\d+ "),
            open_archive(there, "OSTEOSCREEN"),
        ):
            pytest.fail("an association was opened")

    def test_something_else_on_the_port(self) -> None:
        """A listener that never speaks DICOM costs the time-out, and no more."""
        with socket.create_server(("127.0.0.1", 0)) as mute:
            there = destination(mute.getsockname()[1], timeout=0.3)
            with (
                pytest.raises(Unreachable, match="does not answer"),
                open_archive(there, "OSTEOSCREEN"),
            ):
                pytest.fail("an association was opened")


class TestCommitment:
    def test_a_report_on_the_same_association_is_returned(self, pacs: Start) -> None:
        """Some PACS report at once; nobody need wait for another association then."""
        asked: list[Dataset] = []

        def on_action(event: evt.Event) -> tuple[int, None]:
            assert (event.action_type, event.request.RequestedSOPInstanceUID) == (
                1,
                PUSH_MODEL_INSTANCE,
            )
            asked.append(event.action_information)
            return 0x0000, None

        def on_sent(event: evt.Event) -> None:
            if type(event.message).__name__ == "N_ACTION_RSP":
                report(event.assoc, asked[0])

        there = pacs([(evt.EVT_N_ACTION, on_action), (evt.EVT_DIMSE_SENT, on_sent)])
        with open_archive(there, "OSTEOSCREEN") as archive:
            found = archive.request_commitment("2.25.77", OBJECTS)
        assert found == CommitmentReport("2.25.77", committed=("2.25.2",), failed={})
        [item] = asked[0].ReferencedSOPSequence
        assert (item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID) == OBJECTS[0]

    def test_without_one_there_is_nothing_yet(self, pacs: Start) -> None:
        """The report will come on an association that the PACS opens."""
        there = pacs([(evt.EVT_N_ACTION, lambda _: (0x0000, None))])
        with open_archive(there, "OSTEOSCREEN") as archive:
            assert archive.request_commitment("2.25.77", OBJECTS) is None

    def test_a_request_that_fails_is_an_error(self, pacs: Start) -> None:
        """Nothing would ever be reported."""
        there = pacs([(evt.EVT_N_ACTION, lambda _: (0x0110, None))])
        with (
            open_archive(there, "OSTEOSCREEN") as archive,
            pytest.raises(Transient, match="0x0110"),
        ):
            archive.request_commitment("2.25.77", OBJECTS)

    def test_a_pacs_without_the_service_is_permanent(self, pacs: Start) -> None:
        """With the setting that ends the matter."""
        there = pacs(classes=(Verification, SecondaryCaptureImageStorage))
        with (
            open_archive(there, "OSTEOSCREEN") as archive,
            pytest.raises(Permanent, match="set commitment: false"),
        ):
            archive.request_commitment("2.25.77", OBJECTS)


def report(assoc: Any, request: Dataset) -> None:
    """Report all that was asked for as committed, on the association of the request."""
    for context in assoc.accepted_contexts:
        context._as_scu = context._as_scp = True
    information = Dataset()
    information.TransactionUID = request.TransactionUID
    information.ReferencedSOPSequence = request.ReferencedSOPSequence
    assoc.send_n_event_report(information, 1, PUSH_MODEL, PUSH_MODEL_INSTANCE)
