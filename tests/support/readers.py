"""Decoders that misbehave, importable by the processes that run them."""

import os
import signal
import time
from pathlib import Path

from models.images.radiograph import Radiograph
from node.batch.reader import Reader
from node.domain.admission.header_rules import AdmissionPolicy
from node.inference.decoder import decode


def crash_on_bad_names(path: Path) -> Radiograph:
    """Decode; or die, exit or hang as the file's name says, like a codec that met its match."""
    if path.stem.endswith("segfault"):
        os.kill(os.getpid(), signal.SIGSEGV)
    if path.stem.endswith("exit"):
        os._exit(3)
    if path.stem.endswith("hang"):
        time.sleep(600)
    if path.stem.endswith("bug"):
        raise ZeroDivisionError("Doe^Jane")
    return decode(path)


def reader(**changes: object) -> Reader:
    """Return a reader as the node is configured by default, with the decoder above."""
    settings = {"policy": AdmissionPolicy(), "max_size": 2**29, "decode": crash_on_bad_names}
    return Reader(**settings | changes)  # type: ignore[arg-type]
