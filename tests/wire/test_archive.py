"""The answer of a PACS to a C-STORE decides how the delivery continues."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.uid import (
    Comprehensive3DSRStorage,
    ImplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
)
from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.pdu import P_DATA_TF
from pynetdicom.sop_class import Verification

from node.domain.errors import Permanent, Transient, Unreachable
from node.pacs.association import classify, open_archive
from tests.support.films import make_film, write_film
from tests.wire.conftest import StartPacs, answering
from tests.wire.raw import COMMAND, fragment, pdu


@pytest.fixture
def heatmap(tmp_path: Path) -> Path:
    """Return an object of a SOP Class that every PACS accepts."""
    return write_film(make_film(SecondaryCaptureImageStorage), tmp_path / "heatmap.dcm")


@pytest.mark.parametrize("status", [0x0000, 0xB000, 0xB006, 0xB007])
def test_success_and_warnings_count_as_stored(pacs: StartPacs, heatmap: Path, status: int) -> None:
    """A PACS that coerced an element has stored the object, so a warning raises no error."""
    stored: list[str] = []

    def on_store(event: evt.Event) -> int:
        stored.append(event.dataset.SOPInstanceUID)
        return status

    with open_archive(pacs([(evt.EVT_C_STORE, on_store)]), "OSTEOSCREEN") as archive:
        archive.store(heatmap)
    assert stored == [pydicom.dcmread(heatmap).SOPInstanceUID]


@pytest.mark.parametrize(
    ("status", "family", "text"),
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
    pacs: StartPacs, heatmap: Path, status: int, family: type[Exception], text: str
) -> None:
    """The error is Transient if another attempt may succeed, and the association stays open."""
    with open_archive(pacs(answering(status)), "OSTEOSCREEN") as archive:
        with pytest.raises(family, match=f"{status:#06x}.*{text}") as caught:
            archive.store(heatmap)
        assert type(caught.value) is family
        archive.echo()


def test_the_error_contains_the_comment_of_the_pacs(pacs: StartPacs, heatmap: Path) -> None:
    """The comment of the PACS may be the only information on the cause."""
    handlers = answering(0xA900, "Rows is missing")
    with (
        open_archive(pacs(handlers), "OSTEOSCREEN") as archive,
        pytest.raises(Permanent, match=r"0xa900 \(Rows is missing\)"),
    ):
        archive.store(heatmap)


def test_a_pacs_that_accepts_only_implicit_vr_receives_the_object(
    pacs: StartPacs, heatmap: Path
) -> None:
    """Every PACS must accept the default transfer syntax."""
    received: list[Dataset] = []

    def on_store(event: evt.Event) -> int:
        assert event.context.transfer_syntax == ImplicitVRLittleEndian
        received.append(event.dataset)
        return 0x0000

    destination = pacs([(evt.EVT_C_STORE, on_store)], syntaxes=(ImplicitVRLittleEndian,))
    with open_archive(destination, "OSTEOSCREEN") as archive:
        archive.store(heatmap)
    original = pydicom.dcmread(heatmap)
    assert received[0].PixelData == original.PixelData
    assert received[0].PatientName == original.PatientName


def test_a_class_that_the_pacs_does_not_accept_is_permanent(
    pacs: StartPacs, tmp_path: Path
) -> None:
    """The error contains the SOP Class, so that an administrator can configure another one."""
    report = write_film(make_film(Comprehensive3DSRStorage), tmp_path / "report.dcm")
    destination = pacs(classes=(Verification, SecondaryCaptureImageStorage))
    with open_archive(destination, "OSTEOSCREEN") as archive:
        assert archive.accepts(SecondaryCaptureImageStorage)
        assert not archive.accepts(Comprehensive3DSRStorage)
        with pytest.raises(Permanent, match="does not accept Comprehensive 3D SR"):
            archive.store(report)


@pytest.mark.parametrize("content", [None, b"", b"no DICOM at all" * 20])
def test_missing_or_damaged_bytes_are_permanent(
    pacs: StartPacs, tmp_path: Path, content: bytes | None
) -> None:
    """Another attempt with missing or damaged bytes would fail in the same way."""
    path = tmp_path / "result.dcm"
    if content is not None:
        path.write_bytes(content)
    with (
        open_archive(pacs(), "OSTEOSCREEN") as archive,
        pytest.raises(Permanent, match="spooled bytes cannot be read"),
    ):
        archive.store(path)


def test_a_lost_association_is_unreachable(pacs: StartPacs, heatmap: Path) -> None:
    """The object may have arrived before the loss, but it is sent again later."""

    def on_store(event: evt.Event) -> int:
        event.assoc.abort()
        return 0x0000

    with (
        open_archive(pacs([(evt.EVT_C_STORE, on_store)]), "OSTEOSCREEN") as archive,
        pytest.raises(Unreachable, match="no answer to the C-STORE"),
    ):
        archive.store(heatmap)


def test_an_answer_reaches_the_request_that_waits(
    pacs: StartPacs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When requests follow each other immediately, pynetdicom's own thread also reads messages.

    In this test, the thread never pauses. It could read an answer before the request does.
    """
    always = property(lambda _assoc: True, lambda _assoc, _value: None)
    monkeypatch.setattr(Association, "_is_paused", always, raising=False)
    with open_archive(pacs(), "OSTEOSCREEN") as archive:
        monkeypatch.setattr(archive._assoc._reactor_checkpoint, "clear", lambda: None)
        answered = 0
        for _ in range(300):
            archive.echo()
            answered += 1
    assert answered == 300


@given(st.integers(0x0000, 0xFFFF))
def test_every_status_is_classified(status: int) -> None:
    """Only success and warnings count as stored."""
    stored = status == 0 or 0xB000 <= status <= 0xBFFF
    try:
        classify(status)
    except (Transient, Permanent) as error:
        assert f"{status:#06x}" in str(error)
        assert not stored
    else:
        assert stored


class Stalling:
    """A PACS that stalls until the test ends."""

    def __init__(self) -> None:
        self.over = threading.Event()

    def answer_in_half(self, event: evt.Event) -> int:
        """Answer a C-STORE with the first bytes of a PDU only."""
        event.assoc.dul.socket.socket.sendall(pdu(fragment(1, COMMAND, bytes(100)))[:50])
        self.over.wait(60)
        return 0x0000

    def stop_reading(self, event: evt.Event) -> None:
        """Stop reading from the connection when data arrive."""
        if isinstance(event.pdu, P_DATA_TF):
            self.over.wait(60)


@pytest.fixture
def stalling() -> Iterator[Stalling]:
    """Return a PACS that stalls, and whose threads end with the test."""
    pacs_double = Stalling()
    yield pacs_double
    pacs_double.over.set()


def test_an_incomplete_answer_blocks_no_thread(
    pacs: StartPacs, heatmap: Path, stalling: Stalling
) -> None:
    """Without the hardened transport, pynetdicom would wait without end, despite its timeouts."""
    destination = pacs([(evt.EVT_C_STORE, stalling.answer_in_half)])
    with (
        open_archive(destination.model_copy(update={"timeout": 1.0}), "OSTEOSCREEN") as archive,
        pytest.raises(Unreachable, match="no answer to the C-STORE"),
    ):
        archive.store(heatmap)


def test_a_pacs_that_stops_reading_blocks_no_thread(
    pacs: StartPacs, tmp_path: Path, stalling: Stalling
) -> None:
    """The object is larger than the buffers of the network."""
    large = write_film(make_film(SecondaryCaptureImageStorage, side=8000), tmp_path / "large.dcm")
    destination = pacs([(evt.EVT_PDU_RECV, stalling.stop_reading)])
    with (
        open_archive(destination.model_copy(update={"timeout": 1.0}), "OSTEOSCREEN") as archive,
        pytest.raises(Unreachable, match="no answer to the C-STORE"),
    ):
        archive.store(large)
