"""The key for patient pseudonyms: a file in the spool, created at the first start."""

import secrets
from contextlib import suppress
from functools import partial
from pathlib import Path

from node.domain.errors import Misconfigured
from node.domain.radiograph.pseudonym import KEY_BYTES, Pseudonym, pseudonym
from node.files import write_atomically

NAME = "patient.key"


def pseudonyms(root: Path) -> Pseudonym:
    """Return the function that maps patients to pseudonyms; create a missing key in `root`.

    Raises Misconfigured if the key cannot be created or read, or if the key has a wrong length.
    """
    path = root / NAME
    try:
        key = path.read_bytes() if path.exists() else _create(path)
    except OSError as error:
        raise Misconfigured(
            f"spool.path: {path}: {error.strerror}; let the node's user read it, or write "
            f"{KEY_BYTES} random bytes there yourself"
        ) from None
    if len(key) != KEY_BYTES:
        raise Misconfigured(
            f"spool.path: {path} has {len(key)} bytes, not {KEY_BYTES}: restore it from a backup. "
            "Without a backup, delete it; earlier films of a patient are then no longer linked"
        )
    return partial(pseudonym, key)


def _create(path: Path) -> bytes:
    """Create the key and return it, or return the key that another process created first."""
    with suppress(FileExistsError):
        write_atomically(path, secrets.token_bytes(KEY_BYTES), overwrite=False)
    return path.read_bytes()
