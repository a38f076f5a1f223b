"""An audit message as one line of syslog (RFC 5424, PS3.15 A.6), as stored and shipped."""

from datetime import datetime

from node.audit.message import AuditSource, timestamp, to_xml
from node.domain.audit_events import AuditEvent, AuditOutcome

APP_NAME = "osteoscreen"
MSGID = "DICOM+RFC3881"
MAX_LINE = 32768
"""Maximum length of a line in bytes, which every receiver must accept (A.6)."""

_FACILITY = 10  # security/authorization messages
_NOTICE, _WARNING = 5, 4
_UTF8 = "\N{BOM}"  # begins a message in UTF-8 (RFC 5424, 6.4)
_HEADER_FIELDS = 5  # PRI with version, time, host, program, process


def to_line(event: AuditEvent, origin: AuditSource, at: datetime) -> bytes:
    """Return an event as one line in UTF-8, with a line feed only at the end."""
    severity = _NOTICE if event.outcome is AuditOutcome.SUCCESS else _WARNING
    host = "".join(character for character in origin.host if "!" <= character <= "~")[:255] or "-"
    header = (
        f"<{_FACILITY * 8 + severity}>1 {timestamp(at)} {host} {APP_NAME} {origin.pid} {MSGID} -"
    )
    return f"{header} {_UTF8}{to_xml(event, origin, at)}\n".encode()


def identifier_of(line: bytes) -> str:
    """Return time, host and process of a trail's line, or "" for a line of another program."""
    fields = line[:MAX_LINE].split(b" ", _HEADER_FIELDS)
    if len(fields) <= _HEADER_FIELDS or not fields[0].startswith(b"<"):
        return ""
    return b" ".join(fields[1:_HEADER_FIELDS]).decode("ascii", "replace")
