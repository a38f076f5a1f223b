"""PDUs are built byte by byte (PS3.8, 9.3), for requests that a correct toolkit does not send."""

import struct

from pydicom import Dataset
from pynetdicom.dsutils import encode

P_DATA = 0x04
COMMAND, DATA, LAST = 0b01, 0b00, 0b10
ABORTED_FOR_A_PARAMETER = struct.pack(">BBLBBBB", 0x07, 0, 4, 0, 0, 2, 6)
"""A-ABORT by the service provider: invalid PDU parameter value."""


def pdu(*fragments: bytes, kind: int = P_DATA) -> bytes:
    """Return a PDU of these fragments."""
    content = b"".join(fragments)
    return struct.pack(">BBL", kind, 0, len(content)) + content


def fragment(context_id: int, control: int, content: bytes) -> bytes:
    """Return a presentation data value; `control` is COMMAND or DATA, with or without LAST."""
    return struct.pack(">LBB", len(content) + 2, context_id, control) + content


def store_request(ds: Dataset, message_id: int = 1) -> bytes:
    """Return the encoded command set of a C-STORE request (PS3.7, 9.3.1.1)."""
    return _command(
        AffectedSOPClassUID=ds.SOPClassUID,
        CommandField=0x0001,
        MessageID=message_id,
        Priority=0,
        CommandDataSetType=0x0001,
        AffectedSOPInstanceUID=ds.SOPInstanceUID,
    )


def echo_request(message_id: int = 1) -> bytes:
    """Return the encoded command set of a C-ECHO request (PS3.7, 9.3.5.1)."""
    return _command(
        AffectedSOPClassUID="1.2.840.10008.1.1",
        CommandField=0x0030,
        MessageID=message_id,
        CommandDataSetType=0x0101,
    )


def report_request(message_id: int = 1) -> bytes:
    """Return the encoded command set of an N-EVENT-REPORT request (PS3.7, 10.3.1.1)."""
    return _command(
        AffectedSOPClassUID="1.2.840.10008.1.20.1",
        CommandField=0x0100,
        MessageID=message_id,
        CommandDataSetType=0x0001,
        AffectedSOPInstanceUID="1.2.840.10008.1.20.1.1",
        EventTypeID=1,
    )


def _command(**elements: object) -> bytes:
    ds = Dataset()
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    encoded = encode(ds, is_implicit_vr=True, is_little_endian=True)
    assert encoded is not None
    length = Dataset()
    length.CommandGroupLength = len(encoded)
    return (encode(length, is_implicit_vr=True, is_little_endian=True) or b"") + encoded
