"""`FileSpool` stores bytes durably, and no peer can choose the name of a file."""

import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.errors import Misconfigured, Permanent, Transient
from node.domain.hysteresis import DiskReserve, is_full
from node.spool.store import FileSpool

DIGEST = hashlib.sha256(b"film").hexdigest()
KEY = f"films/{DIGEST[:2]}/{DIGEST}.dcm"
LONG_AGO, FAR_AHEAD = 0.0, 1e11


@pytest.fixture
def spool(tmp_path: Path) -> FileSpool:
    """Return an empty spool."""
    spool = FileSpool(tmp_path / "spool", DiskReserve(0, 0))
    spool.prepare()
    return spool


def received(spool: FileSpool, content: bytes = b"film") -> Path:
    """Write the file of a film as a transfer does; return its path."""
    path = spool.incoming / "tmp1.dcm"
    path.write_bytes(content)
    path.chmod(0o600)
    return path


def files(spool: FileSpool) -> list[str]:
    root = spool.incoming.parent
    return sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())


class TestNames:
    def test_a_film_is_named_by_its_digest(self, spool: FileSpool) -> None:
        """The spool moves the film, so the folder of transfers is empty afterwards."""
        assert spool.store_film(received(spool), DIGEST) == KEY
        assert spool.path(KEY).read_bytes() == b"film"
        assert files(spool) == [KEY]

    def test_a_result_is_named_by_its_bytes(self, spool: FileSpool) -> None:
        """Two equal results share one file, and a different result has another file."""
        key = spool.store_result(b"report")
        digest = hashlib.sha256(b"report").hexdigest()
        assert key == f"results/{digest[:2]}/{digest}.dcm"
        assert spool.store_result(b"report") == key
        assert spool.store_result(b"heatmap") != key
        assert spool.path(key).read_bytes() == b"report"
        assert len(files(spool)) == 2

    def test_storing_the_same_film_again_changes_nothing(self, spool: FileSpool) -> None:
        """A film that is sent twice has one file."""
        key = spool.store_film(received(spool), DIGEST)
        assert spool.store_film(received(spool), DIGEST) == key
        assert files(spool) == [key]

    @pytest.mark.parametrize(
        "key",
        [
            "",
            "../../etc/passwd",
            "/etc/passwd",
            f"films/../{DIGEST}.dcm",
            f"../films/{DIGEST[:2]}/{DIGEST}.dcm",
            f"other/{DIGEST[:2]}/{DIGEST}.dcm",
            f"films/{DIGEST[:2]}/{DIGEST.upper()}.dcm",
            f"films/{DIGEST[:2]}/{DIGEST}.dcm\n",
            f"films/{DIGEST[:2]}/{DIGEST}.dcm/x",
            f"films/{DIGEST[:2]}/{DIGEST[:-1]}.dcm",
        ],
    )
    def test_a_malformed_key_has_no_path(self, spool: FileSpool, key: str) -> None:
        """A manipulated key and an empty key are refused."""
        with pytest.raises(Permanent):
            spool.path(key)
        with pytest.raises(Permanent):
            spool.remove(key)

    @given(st.text())
    def test_no_key_leads_out_of_the_spool(self, text: str) -> None:
        """Any text is refused as a key, or gives a path below the root without `..`."""
        root = Path("/nowhere")
        try:
            path = FileSpool(root, DiskReserve(0, 0)).path(text)
        except Permanent:
            return
        assert path.is_relative_to(root)
        assert ".." not in path.parts


class TestModes:
    def test_only_the_owner_reads_films(self, tmp_path: Path) -> None:
        """Folders have mode 0700 and files 0600, even if the umask allows more."""
        old = os.umask(0)
        try:
            spool = FileSpool(tmp_path / "new" / "spool", DiskReserve(0, 0))
            spool.prepare()
            spool.store_film(received(spool), DIGEST)
            spool.store_result(b"report")
        finally:
            os.umask(old)
        root = spool.incoming.parent
        modes = {p: stat.S_IMODE(p.stat().st_mode) for p in (root, *root.rglob("*"))}
        assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
        assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}

    def test_preparing_again_keeps_the_files(self, spool: FileSpool) -> None:
        """Every role prepares the spool when it starts."""
        key = spool.store_result(b"report")
        spool.prepare()
        assert spool.path(key).read_bytes() == b"report"


class TestSpace:
    def test_a_full_disk_is_used_again_only_above_the_second_limit(self, tmp_path: Path) -> None:
        """Without the second limit, a disk at its limit would accept and refuse films in turn."""
        free = shutil.disk_usage(tmp_path).free
        modest, greedy = DiskReserve(0, 0), DiskReserve(2**60, 2**60)
        assert FileSpool(tmp_path, modest).has_space()
        assert not FileSpool(tmp_path, greedy).has_space()
        between = DiskReserve(min_free=free // 2, resume_free=2**60)
        assert not is_full(between, free, was_full=False)
        assert is_full(between, free, was_full=True)
        assert is_full(between, free // 2 - 1, was_full=False)
        assert not is_full(between, 2**60, was_full=True)

    def test_a_missing_spool_is_transient(self, tmp_path: Path) -> None:
        """An unmounted network share may be mounted again."""
        with pytest.raises(Transient, match="the spool cannot store"):
            FileSpool(tmp_path / "unmounted", DiskReserve(0, 0)).has_space()


class TestErrors:
    def test_a_film_that_vanished_is_transient(self, spool: FileSpool) -> None:
        """The sender keeps its film and sends the film again."""
        with pytest.raises(Transient, match="the spool cannot store the film: No such file"):
            spool.store_film(spool.incoming / "gone.dcm", DIGEST)

    def test_a_result_without_a_folder_is_transient(self, spool: FileSpool) -> None:
        """The analysis of the film is tried again."""
        spool.incoming.rmdir()
        with pytest.raises(Transient, match="the spool cannot store the result"):
            spool.store_result(b"report")

    def test_a_file_in_place_of_the_folder_is_misconfigured(self, tmp_path: Path) -> None:
        """The message begins with the configuration key and ends with the remedy."""
        (tmp_path / "file").write_text("")
        with pytest.raises(Misconfigured, match=r"^spool\.path: .*; name a writable folder$"):
            FileSpool(tmp_path / "file" / "spool", DiskReserve(0, 0)).prepare()

    def test_a_full_disk_leaves_no_key(
        self, spool: FileSpool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A film that the full disk did not store raises Transient and has no key."""

        def full(_descriptor: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(Transient, match="No space left"):
            spool.store_film(received(spool), DIGEST)
        with pytest.raises(Transient, match="No space left"):
            spool.store_result(b"report")
        assert list(spool.keys(FAR_AHEAD)) == []

    def test_a_full_disk_keeps_no_partial_results(
        self, spool: FileSpool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A write that fails removes its partial file, so retries do not fill the disk."""

        def full(_descriptor: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(Transient, match="No space left"):
            spool.store_result(b"report")
        assert list(spool.incoming.iterdir()) == []


class TestDamage:
    """A PACS receives a result exactly as it was built."""

    def test_an_intact_result_is_returned(self, spool: FileSpool) -> None:
        """The path of an intact result leads to the bytes that were written."""
        key = spool.store_result(b"report")
        assert spool.verified_path(key).read_bytes() == b"report"

    @pytest.mark.parametrize("bytes_now", [b"rEport", b"repor", b""])
    def test_a_damaged_result_is_reported(self, spool: FileSpool, bytes_now: bytes) -> None:
        """A changed byte or a truncated file is an error that names the remedy."""
        key = spool.store_result(b"report")
        spool.path(key).write_bytes(bytes_now)
        with pytest.raises(Permanent, match=r"damaged.*jobs reanalyse"):
            spool.verified_path(key)

    def test_a_missing_result_is_reported(self, spool: FileSpool) -> None:
        """A deleted file is an error that names the remedy."""
        key = spool.store_result(b"report")
        spool.remove(key)
        with pytest.raises(Permanent, match=r"missing.*jobs reanalyse"):
            spool.verified_path(key)


class TestDurability:
    """Only a power cut proves durability, so these tests check the order of the system calls."""

    @pytest.fixture
    def calls(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, Path]]]:
        """Return a list of the syncs and renames, each with its file or folder."""
        calls: list[tuple[str, Path]] = []
        fsync, rename = os.fsync, os.replace

        def synced(descriptor: int) -> None:
            calls.append(("sync", Path(f"/proc/self/fd/{descriptor}").readlink()))
            fsync(descriptor)

        def renamed(source: Path, target: Path) -> None:
            calls.append(("rename", Path(target)))
            rename(source, target)

        monkeypatch.setattr(os, "fsync", synced)
        monkeypatch.setattr(os, "replace", renamed)
        yield calls

    def test_bytes_then_name_then_folder(
        self, spool: FileSpool, calls: list[tuple[str, Path]]
    ) -> None:
        """After a power cut, every file that has its final name also has its content."""
        source = received(spool)
        path = spool.path(spool.store_film(source, DIGEST))
        assert calls[-3:] == [("sync", source), ("rename", path), ("sync", path.parent)]

    def test_new_folders_are_synced_before_they_are_used(
        self, spool: FileSpool, calls: list[tuple[str, Path]]
    ) -> None:
        """The first film of a kind creates folders, whose names must be durable as well."""
        path = spool.path(spool.store_film(received(spool), DIGEST))
        before = calls[: calls.index(("rename", path))]
        assert ("sync", path.parents[1]) in before
        assert ("sync", path.parents[2]) in before

    def test_a_result_is_written_the_same_way(
        self, spool: FileSpool, calls: list[tuple[str, Path]]
    ) -> None:
        """The result is written to a temporary file in `incoming`, synced, and then renamed."""
        path = spool.path(spool.store_result(b"report"))
        call, temporary = calls[-3]
        assert (call, temporary.parent) == ("sync", spool.incoming)
        assert calls[-2:] == [("rename", path), ("sync", path.parent)]


class TestMaintenance:
    def test_keys_are_those_untouched_for_long_enough(self, spool: FileSpool) -> None:
        """A film that was stored a moment ago may not yet have a row in the job table."""
        keys = {spool.store_film(received(spool), DIGEST), spool.store_result(b"report")}
        assert set(spool.keys(FAR_AHEAD)) == keys
        assert list(spool.keys(LONG_AGO)) == []
        os.utime(spool.path(KEY), (100.0, 100.0))
        assert list(spool.keys(101.0)) == [KEY]

    def test_foreign_files_have_no_key(self, spool: FileSpool) -> None:
        """An administrator's notes in the spool are neither listed nor purged."""
        folder = spool.incoming.parent / "films" / "ab"
        folder.mkdir(parents=True)
        (folder / "notes.dcm").write_text("")
        (folder / f"{DIGEST}.txt").write_text("")
        received(spool)
        assert list(spool.keys(FAR_AHEAD)) == []

    def test_removing_can_be_repeated(self, spool: FileSpool) -> None:
        """An interrupted purge starts from the beginning."""
        key = spool.store_result(b"report")
        spool.remove(key)
        spool.remove(key)
        assert files(spool) == []

    def test_only_stale_transfers_are_swept(self, spool: FileSpool) -> None:
        """A running transfer and every file with a key are kept."""
        key = spool.store_result(b"report")
        stale, fresh = spool.incoming / "stale.dcm", received(spool)
        stale.write_bytes(b"half")
        os.utime(stale, (100.0, 100.0))
        assert spool.sweep_incoming(101.0) == 1
        assert files(spool) == sorted([key, f"incoming/{fresh.name}"])
        assert spool.sweep_incoming(101.0) == 0
