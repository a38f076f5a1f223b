"""A file that crashes or hangs its process affects no other file."""

import time
from pathlib import Path

from node.batch.reader import DecodedFilm, UnreadableFile
from node.batch.reader_pool import ReaderPool
from tests.support.films import make_film, write_film
from tests.support.readers import reader


def test_a_crash_affects_one_file_only(tmp_path: Path) -> None:
    """The other files are decoded, and the result of the crashed file names the signal."""
    names = ["1", "2-segfault", "3", "4-exit", "5"]
    paths = [write_film(make_film(), tmp_path / f"{name}.dcm") for name in names]
    with ReaderPool(reader(), workers=1) as readers:
        contents = [future.result() for future in [readers.submit(path, "") for path in paths]]
    assert [type(content) for content in contents] == [
        DecodedFilm,
        UnreadableFile,
        DecodedFilm,
        UnreadableFile,
        DecodedFilm,
    ]
    assert contents[1] == UnreadableFile("the decoder crashed (SIGSEGV) on this film")
    assert contents[3] == UnreadableFile("the decoder crashed (exit status 3) on this film")


def test_a_process_that_hangs_is_replaced_after_the_time_limit(tmp_path: Path) -> None:
    with ReaderPool(reader(), workers=1, time_limit=8.0) as readers:
        hanging = readers.submit(write_film(make_film(), tmp_path / "hang.dcm"), "")
        intact = readers.submit(write_film(make_film(), tmp_path / "sound.dcm"), "")
        assert hanging.result() == UnreadableFile("the decoder took longer than 8 s on this film")
        assert isinstance(intact.result(), DecodedFilm)


def test_closing_the_pool_does_not_wait_for_files(tmp_path: Path) -> None:
    with ReaderPool(reader(), workers=1) as readers:
        readers.submit(write_film(make_film(), tmp_path / "sound.dcm"), "").result()
        for _ in range(3):
            readers.submit(write_film(make_film(), tmp_path / "hang.dcm"), "")
        began = time.monotonic()
    assert time.monotonic() - began < 10
