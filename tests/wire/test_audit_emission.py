"""Audit records state what senders do, over real associations."""

from collections.abc import Callable
from datetime import datetime
from ipaddress import ip_network

import pytest

from node.domain.access import Caller
from tests.peers.audit import Record, read
from tests.peers.waiting import wait_until
from tests.support.films import make_film
from tests.wire.conftest import AE_TITLE, Node

OpenNode = Callable[..., Node]


def trail_of(node: Node) -> list[Record]:
    return read(node.folder / "audit.log")


def test_a_film_is_recorded_before_its_answer(node: Node) -> None:
    ds = make_film()
    with node.associated() as assoc:
        assert assoc.send_c_store(ds).Status == 0x0000
        [record] = trail_of(node)
    assert (record.kind, record.outcome) == ("DICOM Instances Transferred", "0")
    assert (record.subject, record.instances) == (ds.StudyInstanceUID, [ds.SOPInstanceUID])
    source, destination = record.participants
    assert (source["UserID"], source["NetworkAccessPointID"]) == ("MODALITY", "127.0.0.1")
    assert destination["AlternativeUserID"] == f"AETITLES={AE_TITLE}"


def test_a_record_contains_no_patient_data(node: Node) -> None:
    """Neither the accession number nor other texts of the film are recorded."""
    ds = make_film(
        AccessionNumber="ACC4711", StudyDescription="chest of Jane", PatientBirthDate="19590102"
    )
    assert node.send(ds) == 0x0000
    trail = (node.folder / "audit.log").read_text()
    for secret in ("Doe", "Jane", "P1", "ACC4711", "19590102", "067Y"):
        assert secret not in trail


def test_a_repeated_film_is_recorded_as_read(node: Node) -> None:
    ds = make_film()
    assert [node.send(ds), node.send(ds)] == [0x0000, 0x0000]
    assert [entry.event.get("EventActionCode") for entry in trail_of(node)] == ["C", "R"]


def test_a_film_that_the_policy_refuses_is_recorded_as_received(node: Node) -> None:
    assert node.send(make_film(Modality="MG")) == 0x0000
    assert [entry.outcome for entry in trail_of(node)] == ["0"]


def test_a_film_without_a_study_uid_is_recorded_with_the_reason(node: Node) -> None:
    ds = make_film(StudyInstanceUID=None)
    assert node.send(ds) == 0xC210
    [record] = trail_of(node)
    assert (record.outcome, record.subject) == ("4", "unknown")
    assert record.instances == [ds.SOPInstanceUID]
    assert record.event.findtext("EventOutcomeDescription") == (
        "StudyInstanceUID is absent or not a UID"
    )


def test_a_full_disk_is_recorded_as_a_serious_failure(open_node: OpenNode) -> None:
    node = open_node(min_free=2**60)
    assert node.send(make_film()) == 0xA700
    assert [entry.outcome for entry in trail_of(node)] == ["8"]


def test_an_unexpected_error_is_recorded(open_node: OpenNode) -> None:
    def broken() -> datetime:
        raise ZeroDivisionError

    node = open_node(clock=broken)
    assert node.send(make_film()) == 0x0110
    [record] = trail_of(node)
    assert (record.outcome, record.event.findtext("EventOutcomeDescription")) == (
        "8",
        "unforeseen error",
    )


@pytest.mark.parametrize(
    ("called", "calling", "reason"),
    [
        ("SOMEBODY", "XRAY1", "called AE title not recognized; called: SOMEBODY"),
        (AE_TITLE, "<b>&\"'", "calling AE title not recognized, or not from this address"),
    ],
)
def test_a_refused_association_is_recorded_as_an_alert(
    open_node: OpenNode, called: str, calling: str, reason: str
) -> None:
    """The record contains the caller, its address and the reason."""
    node = open_node(callers=(Caller("XRAY1", ip_network("127.0.0.0/8")),))
    with node.associated(called_ae=called, calling_ae=calling) as assoc:
        assert assoc.is_rejected
    [record] = wait_until(lambda: trail_of(node), goal="record of the refusal")
    assert (record.kind, record.outcome, record.subject) == (
        "Node Authentication",
        "4",
        "127.0.0.1",
    )
    assert record.participants[1]["UserID"] == calling
    assert record.description.startswith(reason)


def test_films_are_received_if_the_trail_cannot_be_written(node: Node) -> None:
    """A missing audit record must not delay a patient's result."""
    (node.folder / "audit.log").mkdir()
    assert node.send(make_film()) == 0x0000
    assert len(node.jobs()) == 1
