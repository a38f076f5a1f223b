"""A film's file while it comes: what it takes, what it keeps, and a disk that takes nothing."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

from node.ingest.resource_limits import Incoming


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    """Have the kernel refuse what would make a file larger than this."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def incoming(folder: Path, *, room: bool = True) -> Incoming:
    return Incoming(NamedTemporaryFile(dir=folder, delete=False), lambda: room)


def test_what_comes_is_in_the_file_at_once(tmp_path: Path) -> None:
    """Whoever reads it after the last fragment reads all of it."""
    file = incoming(tmp_path)
    file.write(b"one")
    file.write(b"two")
    assert Path(file.name).read_bytes() == b"onetwo"
    assert (file.whole, file.tell()) == (True, 6)
    file.close()


def test_a_disk_that_takes_nothing_more_costs_the_film_and_no_error(tmp_path: Path) -> None:
    """The transfer goes on to its end, where it can be answered; nothing of it stays."""
    file = incoming(tmp_path)
    with no_file_above(1000):
        file.write(bytes(800))
        file.write(bytes(800))
    file.write(bytes(800))
    assert (file.whole, file.tell()) == (False, 2400)
    file.close()
    assert list(tmp_path.iterdir()) == []


def test_without_room_nothing_is_written(tmp_path: Path) -> None:
    """The reserve is for what is under way already."""
    file = incoming(tmp_path, room=False)
    file.write(bytes(800))
    assert (file.whole, list(tmp_path.iterdir())) == (False, [])
    file.close()
