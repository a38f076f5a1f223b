"""What senders do, and what the audit trail then tells of it: over real associations."""

from collections.abc import Callable
from datetime import datetime
from ipaddress import ip_network

import pytest

from node.domain.access import Caller
from tests.peers.audit import Record, read
from tests.peers.waiting import wait_until
from tests.support.wire_films import film
from tests.wire.conftest import AE_TITLE, Node

OpenNode = Callable[..., Node]


def trail_of(node: Node) -> list[Record]:
    return read(node.folder / "audit.log")


def test_a_film_is_told_of_before_its_sender_is_answered(node: Node) -> None:
    ds = film()
    with node.associated() as assoc:
        assert assoc.send_c_store(ds).Status == 0x0000
        [record] = trail_of(node)
    assert (record.kind, record.outcome) == ("DICOM Instances Transferred", "0")
    assert (record.subject, record.instances) == (ds.StudyInstanceUID, [ds.SOPInstanceUID])
    source, ours = record.participants
    assert (source["UserID"], source["NetworkAccessPointID"]) == ("MODALITY", "127.0.0.1")
    assert ours["AlternativeUserID"] == f"AETITLES={AE_TITLE}"


def test_nothing_of_the_patient_is_in_it(node: Node) -> None:
    """Not even where the accession number or the film's texts could tell who it is."""
    ds = film(
        AccessionNumber="ACC4711", StudyDescription="chest of Jane", PatientBirthDate="19590102"
    )
    assert node.send(ds) == 0x0000
    trail = (node.folder / "audit.log").read_text()
    for secret in ("Doe", "Jane", "P1", "ACC4711", "19590102", "067Y"):
        assert secret not in trail


def test_a_film_that_was_here_already_is_read_not_created(node: Node) -> None:
    ds = film()
    assert [node.send(ds), node.send(ds)] == [0x0000, 0x0000]
    assert [one.event.get("EventActionCode") for one in trail_of(node)] == ["C", "R"]


def test_a_film_that_policy_turns_away_was_received_all_the_same(node: Node) -> None:
    assert node.send(film(Modality="MG")) == 0x0000
    assert [one.outcome for one in trail_of(node)] == ["0"]


def test_a_film_without_a_study_uid_is_told_of_with_the_reason(node: Node) -> None:
    ds = film(StudyInstanceUID=None)
    assert node.send(ds) == 0xC210
    [record] = trail_of(node)
    assert (record.outcome, record.subject) == ("4", "unknown")
    assert record.instances == [ds.SOPInstanceUID]
    assert record.event.findtext("EventOutcomeDescription") == (
        "StudyInstanceUID is absent or not a UID"
    )


def test_a_film_for_which_there_is_no_room_is_our_failure(open_node: OpenNode) -> None:
    node = open_node(min_free=2**60)
    assert node.send(film()) == 0xA700
    assert [one.outcome for one in trail_of(node)] == ["8"]


def test_an_error_that_nobody_foresaw_is_told_as_well(open_node: OpenNode) -> None:
    def broken() -> datetime:
        raise ZeroDivisionError

    node = open_node(clock=broken)
    assert node.send(film()) == 0x0110
    [record] = trail_of(node)
    assert (record.outcome, record.event.findtext("EventOutcomeDescription")) == (
        "8",
        "unforeseen error",
    )


@pytest.mark.parametrize(
    ("called", "calling", "why"),
    [
        ("SOMEBODY", "XRAY1", "called AE title not recognized; called: SOMEBODY"),
        (AE_TITLE, "<b>&\"'", "calling AE title not recognized, or not from this address"),
    ],
)
def test_an_association_that_is_refused_is_an_alert(
    open_node: OpenNode, called: str, calling: str, why: str
) -> None:
    """With who called, from where, and what was wrong."""
    node = open_node(callers=(Caller("XRAY1", ip_network("127.0.0.0/8")),))
    with node.associated(called_ae=called, calling_ae=calling) as assoc:
        assert assoc.is_rejected
    [record] = wait_until(lambda: trail_of(node), what="record of the refusal")
    assert (record.kind, record.outcome, record.subject) == (
        "Node Authentication",
        "4",
        "127.0.0.1",
    )
    assert record.participants[1]["UserID"] == calling
    assert record.description.startswith(why)


def test_films_are_taken_where_the_trail_cannot_be_written(node: Node) -> None:
    """The trail is for whoever asks later; the film is for the patient now."""
    (node.folder / "audit.log").mkdir()
    assert node.send(film()) == 0x0000
    assert len(node.jobs()) == 1
