"""An audit event as the XML of DICOM's Audit Trail Message Format Profile (PS3.15 A.5).

Values of peers are shortened, and characters that XML 1.0 forbids are replaced. Contrary to PS3.15
A.5.3.7, the messages do not name the patient: see docs/how-to/keep-an-audit-trail.md.
"""

import ipaddress
import re
from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import assert_never
from xml.etree.ElementTree import Element, SubElement, tostring

from node.domain.audit_events import (
    ApplicationStarted,
    ApplicationStopped,
    AssociationRefused,
    AuditEvent,
    ConfigurationChanged,
    FilmReceived,
    Instance,
    Peer,
    ResultExported,
)

MAX_VALUE = 256
"""Maximum length of a value in a message, in characters."""
MAX_DESCRIPTION = 4096
"""Maximum length of the description of an alert, in characters."""

UNKNOWN_STUDY = "unknown"
"""The Study Instance UID in the message about an unreadable data set."""

# Characters that XML 1.0 (2.2) forbids or that may end a line: C0, C1, U+2028, surrogates.
_UNFIT = re.compile("[^ -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SERVER_PROCESS = "4"  # Audit Source Type Code, PS3.15 A.5.1.2.1
_SYSTEM_OBJECT = "2"
_REPORT, _SECURITY_RESOURCE = "3", "13"  # ParticipantObjectTypeCodeRole, PS3.15 A.5.2.6
_MACHINE_NAME, _IP_ADDRESS = "1", "2"

Code = tuple[str, str]

# Codes of PS3.16 for event IDs, types and roles (CID 400, 401, 402 and 404, scheme DCM).
_APPLICATION_ACTIVITY: Code = ("110100", "Application Activity")
_INSTANCES_TRANSFERRED: Code = ("110104", "DICOM Instances Transferred")
_SECURITY_ALERT: Code = ("110113", "Security Alert")
_START: Code = ("110120", "Application Start")
_STOP: Code = ("110121", "Application Stop")
_NODE_AUTHENTICATION: Code = ("110126", "Node Authentication")
_NETWORK_CONFIGURATION: Code = ("110128", "Network Configuration")
_SECURITY_CONFIGURATION: Code = ("110129", "Security Configuration")
_SOFTWARE_CONFIGURATION: Code = ("110131", "Software Configuration")
_APPLICATION: Code = ("110150", "Application")
_DESTINATION: Code = ("110152", "Destination Role ID")
_SOURCE: Code = ("110153", "Source Role ID")
_STUDY_INSTANCE_UID: Code = ("110180", "Study Instance UID")
_NODE_ID: Code = ("110182", "Node ID")

_SECURITY_KEYS = re.compile(r"(dicom\.callers|audit)\b|.*\b(tls|password_file|token_file)\b")
_NETWORK_KEYS = re.compile(r"(dicom|destinations)\b")


@dataclass(frozen=True, slots=True)
class AuditSource:
    """The audit source, and the process that writes the record."""

    source: str
    ae_title: str
    host: str
    process: str
    pid: int


def to_xml(event: AuditEvent, origin: AuditSource, at: datetime) -> str:
    """Return an event as an AuditMessage (PS3.15 A.5.1), one line with an XML declaration."""
    message = Element("AuditMessage")
    _identify(message, event, at)
    _name_participants(message, event, origin)
    source = SubElement(message, "AuditSourceIdentification", AuditSourceID=_fit(origin.source))
    SubElement(source, "AuditSourceTypeCode", {"csd-code": _SERVER_PROCESS})
    _name_object(message, event, origin)
    return '<?xml version="1.0" encoding="UTF-8"?>' + tostring(message, encoding="unicode")


def timestamp(at: datetime) -> str:
    """Return a time in UTC in the format of XML and RFC 5424; such texts sort by time."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _identify(message: Element, event: AuditEvent, at: datetime) -> None:
    event_id, action, types = _kind_of(event)
    identification = SubElement(
        message,
        "EventIdentification",
        EventActionCode=action,
        EventDateTime=timestamp(at),
        EventOutcomeIndicator=str(int(event.outcome)),
    )
    _coded(identification, "EventID", event_id)
    for event_type in types:
        _coded(identification, "EventTypeCode", event_type)
    if isinstance(event, FilmReceived | ResultExported) and event.reason:
        SubElement(identification, "EventOutcomeDescription").text = _fit(event.reason)


def _kind_of(event: AuditEvent) -> tuple[Code, str, tuple[Code, ...]]:
    """Return an event's EventID, EventActionCode and EventTypeCodes."""
    match event:
        case ApplicationStarted():
            return _APPLICATION_ACTIVITY, "E", (_START,)
        case ApplicationStopped():
            return _APPLICATION_ACTIVITY, "E", (_STOP,)
        case AssociationRefused():
            return _SECURITY_ALERT, "E", (_NODE_AUTHENTICATION,)
        case ConfigurationChanged():
            return _SECURITY_ALERT, "E", _configurations(event.keys)
        case FilmReceived():
            # Create, or Read if the receiver already has the instance (A.5.3.7).
            return _INSTANCES_TRANSFERRED, "R" if event.duplicate else "C", ()
        case ResultExported():
            # Read: a sender does not know whether the receiver has the instance.
            return _INSTANCES_TRANSFERRED, "R", ()
    assert_never(event)


def _configurations(keys: tuple[str, ...]) -> tuple[Code, ...]:
    """Return the codes of the kinds of configuration to which the keys belong."""
    kinds = {
        _SECURITY_CONFIGURATION
        if _SECURITY_KEYS.match(key)
        else _NETWORK_CONFIGURATION
        if _NETWORK_KEYS.match(key)
        else _SOFTWARE_CONFIGURATION
        for key in keys
    }
    return tuple(sorted(kinds))


def _name_participants(message: Element, event: AuditEvent, origin: AuditSource) -> None:
    match event:
        case ApplicationStarted() | ApplicationStopped():
            _own_process(message, origin, _APPLICATION)
        case ConfigurationChanged():
            _own_process(message, origin)
            if event.requested_by:
                names = {"UserID": event.requested_by}
                _participant(message, names, Peer("", origin.host), None, requestor=True)
        case AssociationRefused():
            _own_process(message, origin)
            _peer(message, event.peer)
        case FilmReceived():
            _peer(message, event.peer, _SOURCE, requestor=True)
            _own_process(message, origin, _DESTINATION)
        case ResultExported():
            _own_process(message, origin, _SOURCE, requestor=True)
            _peer(message, event.peer, _DESTINATION)
        case _:
            assert_never(event)


def _own_process(
    message: Element, origin: AuditSource, role: Code | None = None, *, requestor: bool = False
) -> None:
    """Add this process with its process ID, which system logs also contain (PS3.15 A.5.2.1)."""
    names = {"UserID": str(origin.pid), "UserName": origin.process}
    _participant(message, names, Peer(origin.ae_title, origin.host), role, requestor=requestor)


def _peer(
    message: Element, peer: Peer, role: Code | None = None, *, requestor: bool = False
) -> None:
    """Add a peer with its AE title, or with its address if the peer has no AE title."""
    _participant(
        message, {"UserID": peer.ae_title or peer.address}, peer, role, requestor=requestor
    )


def _participant(
    message: Element, names: dict[str, str], at: Peer, role: Code | None, *, requestor: bool
) -> None:
    values = dict(names)
    if at.ae_title:
        values["AlternativeUserID"] = f"AETITLES={at.ae_title}"  # PS3.15 A.5.2.2
    values["UserIsRequestor"] = "true" if requestor else "false"
    if at.address:
        values["NetworkAccessPointID"] = at.address
        values["NetworkAccessPointTypeCode"] = _access_point(at.address)
    participant = SubElement(message, "ActiveParticipant", _fitted(values))
    if role is not None:
        _coded(participant, "RoleIDCode", role)


def _access_point(address: str) -> str:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return _MACHINE_NAME
    return _IP_ADDRESS


def _name_object(message: Element, event: AuditEvent, origin: AuditSource) -> None:
    match event:
        case FilmReceived(film=instance) | ResultExported(result=instance):
            _study(message, instance)
        case AssociationRefused():
            called = f"; called: {event.called_ae}" if event.called_ae else ""
            _alert(message, event.peer.address, event.peer.ae_title, event.reason + called)
        case ConfigurationChanged():
            changes = ", ".join(map(str, event.changes) if event.changes else event.keys)
            _alert(message, origin.host, "configuration", f"changed: {changes}")
        case ApplicationStarted() | ApplicationStopped():
            pass  # "No Participant Objects are needed" (A.5.3.1)
        case _:
            assert_never(event)


def _study(message: Element, instance: Instance) -> None:
    """Add the study of an instance, with the instance's SOP class and UID."""
    study = instance.study_instance_uid or UNKNOWN_STUDY
    element = _object(message, study, _REPORT, _STUDY_INSTANCE_UID, "study")
    description = SubElement(element, "ParticipantObjectDescription")
    uid = {"UID": instance.sop_class_uid} if instance.sop_class_uid else {}
    sop_class = SubElement(description, "SOPClass", _fitted(uid | {"NumberOfInstances": "1"}))
    if instance.sop_instance_uid:
        SubElement(sop_class, "Instance", _fitted({"UID": instance.sop_instance_uid}))


def _alert(message: Element, node: str, name: str, description: str) -> None:
    """Add the node that an alert concerns, and the alert's description (PS3.15 A.5.3.11)."""
    element = _object(message, node, _SECURITY_RESOURCE, _NODE_ID, name or "no AE title")
    text = _fit(description, MAX_DESCRIPTION).encode()
    SubElement(
        element,
        "ParticipantObjectDetail",
        type="Alert Description",
        value=b64encode(text).decode("ascii"),
    )


def _object(message: Element, identifier: str, role: str, kind: Code, name: str) -> Element:
    values = {
        "ParticipantObjectID": identifier,
        "ParticipantObjectTypeCode": _SYSTEM_OBJECT,
        "ParticipantObjectTypeCodeRole": role,
    }
    element = SubElement(message, "ParticipantObjectIdentification", _fitted(values))
    _coded(element, "ParticipantObjectIDTypeCode", kind)
    SubElement(element, "ParticipantObjectName").text = _fit(name)
    return element


def _coded(parent: Element, name: str, code: Code) -> None:
    value, meaning = code
    SubElement(parent, name, {"csd-code": value, "codeSystemName": "DCM", "originalText": meaning})


def _fitted(values: dict[str, str]) -> dict[str, str]:
    return {name: _fit(value) for name, value in values.items()}


def _fit(value: str, longest: int = MAX_VALUE) -> str:
    """Return a value cut to a maximum length, with forbidden characters replaced."""
    return _UNFIT.sub("\ufffd", value[:longest])
