"""Reading an audit trail as a repository of audit messages does: by the rules of syslog and XML."""

import re
from base64 import b64decode
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

# RFC 5424, 6: PRI and version, time, host, program, process, MSGID, no structured data, BOM.
_LINE = re.compile(
    rb"<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) ([!-~]{1,255}) ([!-~]{1,48}) "
    rb"([!-~]{1,128}) ([!-~]{1,32}) - \xef\xbb\xbf(.+)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Record:
    """One message: what stands before the XML, and the XML."""

    pri: int
    at: str
    host: str
    program: str
    process: str
    msgid: str
    xml: ElementTree.Element

    @property
    def event(self) -> ElementTree.Element:
        [found] = self.xml.findall("EventIdentification")
        return found

    @property
    def kind(self) -> str:
        """What happened: the type of the event, or its ID where it has no type."""
        types = [one.get("originalText", "") for one in self.event.findall("EventTypeCode")]
        [event_id] = self.event.findall("EventID")
        return " + ".join(types) or str(event_id.get("originalText"))

    @property
    def outcome(self) -> str:
        return str(self.event.get("EventOutcomeIndicator"))

    @property
    def participants(self) -> list[dict[str, str]]:
        """Each participant's attributes, and its role's code as `role`."""
        found = []
        for one in self.xml.findall("ActiveParticipant"):
            role = one.find("RoleIDCode")
            code = "" if role is None else role.get("csd-code", "")
            found.append(one.attrib | {"role": code})
        return found

    @property
    def subject(self) -> str:
        """The identifier of the one participant object, or "" for none."""
        found = [o.get("ParticipantObjectID") for o in self.xml.iter(_OBJECT)]
        return str(found[0]) if found else ""

    @property
    def instances(self) -> list[str]:
        """The SOP Instance UIDs that it names."""
        return [str(one.get("UID")) for one in self.xml.iter("Instance")]

    @property
    def description(self) -> str:
        """What it says of an alert."""
        [detail] = self.xml.iter("ParticipantObjectDetail")
        assert detail.get("type") == "Alert Description"
        return b64decode(str(detail.get("value")), validate=True).decode()


_OBJECT = "ParticipantObjectIdentification"


def parse(line: bytes) -> Record:
    """Return the message of a line without its end; fail where it is not one."""
    found = _LINE.fullmatch(line)
    assert found, line[:200]
    pri, *header = found.groups()[:-1]
    texts: list[Any] = [one.decode("ascii") for one in header]
    return Record(int(pri), *texts, xml=ElementTree.fromstring(found[7]))  # noqa: S314 - ours


def read(trail: Path) -> list[Record]:
    """Return what a trail's file holds; every line of it is whole, or empty and means nothing."""
    content = trail.read_bytes() if trail.exists() else b""
    assert content.endswith(b"\n") or not content
    return [parse(line) for line in content.split(b"\n") if line]
