"""Requests that a correct sender does not send are built from pynetdicom's own messages."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

from pydicom import Dataset
from pydicom.uid import UID
from pynetdicom.association import Association
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import encode

from tests.peers.waiting import wait_until

_MAX_PDU = 16_384


def announce(assoc: Association, sop_class: str, sop_instance: str, data: bytes | None) -> Dataset:
    """Send a C-STORE of this instance with these bytes or no data set; return the status."""
    request = _request(sop_class, sop_instance, data)
    with _reactor_paused(assoc):
        assoc.dimse.send_msg(request, assoc.accepted_contexts[0].context_id)
        _, answer = assoc.dimse.get_msg(block=True)
    status = Dataset()
    if answer is not None:
        status.Status = answer.Status
        status.ErrorComment = getattr(answer, "ErrorComment", None) or ""
    return status


def begin(assoc: Association, ds: Dataset) -> None:
    """Send the command of a C-STORE and the first half of its data set."""
    data = encode(ds, is_implicit_vr=False, is_little_endian=True)
    assert data is not None
    message = C_STORE_RQ()
    message.primitive_to_message(_request(ds.SOPClassUID, ds.SOPInstanceUID, data))
    context_id = assoc.accepted_contexts[0].context_id
    pdus = list(message.encode_msg(context_id, _MAX_PDU))
    for pdu in pdus[: len(pdus) // 2]:
        assoc.dul.send_pdu(pdu)


def _request(sop_class: str, sop_instance: str, data: bytes | None) -> C_STORE:
    request = C_STORE()
    request.MessageID = 1
    request.Priority = 2
    request.AffectedSOPClassUID = UID(sop_class)
    request.AffectedSOPInstanceUID = UID(sop_instance)
    request.DataSet = None if data is None else BytesIO(data)
    return request


@contextmanager
def _reactor_paused(assoc: Association) -> Iterator[None]:
    """Prevent pynetdicom's own loop from reading the answer, as its send_* methods do."""
    assoc._reactor_checkpoint.clear()
    try:
        wait_until(lambda: assoc._is_paused, goal="pause of the association")
        yield
    finally:
        assoc._reactor_checkpoint.set()
