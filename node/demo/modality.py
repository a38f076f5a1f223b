"""Send a film to the node by C-STORE, as a modality does."""

from dataclasses import dataclass
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE

from node.config.peers import ServerTlsSection
from node.domain.errors import AssociationRejected, Misconfigured, OsteoScreenError, Unreachable
from node.security.tls import loopback_context

AE_TITLE = "MODALITY"


@dataclass(frozen=True, slots=True)
class NodeAddress:
    """The address of a node, and the AE title with which to call the node."""

    ae_title: str
    port: int
    host: str = "127.0.0.1"
    calling_ae: str = AE_TITLE
    tls: ServerTlsSection | None = None


def read_film(path: Path) -> Dataset:
    """Read a DICOM file, with or without preamble and file meta information."""
    try:
        ds = dcmread(path, force=True)
    except OSError as error:
        raise Misconfigured(f"{path}: {error.strerror}; name a DICOM file") from None
    except (InvalidDicomError, ValueError, EOFError, KeyError) as error:
        raise Misconfigured(f"{path}: cannot be read as DICOM ({type(error).__name__})") from None
    for keyword in ("SOPClassUID", "SOPInstanceUID"):
        if not ds.get(keyword):
            raise Misconfigured(f"{path}: not a DICOM image: it has no {keyword}")
    _complete_meta(ds)
    return ds


def _complete_meta(ds: Dataset) -> None:
    """Add the Transfer Syntax UID that pydicom detected, if the file lacks this UID."""
    if not hasattr(ds, "file_meta"):
        ds.file_meta = FileMetaDataset()
    if "TransferSyntaxUID" not in ds.file_meta:
        implicit = ds.original_encoding[0]
        ds.file_meta.TransferSyntaxUID = (
            ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
        )


def echo(node: NodeAddress) -> bool:
    """Return whether a node answers a C-ECHO."""
    ae = AE(node.calling_ae)
    ae.connection_timeout = 2
    ae.add_requested_context("1.2.840.10008.1.1")
    assoc = ae.associate(node.host, node.port, ae_title=node.ae_title)
    if not assoc.is_established:
        return False
    answered = "Status" in assoc.send_c_echo()
    assoc.release()
    return answered


def send(ds: Dataset, node: NodeAddress) -> None:
    """Send a film by C-STORE in its file's transfer syntax; raise OsteoScreenError if refused."""
    ae = AE(node.calling_ae)
    ae.add_requested_context(ds.SOPClassUID, ds.file_meta.TransferSyntaxUID)
    tls = (loopback_context(node.tls), node.host) if node.tls else None
    assoc = ae.associate(node.host, node.port, ae_title=node.ae_title, tls_args=tls)
    answer = assoc.acceptor.primitive
    if answer is not None and assoc.is_rejected:
        raise AssociationRejected(
            f"the node rejected the association: {answer.reason_str}; add to "
            f"dicom.callers: {{ae_title: {node.calling_ae}, network: 127.0.0.1}}"
        )
    if answer is None:
        tls_hint = ", with its own certificate in dicom.tls.ca" if node.tls else ""
        raise Unreachable(
            f"no node answers at {node.host}:{node.port}; run osteoscreen serve{tls_hint}"
        )
    if not assoc.is_established:
        raise OsteoScreenError(
            "the node does not accept this object: it accepts radiographs (CR, DX, Secondary "
            f"Capture), and this is {ds.SOPClassUID.name} in {ds.file_meta.TransferSyntaxUID.name}"
        )
    try:
        status = assoc.send_c_store(ds)
    finally:
        assoc.release()
    if status.get("Status") != 0x0000:
        code, comment = status.get("Status"), status.get("ErrorComment", "no comment")
        answer_text = "no answer" if code is None else f"{code:#06x}, {comment}"
        raise OsteoScreenError(f"the node did not accept the film: {answer_text}")
