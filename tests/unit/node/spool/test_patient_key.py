"""The pseudonym key is created once, atomically, and only its owner can read it."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from node.domain.errors import Misconfigured
from node.spool.patient_key import NAME, pseudonyms

MAKE = "import sys, pathlib; from node.spool.patient_key import pseudonyms; \
input(); print(pseudonyms(pathlib.Path(sys.argv[1]))('', 'P-17'))"


def test_the_key_is_created_once(tmp_path: Path) -> None:
    first = pseudonyms(tmp_path)("HOSPITAL", "P-17")
    assert len(first) == 64
    assert pseudonyms(tmp_path)("HOSPITAL", "P-17") == first


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    """The mode of the key does not depend on the umask, and no temporary file remains."""
    old = os.umask(0)
    try:
        pseudonyms(tmp_path)
    finally:
        os.umask(old)
    [path] = tmp_path.iterdir()
    assert path.name == NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_processes_that_start_together_agree(tmp_path: Path) -> None:
    """At the first start, several ingest processes find no key at the same time."""
    command = [sys.executable, "-c", MAKE, str(tmp_path)]
    pipe = subprocess.PIPE
    started = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(4)]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("\n")  # each process waits for this line before it needs the key
        process.stdin.flush()
    results = {process.communicate()[0].strip() for process in started}
    assert len(results) == 1
    assert results == {pseudonyms(tmp_path)("", "P-17")}


@pytest.mark.parametrize("content", [b"", b"half a key", bytes(64)])
def test_a_damaged_key_is_refused_with_the_remedy(tmp_path: Path, content: bytes) -> None:
    """With another key, every patient would silently become a new patient."""
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(Misconfigured, match=r"patient\.key has \d+ bytes, not 32: restore it"):
        pseudonyms(tmp_path)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    with pytest.raises(Misconfigured, match=r"spool\.path: .*Is a directory; let the node's user"):
        pseudonyms(tmp_path)
