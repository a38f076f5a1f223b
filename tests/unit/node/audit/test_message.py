"""Each audit event becomes a message of PS3.15 A.5.3, whatever values the event contains."""

from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.audit.message import MAX_VALUE, AuditSource, to_xml
from node.audit.syslog_line import MAX_LINE, to_line
from node.domain.audit_events import (
    ApplicationStarted,
    ApplicationStopped,
    AssociationRefused,
    AuditEvent,
    AuditOutcome,
    ConfigurationChanged,
    FilmReceived,
    Instance,
    Peer,
    ResultExported,
)
from tests.peers.audit import Record, parse
from tests.support.audit_events import AT, EVENTS, FILM, NODE, XRAY
from tests.support.audit_schema import faults

HOSTILE = [
    '<script>alert("1")</script>',
    "]]><!-- & -->",
    "a\0b\x1b[31m",
    "two\nlines\r\nand\u2028more\x85",
    "\ud800 alone",
    "x" * 65536,
    "\N{PILE OF POO}" * 65536,
    '"' * 65536,
]


def record_of(event: AuditEvent, origin: AuditSource = NODE) -> Record:
    line = to_line(event, origin, AT)
    assert line.count(b"\n") == 1
    return parse(line[:-1])


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_event_follows_the_schema(event: AuditEvent) -> None:
    assert faults(record_of(event).xml) == []


def test_the_schema_rejects_a_wrong_message() -> None:
    """A wrong message shows that the schema check can fail."""
    message = record_of(EVENTS[3]).xml
    message.remove(message.find("AuditSourceIdentification"))  # type: ignore[arg-type]
    next(message.iter("EventID")).set("code", "1")
    assert len(faults(message)) == 2


def test_start_and_stop_are_application_activities() -> None:
    started, stopped = (
        record_of(ApplicationStarted()),
        record_of(ApplicationStopped(AuditOutcome.MAJOR)),
    )
    assert (started.kind, started.outcome) == ("Application Start", "0")
    assert (stopped.kind, stopped.outcome) == ("Application Stop", "12")
    assert started.event.get("EventActionCode") == "E"
    assert next(started.xml.iter("EventID")).get("csd-code") == "110100"
    [application] = started.participants
    assert application["role"] == "110150"
    assert application["UserID"] == "4711"
    assert application["AlternativeUserID"] == "AETITLES=OSTEOSCREEN"
    assert started.subject == ""


def test_a_refused_association_is_a_security_alert_about_the_caller() -> None:
    record = record_of(AssociationRefused(XRAY, "OTHER", "called AE title not recognized"))
    assert next(record.xml.iter("EventID")).get("csd-code") == "110113"
    assert next(record.xml.iter("EventTypeCode")).get("csd-code") == "110126"
    assert (record.event.get("EventActionCode"), record.outcome) == ("E", "4")
    node, caller = record.participants
    assert node["UserName"] == "osteoscreen ingest"
    assert (caller["UserID"], caller["NetworkAccessPointID"]) == ("XRAY1", "10.20.30.40")
    assert caller["NetworkAccessPointTypeCode"] == "2"
    assert caller["UserIsRequestor"] == "false"  # required by A.5.3.11
    assert record.subject == "10.20.30.40"
    assert next(record.xml.iter("ParticipantObjectIDTypeCode")).get("csd-code") == "110182"
    assert record.description == "called AE title not recognized; called: OTHER"


def test_a_caller_without_an_ae_title_has_its_address_as_user_id() -> None:
    """After a failed TLS handshake, the caller has no AE title."""
    record = record_of(AssociationRefused(Peer("", "10.20.30.40"), "", "no certificate"))
    assert record.participants[1]["UserID"] == "10.20.30.40"
    assert record.description == "no certificate"
    assert faults(record.xml) == []


@pytest.mark.parametrize(("duplicate", "action"), [(False, "C"), (True, "R")])
def test_a_received_film_goes_from_the_sender_to_the_node(duplicate: bool, action: str) -> None:
    """A duplicate film is recorded with the action "read" instead of "create"."""
    record = record_of(FilmReceived(XRAY, FILM, duplicate=duplicate))
    assert (record.kind, record.outcome) == ("DICOM Instances Transferred", "0")
    assert record.event.get("EventActionCode") == action
    source, destination = record.participants
    assert (source["role"], source["UserID"], source["UserIsRequestor"]) == (
        "110153",
        "XRAY1",
        "true",
    )
    assert (destination["role"], destination["AlternativeUserID"]) == (
        "110152",
        "AETITLES=OSTEOSCREEN",
    )
    assert record.subject == "1.2.3"
    study = next(record.xml.iter("ParticipantObjectIdentification"))
    assert study.get("ParticipantObjectTypeCode") == "2"
    assert study.get("ParticipantObjectTypeCodeRole") == "3"
    assert next(study.iter("ParticipantObjectIDTypeCode")).get("csd-code") == "110180"
    sop_class = next(study.iter("SOPClass"))
    assert sop_class.attrib == {"UID": FILM.sop_class_uid, "NumberOfInstances": "1"}
    assert record.instances == ["1.2.3.4"]


def test_an_unreadable_film_has_the_study_unknown() -> None:
    nothing = FilmReceived(XRAY, Instance("", ""), outcome=AuditOutcome.MINOR, reason="no UID")
    record = record_of(nothing)
    assert (record.subject, record.instances, record.outcome) == ("unknown", [], "4")
    assert record.event.findtext("EventOutcomeDescription") == "no UID"
    assert faults(record.xml) == []


def test_a_result_goes_from_the_node_to_the_destination() -> None:
    record = record_of(ResultExported(Peer("PACS", "pacs.example"), FILM))
    assert record.event.get("EventActionCode") == "R"
    source, destination = record.participants
    assert (source["role"], source["UserIsRequestor"]) == ("110153", "true")
    assert (destination["role"], destination["UserID"]) == ("110152", "PACS")
    assert destination["NetworkAccessPointTypeCode"] == "1"


def test_a_destination_without_an_ae_title_is_named_by_its_host() -> None:
    _, web = record_of(ResultExported(Peer("", "archive.example"), FILM)).participants
    assert web["UserID"] == "archive.example"
    assert "AlternativeUserID" not in web


@pytest.mark.parametrize(
    ("keys", "kind"),
    [
        (("policy.threshold",), "Software Configuration"),
        (("dicom.port",), "Network Configuration"),
        (("dicom.callers",), "Security Configuration"),
        (("destinations.pacs.host",), "Network Configuration"),
        (("destinations.pacs.tls.ca",), "Security Configuration"),
        (("audit.syslog", "model.bundle"), "Security Configuration + Software Configuration"),
    ],
)
def test_the_keys_decide_the_kind_of_configuration(keys: tuple[str, ...], kind: str) -> None:
    record = record_of(ConfigurationChanged(keys))
    assert record.kind == kind
    assert record.description == f"changed: {', '.join(keys)}"


@pytest.mark.parametrize(("outcome", "pri"), [(AuditOutcome.SUCCESS, 85), (AuditOutcome.MINOR, 84)])
def test_the_line_is_syslog_of_the_standard(outcome: AuditOutcome, pri: int) -> None:
    """The syslog line has facility 10, and severity 5, or 4 for a failure (PS3.15 A.6)."""
    record = record_of(FilmReceived(XRAY, FILM, outcome=outcome))
    assert (record.pri, record.msgid, record.program) == (pri, "DICOM+RFC3881", "osteoscreen")
    assert (record.host, record.process) == ("node7", "4711")
    assert record.at == "2026-11-25T12:00:00.001500Z" == record.event.get("EventDateTime")


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:12]))
def test_no_value_becomes_markup_or_ends_a_line_or_is_too_long(text: str) -> None:
    """A calling AE title may contain any bytes, and the message must escape them."""
    peer, instance = Peer(text, text), Instance(text, text, text)
    origin = AuditSource(text, text, text, text, 1)
    for event in (
        AssociationRefused(peer, text, text),
        FilmReceived(peer, instance, outcome=AuditOutcome.MINOR, reason=text),
        ResultExported(peer, instance, AuditOutcome.MINOR, text),
        ConfigurationChanged((text, text)),
    ):
        assert len(to_line(event, origin, AT)) <= MAX_LINE
        record = record_of(event, replace(origin, host="node7"))
        longest = max(len(value) for names in record.participants for value in names.values())
        assert longest <= MAX_VALUE
        assert not list(record.xml.iter("script"))


def test_a_hostile_value_keeps_its_valid_characters() -> None:
    """Markup is escaped, and each character that XML forbids becomes U+FFFD."""
    caller = Peer("<a>&\0", "::1")
    assert record_of(AssociationRefused(caller, "X", "")).participants[1]["UserID"] == "<a>&\ufffd"


@given(st.text(st.characters(codec=None), max_size=40))
def test_any_text_is_well_formed_xml(text: str) -> None:
    xml = to_xml(AssociationRefused(Peer(text, text), text, text), NODE, AT)
    assert ElementTree.fromstring(xml.encode()).tag == "AuditMessage"  # noqa: S314 - ours
    assert len(xml.splitlines()) == 1
