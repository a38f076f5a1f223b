"""A local archive in place of the PACS: a C-STORE SCP that writes files to a folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pynetdicom import AE, evt

from node.pacs.association import RESULT_CLASSES, VERIFICATION

AE_TITLE = "ARCHIVE"


@contextmanager
def local_archive(folder: Path) -> Iterator[int]:
    """Listen on a free port of the loopback address and yield the port.

    A stored object becomes the file `<SOP Instance UID>.dcm`. The UID is safe as a file name,
    because only the demo's node sends objects to this archive.
    """
    ae = AE(AE_TITLE)
    ae.require_called_aet = True
    ae.add_supported_context(VERIFICATION)
    for sop_class in RESULT_CLASSES:
        ae.add_supported_context(sop_class)

    def store(event: Any) -> int:
        path = folder / f"{event.request.AffectedSOPInstanceUID}.dcm"
        path.write_bytes(event.encoded_dataset())
        return 0x0000

    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, store)])
    if server is None:
        raise RuntimeError("the archive did not start")
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
