"""Parse an audit trail: syslog lines (RFC 5424) with audit messages in XML (PS3.15 A.5)."""

import re
from base64 import b64decode
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

# RFC 5424, 6 requires this order: priority, version, time, host, program, process, message ID,
# structured data (none), byte order mark, text.
_LINE = re.compile(
    rb"<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) ([!-~]{1,255}) ([!-~]{1,48}) "
    rb"([!-~]{1,128}) ([!-~]{1,32}) - \xef\xbb\xbf(.+)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Record:
    """One audit message: the syslog header, and the XML."""

    pri: int
    at: str
    host: str
    program: str
    process: str
    msgid: str
    xml: ElementTree.Element

    @property
    def event(self) -> ElementTree.Element:
        [event] = self.xml.findall("EventIdentification")
        return event

    @property
    def kind(self) -> str:
        """The type of the event, or its ID if the event has no type."""
        types = [code.get("originalText", "") for code in self.event.findall("EventTypeCode")]
        [event_id] = self.event.findall("EventID")
        return " + ".join(types) or str(event_id.get("originalText"))

    @property
    def outcome(self) -> str:
        return str(self.event.get("EventOutcomeIndicator"))

    @property
    def participants(self) -> list[dict[str, str]]:
        """The attributes of each participant, with the code of its role as `role`."""
        participants = []
        for participant in self.xml.findall("ActiveParticipant"):
            role = participant.find("RoleIDCode")
            code = "" if role is None else role.get("csd-code", "")
            participants.append(participant.attrib | {"role": code})
        return participants

    @property
    def subject(self) -> str:
        """The ID of the first participant object, or "" if there is no object."""
        ids = [o.get("ParticipantObjectID") for o in self.xml.iter(_OBJECT)]
        return str(ids[0]) if ids else ""

    @property
    def instances(self) -> list[str]:
        """The SOP Instance UIDs in the message."""
        return [str(instance.get("UID")) for instance in self.xml.iter("Instance")]

    @property
    def description(self) -> str:
        """The description of the alert."""
        [detail] = self.xml.iter("ParticipantObjectDetail")
        assert detail.get("type") == "Alert Description"
        return b64decode(str(detail.get("value")), validate=True).decode()


_OBJECT = "ParticipantObjectIdentification"


def parse(line: bytes) -> Record:
    """Return the message in a line without its line end; fail if the line is malformed."""
    match = _LINE.fullmatch(line)
    assert match, line[:200]
    pri, *header = match.groups()[:-1]
    texts: list[Any] = [value.decode("ascii") for value in header]
    return Record(int(pri), *texts, xml=ElementTree.fromstring(match[7]))  # noqa: S314 - trusted


def read(trail: Path) -> list[Record]:
    """Return the messages in a trail file. Every line is complete; empty lines are ignored."""
    content = trail.read_bytes() if trail.exists() else b""
    assert content.endswith(b"\n") or not content
    return [parse(line) for line in content.split(b"\n") if line]
