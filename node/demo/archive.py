"""A small local archive that stands in for the PACS: a C-STORE SCP that writes into a folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pynetdicom import AE, evt

from node.pacs.association import RESULT_CLASSES, VERIFICATION

AE_TITLE = "ARCHIVE"


@contextmanager
def local_archive(folder: Path) -> Iterator[int]:
    """Listen on a free port of this machine, yield the port, and stop on leaving.

    A stored object becomes the file `<SOP Instance UID>.dcm`: only our own node is let in, and
    its UIDs are digits and dots.
    """
    ae = AE(AE_TITLE)
    ae.require_called_aet = True
    ae.add_supported_context(VERIFICATION)
    for sop_class in RESULT_CLASSES:
        ae.add_supported_context(sop_class)

    def keep(event: Any) -> int:
        path = folder / f"{event.request.AffectedSOPInstanceUID}.dcm"
        path.write_bytes(event.encoded_dataset())
        return 0x0000

    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, keep)])
    if server is None:
        raise RuntimeError("the archive did not start")
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
