"""Decoding in other processes: what goes wrong there stays there."""

import time
from pathlib import Path

from node.batch.reader import Decoded, Unread
from node.batch.reader_pool import ReaderPool
from tests.support.readers import reader
from tests.support.wire_films import film, write


def test_a_crash_costs_its_film_alone(tmp_path: Path) -> None:
    """The films before and behind it are decoded, and its row says what happened."""
    names = ["1", "2-segfault", "3", "4-exit", "5"]
    paths = [write(film(), tmp_path / f"{name}.dcm") for name in names]
    with ReaderPool(reader(), workers=1) as decoders:
        readings = [future.result() for future in [decoders.submit(p, "") for p in paths]]
    assert [type(one) for one in readings] == [Decoded, Unread, Decoded, Unread, Decoded]
    assert readings[1] == Unread("the decoder crashed (SIGSEGV) on this film")
    assert readings[3] == Unread("the decoder crashed (exit status 3) on this film")


def test_a_decoder_that_hangs_is_ended(tmp_path: Path) -> None:
    """After its patience, and the next film has a process of its own."""
    with ReaderPool(reader(), workers=1, time_limit=8.0) as decoders:
        stuck = decoders.submit(write(film(), tmp_path / "hang.dcm"), "")
        sound = decoders.submit(write(film(), tmp_path / "sound.dcm"), "")
        assert stuck.result() == Unread("the decoder took longer than 8 s on this film")
        assert isinstance(sound.result(), Decoded)


def test_leaving_does_not_wait_for_a_film(tmp_path: Path) -> None:
    """Whoever stops a run wants it to stop."""
    with ReaderPool(reader(), workers=1) as decoders:
        decoders.submit(write(film(), tmp_path / "sound.dcm"), "").result()
        for _ in range(3):
            decoders.submit(write(film(), tmp_path / "hang.dcm"), "")
        began = time.monotonic()
    assert time.monotonic() - began < 10
