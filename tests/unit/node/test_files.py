"""`node.files` replaces a file atomically, and the new file is durable on return."""

import errno
import os
import stat
from pathlib import Path

import pytest

from node.files import atomic_file, move_durably, write_atomically


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Path]]:
    """Return a list of the syncs and renames, each with its file or folder."""
    calls: list[tuple[str, Path]] = []
    fsync, rename, link = os.fsync, os.replace, os.link

    def synced(descriptor: int) -> None:
        calls.append(("sync", Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    def renamed(source: Path, target: Path) -> None:
        calls.append(("rename", Path(target)))
        rename(source, target)

    def linked(source: Path, target: Path) -> None:
        calls.append(("link", Path(target)))
        link(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", renamed)
    monkeypatch.setattr(os, "link", linked)
    return calls


@pytest.mark.parametrize(("overwrite", "step"), [(True, "rename"), (False, "link")])
def test_bytes_then_name_then_folder(
    tmp_path: Path, calls: list[tuple[str, Path]], overwrite: bool, step: str
) -> None:
    """After a power cut, every file that has its final name also has its content."""
    path = tmp_path / "file"
    write_atomically(path, b"new", overwrite=overwrite)
    (first, temporary), *rest = calls
    assert (first, temporary.parent) == ("sync", tmp_path)
    assert rest == [(step, path), ("sync", tmp_path)]


def test_a_move_syncs_the_file_before_its_new_name(
    tmp_path: Path, calls: list[tuple[str, Path]]
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"film")
    move_durably(source, target)
    assert calls == [("sync", source), ("rename", target), ("sync", tmp_path)]
    assert target.read_bytes() == b"film"


def test_a_reader_of_the_old_file_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with path.open("rb") as reader:
        write_atomically(path, b"new")
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_an_existing_file_stays_where_overwriting_is_off(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(FileExistsError):
        write_atomically(path, b"new", overwrite=False)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_the_umask_does_not_change_the_mode(tmp_path: Path, mode: int) -> None:
    old = os.umask(0o077 if mode == 0o644 else 0)
    try:
        write_atomically(tmp_path / "file", b"", mode=mode)
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == mode


def test_an_error_in_the_block_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), atomic_file(path) as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_bytes_may_be_written_through_the_name(tmp_path: Path) -> None:
    """SQLite and Parquet open the temporary file themselves."""
    with atomic_file(tmp_path / "file") as file:
        Path(file.name).write_bytes(b"rows")
    assert (tmp_path / "file").read_bytes() == b"rows"
