"""Examples for audit tests: one audit event of each type, and their source."""

from datetime import UTC, datetime

from node.audit.message import AuditSource
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

AT = datetime(2026, 11, 25, 12, 0, 0, 1500, UTC)
NODE = AuditSource("bone-node", "OSTEOSCREEN", "node7", "osteoscreen ingest", 4711)
XRAY = Peer("XRAY1", "10.20.30.40")
FILM = Instance("1.2.840.10008.5.1.4.1.1.1", "1.2.3.4", "1.2.3")
EVENTS: tuple[AuditEvent, ...] = (
    ApplicationStarted(),
    ApplicationStopped(),
    AssociationRefused(XRAY, "OTHER", "called AE title not recognized"),
    FilmReceived(XRAY, FILM),
    ResultExported(Peer("", "archive.example"), FILM, AuditOutcome.SERIOUS, "refused: 0xA900"),
    ConfigurationChanged(("policy.threshold",)),
)
