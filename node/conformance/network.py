"""Networking: what the node accepts and what it asks for, from the tables that it works by."""

from collections.abc import Iterable

from pydicom.uid import UID, JPEG2000Lossless, SecondaryCaptureImageStorage

from node.config.peers import Destination, WebDestination
from node.config.settings import Config
from node.conformance.blocks import Section, Table
from node.domain.errors import Permanent, Transient
from node.domain.sop_class import RADIOGRAPH_CLASSES
from node.ingest.commitment_reports import INVALID_ARGUMENT, PROCESSING_FAILURE
from node.ingest.scp import MAX_PDU, TRANSFER_SYNTAXES
from node.ingest.store import ANSWERS
from node.pacs.association import RESULT_CLASSES, SYNTAXES, VERIFICATION
from node.pacs.commitment import PUSH_MODEL
from node.pacs.dimse_status import classify
from node.results.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

# One of each family that PS3.4, Table B.2-1 has, and one that it has not.
_STATUSES = (0x0000, 0xB000, 0xB006, 0xB007, 0xA700, 0x0122, 0xA900, 0xC000, 0x0110)


def networking(config: Config) -> Section:
    """Return the section on networking (PS3.2, N.4)."""
    return Section(
        "Networking",
        sections=(
            _model(),
            Section("Association policies", (_policies(config),)),
            Section("Storage and Verification as SCP", *_scp(config)),
            Section("Storage and Verification as SCU", *_scu(config)),
            Section("Storage Commitment", _commitment(config)),
            Section("DICOM Web Services", _web(config)),
            Section("Configuration", (_configuration(config),)),
        ),
    )


def services() -> Table:
    """Return all SOP Classes with the roles that we have in them."""
    rows = [(UID(uid).name, str(uid), "", "yes") for uid in RADIOGRAPH_CLASSES]
    rows += [(one.name, str(one), "yes", "") for one in RESULT_CLASSES]
    rows += [(VERIFICATION.name, str(VERIFICATION), "yes", "yes")]
    rows += [(PUSH_MODEL.name, str(PUSH_MODEL), "yes", "")]
    merged: dict[str, tuple[str, str, str, str]] = {}
    for name, uid, scu, scp in rows:
        _, _, asks, takes = merged.get(uid, (name, uid, "", ""))
        merged[uid] = (name, uid, scu or asks, scp or takes)
    return Table(("SOP Class", "UID", "SCU", "SCP"), list(merged.values()))


def _model() -> Section:
    return Section(
        "Implementation model",
        (
            "One Application Entity. It receives radiographs (Storage SCP), keeps each in a job "
            "table, scores it, and stores a Structured Report and a Secondary Capture image to "
            "each destination (Storage SCU or STOW-RS), with Storage Commitment where a "
            "destination is configured so. Receiving, scoring and sending are processes of their "
            "own; films are sent to every destination independently.",
        ),
    )


def _policies(config: Config) -> Table:
    dicom = config.dicom
    rows = [
        ("Application Context Name", "1.2.840.10008.3.1.1.1"),
        ("Implementation Class UID", IMPLEMENTATION_CLASS_UID),
        ("Implementation Version Name", IMPLEMENTATION_VERSION_NAME),
        ("Largest PDU received", f"{MAX_PDU} bytes"),
        (
            "Associations at a time, as acceptor",
            f"{dicom.max_associations} in each process, {dicom.max_associations_per_peer} of "
            "them from one address",
        ),
        ("Processes that accept", str(dicom.processes)),
        ("Associations at a time, as requestor", "one for each destination"),
        ("Asynchronous operations", "not supported"),
        ("ARTIM time-out", f"{dicom.artim_timeout:g} s"),
        ("Time-out of a message under way", f"{dicom.dimse_timeout:g} s"),
        ("Time-out between messages", f"{dicom.idle_timeout:g} s"),
        ("Largest object received", f"{dicom.max_object} bytes; a larger transfer is aborted"),
    ]
    return Table(("parameter", "value"), rows)


def _scp(config: Config) -> tuple[tuple[str | Table, ...]]:
    callers = ", ".join(f"{one.ae_title} from {one.network}" for one in config.dicom.callers)
    who = callers or "any AE title, from this machine alone"
    contexts = [*((UID(one).name, one) for one in RADIOGRAPH_CLASSES)]
    return (
        (
            f"Called AE title: {config.dicom.ae_title}. Callers that are admitted: {who}. Others "
            "are rejected (permanent; called or calling AE title not recognized). Each Storage SOP "
            "Class is accepted in each of the transfer syntaxes below, of those proposed the first "
            "of our list. Extended negotiation is not used.",
            Table(("SOP Class", "UID"), [*contexts, (VERIFICATION.name, str(VERIFICATION))]),
            Table(("transfer syntax", "UID"), _named(TRANSFER_SYNTAXES)),
            Table(
                ("status answered", "meaning"),
                [(_hex(status), meaning) for status, meaning in ANSWERS.items()],
            ),
        ),
    )


def _scu(config: Config) -> tuple[tuple[str | Table, ...]]:
    return (
        (
            "An association is opened when results wait for a destination, and released when they "
            "are sent. A destination that does not answer is tried again at growing intervals, "
            f"{config.queue.delivery.cap:g} s at most.",
            Table(("SOP Class", "UID"), _named(RESULT_CLASSES)),
            Table(("transfer syntax", "UID"), _named(SYNTAXES)),
            f"{SecondaryCaptureImageStorage.name} also in {JPEG2000Lossless.name} "
            f"({JPEG2000Lossless}), to destinations whose configuration says `compress: jpeg2000`.",
            Table(
                ("status received", "behaviour"),
                [(_hex(status), _behaviour(status)) for status in _STATUSES],
            ),
        ),
    )


def _behaviour(status: int) -> str:
    try:
        classify(status)
    except Transient:
        return "sent again, after a wait"
    except Permanent:
        return "failed: not sent again unless the operator asks for it"
    return "stored"


def _commitment(config: Config) -> tuple[str | Table, ...]:
    patience = [
        f"{one.name}: {one.commitment_timeout}"
        for one in config.destinations
        if isinstance(one, Destination) and one.commitment
    ]
    return (
        f"{PUSH_MODEL.name} ({PUSH_MODEL}), as SCU, for destinations that are configured so"
        f" ({', '.join(patience) or 'none here'}). N-ACTION is sent on the association of the "
        "C-STORE, with a new Transaction UID that is on the disk before. The N-EVENT-REPORT may "
        "come on that association, or on one that the destination opens, proposing the SCP role "
        "for itself. An object that is reported as failed, or on which no report comes in time, "
        "is sent again.",
        Table(
            ("status answered to N-EVENT-REPORT", "meaning"),
            [
                ("0x0000", "settled, and on the disk; also for a transaction that is not known"),
                (_hex(INVALID_ARGUMENT), "the report cannot be read"),
                (_hex(PROCESSING_FAILURE), "the database is away: report again"),
            ],
        ),
    )


def _web(config: Config) -> tuple[str | Table, ...]:
    urls = [str(one.url) for one in config.destinations if isinstance(one, WebDestination)]
    return (
        "STOW-RS as user agent (PS3.18, 10.5): POST to /studies, multipart/related of "
        "application/dicom, one object in each request, in the transfer syntax that it has "
        "(Explicit VR Little Endian). Archives that are configured: "
        f"{', '.join(urls) or 'none here'}. No other service, and none as origin server.",
    )


def _configuration(config: Config) -> Table:
    rows = [("this node", config.dicom.ae_title, f"{config.dicom.bind}:{config.dicom.port}")]
    for one in config.destinations:
        if isinstance(one, WebDestination):
            rows.append((one.name, "", str(one.url)))
        else:
            rows.append((one.name, one.ae_title, f"{one.host}:{one.port}"))
    return Table(("peer", "AE title", "address"), rows)


def _named(uids: Iterable[UID]) -> list[tuple[str, str]]:
    return [(uid.name, str(uid)) for uid in uids]


def _hex(status: int) -> str:
    return f"0x{status:04X}"
