"""A decoder that crashes or hangs on request; decoder processes import this module."""

import os
import signal
import time
from pathlib import Path

from models.images.radiograph import Radiograph
from node.batch.reader import FileReader
from node.inference.decoder import decode
from tests.support.policies import make_admission_policy


def crash_on_bad_names(path: Path) -> Radiograph:
    """Decode the file; for some file names, fail as a broken decoder does."""
    if path.stem.endswith("segfault"):
        os.kill(os.getpid(), signal.SIGSEGV)
    if path.stem.endswith("exit"):
        os._exit(3)
    if path.stem.endswith("hang"):
        time.sleep(600)
    if path.stem.endswith("bug"):
        raise ZeroDivisionError("Doe^Jane")
    return decode(path)


def reader(**changes: object) -> FileReader:
    """Return a reader with the default admission policy and the decoder above."""
    settings = {"policy": make_admission_policy(), "max_size": 2**29, "decode": crash_on_bad_names}
    return FileReader(**settings | changes)  # type: ignore[arg-type]
