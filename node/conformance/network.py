"""The section on networking, from the configuration and from tables of the node's code."""

from collections.abc import Iterable

from pydicom.uid import UID, JPEG2000Lossless, SecondaryCaptureImageStorage

from node.config.peers import WebDestination
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

# A status of each group in PS3.4, Table B.2-1, and a status outside of the table (0x0110).
_STATUSES = (0x0000, 0xB000, 0xB006, 0xB007, 0xA700, 0x0122, 0xA900, 0xC000, 0x0110)


def networking(config: Config) -> Section:
    """Return the section on networking (PS3.2, N.4)."""
    return Section(
        "Networking",
        sections=(
            _IMPLEMENTATION_MODEL,
            _association_policies(config),
            _storage_scp(config),
            _storage_scu(config),
            _STORAGE_COMMITMENT,
            _WEB_SERVICES,
            _configuration(config),
        ),
    )


def services() -> Table:
    """Return all SOP Classes with the roles that the node supports."""
    scp = {UID(uid): "yes" for uid in (*RADIOGRAPH_CLASSES, VERIFICATION)}
    scu = dict.fromkeys((*RESULT_CLASSES, VERIFICATION, PUSH_MODEL), "yes")
    return Table(
        ("SOP Class", "UID", "SCU", "SCP"),
        [(uid.name, str(uid), scu.get(uid, ""), scp.get(uid, "")) for uid in scp | scu],
    )


_IMPLEMENTATION_MODEL = Section(
    "Implementation model",
    (
        "The node is one Application Entity. The node receives radiographs (Storage SCP) and "
        "scores them. A job in a database records the state of each radiograph.",
        "The node sends Structured Reports and Secondary Capture images to its destinations "
        "(Storage SCU or STOW-RS). The node requests Storage Commitment from destinations with "
        "`commitment: true`.",
        "Separate processes receive, score and send. A destination that does not answer does not "
        "delay another destination.",
    ),
)


def _association_policies(config: Config) -> Section:
    dicom = config.dicom
    rows = [
        ("Application Context Name", "1.2.840.10008.3.1.1.1"),
        ("Implementation Class UID", IMPLEMENTATION_CLASS_UID),
        ("Implementation Version Name", IMPLEMENTATION_VERSION_NAME),
        ("Maximum PDU size received", f"{MAX_PDU} bytes"),
        (
            "Maximum simultaneous associations as acceptor",
            f"{dicom.max_associations} in each process, {dicom.max_associations_per_peer} from "
            "one address",
        ),
        ("Processes that accept associations", str(dicom.processes)),
        ("Maximum simultaneous associations as requestor", "one for each destination"),
        ("Asynchronous operations", "not supported"),
        ("ARTIM timeout", f"{dicom.artim_timeout:g} s"),
        ("Timeout within a message", f"{dicom.dimse_timeout:g} s"),
        ("Timeout between messages", f"{dicom.idle_timeout:g} s"),
        ("Maximum object size", f"{dicom.max_object} bytes; a larger transfer is aborted"),
    ]
    return Section("Association policies", (Table(("parameter", "value"), rows),))


def _storage_scp(config: Config) -> Section:
    callers = ", ".join(
        f"{caller.ae_title} from {caller.network}" for caller in config.dicom.callers
    )
    classes = [UID(uid) for uid in (*RADIOGRAPH_CLASSES, VERIFICATION)]
    return Section(
        "Storage and Verification as SCP",
        (
            f"Called AE title: {config.dicom.ae_title}. Accepted calling AE titles: "
            f"{callers or 'any, from this machine only'}. Other AE titles and networks are "
            "rejected (permanent; called or calling AE title not recognized). Associations "
            "above the limits are rejected (transient; local limit exceeded).",
            "Each Storage SOP Class is accepted in each of the transfer syntaxes below. If a "
            "presentation context proposes several syntaxes, the node accepts the syntax that is "
            "first in the table. Extended negotiation is not supported.",
            Table(("SOP Class", "UID"), _names(classes)),
            Table(("transfer syntax", "UID"), _names(TRANSFER_SYNTAXES)),
            Table(
                ("status answered", "meaning"),
                [(_hex(status), meaning) for status, meaning in ANSWERS.items()],
            ),
        ),
    )


def _storage_scu(config: Config) -> Section:
    return Section(
        "Storage and Verification as SCU",
        (
            "The node opens an association when results for a destination are pending, and "
            "then releases the association. If a destination does not answer, the "
            f"node retries at increasing intervals of at most {config.queue.delivery.cap:g} s.",
            Table(("SOP Class", "UID"), _names(RESULT_CLASSES)),
            Table(("transfer syntax", "UID"), _names(SYNTAXES)),
            f"{SecondaryCaptureImageStorage.name} is sent in {JPEG2000Lossless.name} "
            f"({JPEG2000Lossless}) to destinations with `compress: jpeg2000` that accept this "
            "syntax.",
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
        return "the node sends the object again after a delay"
    except Permanent:
        return "the delivery is FAILED; only an operator can retry the delivery"
    return "the object is stored"


def _configuration(config: Config) -> Section:
    dicom = config.dicom
    own_address = f"{dicom.bind}:{dicom.port}"
    rows = [("this node", dicom.ae_title, own_address, "", "yes" if dicom.tls else "no")]
    for destination in config.destinations:
        if isinstance(destination, WebDestination):
            tls = "yes" if destination.url.scheme == "https" else "no"
            rows.append((destination.name, "", str(destination.url), "no", tls))
            continue
        address = f"{destination.host}:{destination.port}"
        timeout = f"timeout {destination.commitment_timeout}" if destination.commitment else "no"
        tls = "yes" if destination.tls else "no"
        rows.append((destination.name, destination.ae_title, address, timeout, tls))
    head = ("peer", "AE title", "address", "storage commitment", "TLS")
    return Section("Configuration", (Table(head, rows),))


def _names(uids: Iterable[UID]) -> list[tuple[str, str]]:
    return [(uid.name, str(uid)) for uid in uids]


def _hex(status: int) -> str:
    return f"0x{status:04X}"


_STORAGE_COMMITMENT = Section(
    "Storage Commitment",
    (
        f"{PUSH_MODEL.name} ({PUSH_MODEL}) is supported as SCU, for destinations with "
        "`commitment: true`. The node sends N-ACTION on the association of the C-STORE. Before the "
        "request, the node stores the Transaction UID of the request.",
        "The node accepts N-EVENT-REPORT on the association of the N-ACTION, or on an association "
        "that the destination opens with the SCP role. If the commitment of an object fails, or if "
        "no report arrives within the timeout, the node sends the object again.",
        Table(
            ("status answered to N-EVENT-REPORT", "meaning"),
            [
                ("0x0000", "the report is stored, or its Transaction UID is unknown"),
                (_hex(INVALID_ARGUMENT), "the report cannot be read"),
                (
                    _hex(PROCESSING_FAILURE),
                    "the database does not answer, or the node is busy: report again later",
                ),
            ],
        ),
    ),
)

_WEB_SERVICES = Section(
    "DICOM Web Services",
    (
        "The node is a STOW-RS user agent (PS3.18, 10.5). The node sends POST requests to /studies "
        "as multipart/related with application/dicom. Each request contains one object in Explicit "
        "VR Little Endian. The node is no origin server and supports no other web services.",
    ),
)
