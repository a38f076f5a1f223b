"""The key of patients' pseudonyms: a file of the spool, made once, whoever comes first."""

import os
import secrets
import tempfile
from contextlib import suppress
from functools import partial
from pathlib import Path

from node.domain.errors import Misconfigured
from node.domain.radiograph.pseudonym import KEY_BYTES, Pseudonym, pseudonym
from node.spool.store import sync_folder

NAME = "patient.key"


def pseudonyms(root: Path) -> Pseudonym:
    """Return what gives patients their pseudonyms, by the key below this folder.

    Makes the key where there is none. Raises Misconfigured where it can be neither made nor read.
    """
    path = root / NAME
    try:
        key = path.read_bytes() if path.exists() else _made(path)
    except OSError as error:
        raise Misconfigured(
            f"spool.path: {path}: {error.strerror}; let the node's user read it, or put "
            f"{KEY_BYTES} random bytes there yourself"
        ) from None
    if len(key) != KEY_BYTES:
        raise Misconfigured(
            f"spool.path: {path} has {len(key)} bytes, not {KEY_BYTES}: bring it back from a "
            "backup; without it, delete it, and no film is known as an earlier patient's"
        )
    return partial(pseudonym, key)


def _made(path: Path) -> bytes:
    """Make the key and return it, or the one that another process has made meanwhile.

    The name is linked to a whole file, and only if it is free: nobody ever reads half a key, or
    one that is replaced.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=NAME)  # 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(name)
        sync_folder(path.parent)
    finally:
        Path(name).unlink(missing_ok=True)
    return path.read_bytes()
