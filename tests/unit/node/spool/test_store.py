"""Bytes that are there when the call returns, under names that no peer has chosen."""

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
from node.domain.hysteresis import Reserve, is_full
from node.spool.store import FileSpool

DIGEST = hashlib.sha256(b"film").hexdigest()
KEY = f"films/{DIGEST[:2]}/{DIGEST}.dcm"
LONG_AGO, FAR_AHEAD = 0.0, 1e11


@pytest.fixture
def spool(tmp_path: Path) -> FileSpool:
    """Return an empty spool."""
    made = FileSpool(tmp_path / "spool", Reserve(0, 0))
    made.prepare()
    return made


def received(spool: FileSpool, content: bytes = b"film") -> Path:
    """Return a film's file as a transfer leaves it."""
    path = spool.incoming / "tmp1.dcm"
    path.write_bytes(content)
    path.chmod(0o600)
    return path


def files(spool: FileSpool) -> list[str]:
    root = spool.incoming.parent
    return sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())


class TestNames:
    def test_a_film_is_named_by_its_digest(self, spool: FileSpool) -> None:
        """And lies there, no longer where the transfer left it."""
        assert spool.adopt(received(spool), DIGEST) == KEY
        assert spool.path(KEY).read_bytes() == b"film"
        assert files(spool) == [KEY]

    def test_a_result_is_named_by_its_bytes(self, spool: FileSpool) -> None:
        """The same result built twice is one file; another is another."""
        key = spool.write(b"report")
        digest = hashlib.sha256(b"report").hexdigest()
        assert key == f"results/{digest[:2]}/{digest}.dcm"
        assert spool.write(b"report") == key
        assert spool.write(b"heatmap") != key
        assert spool.path(key).read_bytes() == b"report"
        assert len(files(spool)) == 2

    def test_adopting_the_same_film_again_changes_nothing(self, spool: FileSpool) -> None:
        """A film sent twice has one file, at any time a whole one."""
        key = spool.adopt(received(spool), DIGEST)
        assert spool.adopt(received(spool), DIGEST) == key
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
    def test_what_is_no_key_is_no_path(self, spool: FileSpool, key: str) -> None:
        """A row that was tampered with, or emptied by retention, leads nowhere."""
        with pytest.raises(Permanent):
            spool.path(key)
        with pytest.raises(Permanent):
            spool.remove(key)

    @given(st.text())
    def test_no_text_leads_out(self, text: str) -> None:
        """Whatever the text: refused, or a path below the root that has no step upwards."""
        root = Path("/nowhere")
        try:
            found = FileSpool(root, Reserve(0, 0)).path(text)
        except Permanent:
            return
        assert found.is_relative_to(root)
        assert ".." not in found.parts


class TestModes:
    def test_nobody_else_reads_films(self, tmp_path: Path) -> None:
        """Folders are 0700 and files 0600, also where the umask would allow more."""
        old = os.umask(0)
        try:
            spool = FileSpool(tmp_path / "new" / "spool", Reserve(0, 0))
            spool.prepare()
            spool.adopt(received(spool), DIGEST)
            spool.write(b"report")
        finally:
            os.umask(old)
        root = spool.incoming.parent
        modes = {p: stat.S_IMODE(p.stat().st_mode) for p in (root, *root.rglob("*"))}
        assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
        assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}

    def test_preparing_twice_keeps_what_is_there(self, spool: FileSpool) -> None:
        """Every role prepares the spool when it starts."""
        key = spool.write(b"report")
        spool.prepare()
        assert spool.path(key).read_bytes() == b"report"


class TestRoom:
    def test_a_full_disk_is_used_again_only_with_room_to_spare(self, tmp_path: Path) -> None:
        """Else a disk at its limit would take one film and refuse the next."""
        free = shutil.disk_usage(tmp_path).free
        modest, greedy = Reserve(0, 0), Reserve(2**60, 2**60)
        assert FileSpool(tmp_path, modest).has_room()
        assert not FileSpool(tmp_path, greedy).has_room()
        between = Reserve(min_free=free // 2, resume_free=2**60)
        assert not is_full(between, free, was_full=False)
        assert is_full(between, free, was_full=True)
        assert is_full(between, free // 2 - 1, was_full=False)
        assert not is_full(between, 2**60, was_full=True)

    def test_a_spool_that_is_gone_has_no_answer(self, tmp_path: Path) -> None:
        """An unmounted share may come back: Transient."""
        with pytest.raises(Transient, match="the spool cannot keep"):
            FileSpool(tmp_path / "unmounted", Reserve(0, 0)).has_room()


class TestErrors:
    def test_a_film_that_vanished_is_transient(self, spool: FileSpool) -> None:
        """The sender keeps the film, and sends it again."""
        with pytest.raises(Transient, match="the spool cannot keep the film: No such file"):
            spool.adopt(spool.incoming / "gone.dcm", DIGEST)

    def test_a_result_without_a_folder_is_transient(self, spool: FileSpool) -> None:
        """The analysis is tried again."""
        spool.incoming.rmdir()
        with pytest.raises(Transient, match="the spool cannot keep the result"):
            spool.write(b"report")

    def test_a_place_that_is_a_file_is_misconfigured(self, tmp_path: Path) -> None:
        """The message begins with the key and ends with the remedy."""
        (tmp_path / "file").write_text("")
        with pytest.raises(Misconfigured, match=r"^spool\.path: .*; name a writable folder$"):
            FileSpool(tmp_path / "file" / "spool", Reserve(0, 0)).prepare()

    def test_a_full_disk_leaves_nothing_half_way(
        self, spool: FileSpool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Transient, and no file under a key whose bytes never reached the disk."""

        def full(_descriptor: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(Transient, match="No space left"):
            spool.adopt(received(spool), DIGEST)
        with pytest.raises(Transient, match="No space left"):
            spool.write(b"report")
        assert list(spool.keys(FAR_AHEAD)) == []

    def test_a_full_disk_keeps_no_half_results(
        self, spool: FileSpool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each is tried again, and a half one each time would fill what room is left."""

        def full(_descriptor: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(Transient, match="No space left"):
            spool.write(b"report")
        assert list(spool.incoming.iterdir()) == []


class TestDamage:
    """What goes to a PACS is what was built, to the last bit."""

    def test_intact_results_are_found(self, spool: FileSpool) -> None:
        """The path of the very bytes that were written."""
        key = spool.write(b"report")
        assert spool.intact(key).read_bytes() == b"report"

    @pytest.mark.parametrize("bytes_now", [b"rEport", b"repor", b""])
    def test_other_bytes_are_told(self, spool: FileSpool, bytes_now: bytes) -> None:
        """One flipped bit, or a lost end: damaged, and what to do."""
        key = spool.write(b"report")
        spool.path(key).write_bytes(bytes_now)
        with pytest.raises(Permanent, match=r"damaged.*jobs reanalyse"):
            spool.intact(key)

    def test_lost_bytes_are_told(self, spool: FileSpool) -> None:
        """A file that somebody deleted."""
        key = spool.write(b"report")
        spool.remove(key)
        with pytest.raises(Permanent, match=r"not there any more.*jobs reanalyse"):
            spool.intact(key)


class TestDurability:
    """Only a power cut shows it; what can be observed is the order of the system calls."""

    @pytest.fixture
    def calls(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, Path]]]:
        """Return the syncs and renames as they happen, each with what it is done to."""
        seen: list[tuple[str, Path]] = []
        fsync, rename = os.fsync, os.replace

        def synced(descriptor: int) -> None:
            seen.append(("sync", Path(f"/proc/self/fd/{descriptor}").readlink()))
            fsync(descriptor)

        def renamed(source: Path, target: Path) -> None:
            seen.append(("rename", Path(target)))
            rename(source, target)

        monkeypatch.setattr(os, "fsync", synced)
        monkeypatch.setattr(os, "replace", renamed)
        yield seen

    def test_bytes_then_name_then_folder(
        self, spool: FileSpool, calls: list[tuple[str, Path]]
    ) -> None:
        """A name never stands for bytes that a power cut could take away."""
        source = received(spool)
        place = spool.path(spool.adopt(source, DIGEST))
        assert calls[0] == ("sync", source)
        assert calls[-2:] == [("rename", place), ("sync", place.parent)]

    def test_new_folders_are_synced_before_they_are_used(
        self, spool: FileSpool, calls: list[tuple[str, Path]]
    ) -> None:
        """The first film of a kind makes folders, whose own names must be on the disk too."""
        place = spool.path(spool.adopt(received(spool), DIGEST))
        before = calls[: calls.index(("rename", place))]
        assert ("sync", place.parents[1]) in before
        assert ("sync", place.parents[2]) in before

    def test_a_result_is_written_the_same_way(
        self, spool: FileSpool, calls: list[tuple[str, Path]]
    ) -> None:
        """First under a name of its own among the transfers, synced, then renamed."""
        place = spool.path(spool.write(b"report"))
        what, first = calls[0]
        assert (what, first.parent) == ("sync", spool.incoming)
        assert calls[-2:] == [("rename", place), ("sync", place.parent)]


class TestCare:
    def test_keys_are_those_untouched_for_long_enough(self, spool: FileSpool) -> None:
        """What was adopted a moment ago may still be waiting for its row."""
        keys = {spool.adopt(received(spool), DIGEST), spool.write(b"report")}
        assert set(spool.keys(FAR_AHEAD)) == keys
        assert list(spool.keys(LONG_AGO)) == []
        os.utime(spool.path(KEY), (100.0, 100.0))
        assert list(spool.keys(101.0)) == [KEY]

    def test_what_is_not_ours_has_no_key(self, spool: FileSpool) -> None:
        """An administrator's notes in the spool are neither listed nor purged."""
        folder = spool.incoming.parent / "films" / "ab"
        folder.mkdir(parents=True)
        (folder / "notes.dcm").write_text("")
        (folder / f"{DIGEST}.txt").write_text("")
        received(spool)
        assert list(spool.keys(FAR_AHEAD)) == []

    def test_removing_is_for_good_and_can_be_repeated(self, spool: FileSpool) -> None:
        """A purge that was interrupted starts over."""
        key = spool.write(b"report")
        spool.remove(key)
        spool.remove(key)
        assert files(spool) == []

    def test_only_stale_transfers_are_swept(self, spool: FileSpool) -> None:
        """One that is under way is left alone, and so is everything that has a key."""
        key = spool.write(b"report")
        stale, fresh = spool.incoming / "stale.dcm", received(spool)
        stale.write_bytes(b"half")
        os.utime(stale, (100.0, 100.0))
        assert spool.sweep_incoming(101.0) == 1
        assert files(spool) == sorted([key, f"incoming/{fresh.name}"])
        assert spool.sweep_incoming(101.0) == 0
