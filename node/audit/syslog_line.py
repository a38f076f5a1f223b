"""An audit message as one line of syslog (RFC 5424), as PS3.15 A.6 has it sent.

The trail's file holds these very lines, so that shipping it is sending bytes that stand there.
"""

from datetime import datetime

from node.audit.message import Origin, timestamp, to_xml
from node.domain.audit_events import AuditEvent, Outcome

APP_NAME = "osteoscreen"
MSGID = "DICOM+RFC3881"
MAX_LINE = 32768
"""No line is longer, in bytes: what every receiver of these messages has to take (A.6)."""

_FACILITY = 10  # security/authorization messages
_NOTICE, _WARNING = 5, 4
_UTF8 = "\N{BOM}"  # RFC 5424, 6.4: what begins a message in UTF-8
_HEADER_FIELDS = 5  # PRI with version, time, host, program, process: no two records share them


def to_line(event: AuditEvent, origin: Origin, at: datetime) -> bytes:
    """Return an event as a line with its end, in UTF-8; nothing in it but the end ends a line."""
    severity = _NOTICE if event.outcome is Outcome.SUCCESS else _WARNING
    host = "".join(sign for sign in origin.host if "!" <= sign <= "~")[:255] or "-"
    header = (
        f"<{_FACILITY * 8 + severity}>1 {timestamp(at)} {host} {APP_NAME} {origin.pid} {MSGID} -"
    )
    return f"{header} {_UTF8}{to_xml(event, origin, at)}\n".encode()


def name_of(line: bytes) -> str:
    """Return time, host and process of a line: what tells the file that it begins from others.

    Names sort by time. A line that is not one of ours has the name "".
    """
    fields = line[:MAX_LINE].split(b" ", _HEADER_FIELDS)
    if len(fields) <= _HEADER_FIELDS or not fields[0].startswith(b"<"):
        return ""
    return b" ".join(fields[1:_HEADER_FIELDS]).decode("ascii", "replace")
