"""`IncomingFile` writes the file of a film during its transfer, also on a full disk."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

from node.ingest.resource_limits import IncomingFile


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    """Limit the size of files in this process, so that a write fails as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def incoming(folder: Path, *, space: bool = True) -> IncomingFile:
    return IncomingFile(NamedTemporaryFile(dir=folder, delete=False), lambda: space)


def test_each_write_is_in_the_file(tmp_path: Path) -> None:
    """The file is complete after the last fragment of the transfer."""
    file = incoming(tmp_path)
    file.write(b"one")
    file.write(b"two")
    assert Path(file.name).read_bytes() == b"onetwo"
    assert (file.complete, file.tell()) == (True, 6)
    file.close()


def test_a_full_disk_discards_the_film_without_an_error(tmp_path: Path) -> None:
    """The transfer continues to its end, because the node can answer only then."""
    file = incoming(tmp_path)
    with no_file_above(1000):
        file.write(bytes(800))
        file.write(bytes(800))
    file.write(bytes(800))
    assert (file.complete, file.tell()) == (False, 2400)
    file.close()
    assert list(tmp_path.iterdir()) == []


def test_without_space_nothing_is_written(tmp_path: Path) -> None:
    """The disk reserve is kept for films that are already stored."""
    file = incoming(tmp_path, space=False)
    file.write(bytes(800))
    assert (file.complete, list(tmp_path.iterdir())) == (False, [])
    file.close()
