"""A film that crashes or hangs its decoder process affects no other film."""

import resource
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from models.images.radiograph import Radiograph
from node.domain.errors import Permanent, Rejected, Transient
from node.inference.decoder import decode
from node.inference.decoder_pool import DecoderPool
from tests.support.films import make_film, write_film
from tests.support.readers import crash_on_bad_names


def allocate_too_much(path: Path) -> Radiograph:
    """Allocate 128 GiB, as a codec may do for a false header."""
    assert resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY
    return Radiograph(pixels=np.ones((2**20, 2**15), np.float32), aspect=1.0)


def test_a_decoder_process_gives_the_same_pixels_as_the_decoder(tmp_path: Path) -> None:
    path = write_film(make_film(), tmp_path / "film.dcm")
    with DecoderPool(1) as decoders:
        in_process = decoders.decode(path)
    direct = decode(path)
    assert np.array_equal(in_process.pixels, direct.pixels)
    assert in_process.aspect == direct.aspect


@pytest.mark.parametrize(
    ("name", "text"),
    [("segfault", r"crashed \(SIGSEGV\)"), ("exit", r"crashed \(exit status 3\)")],
)
def test_a_crash_is_transient_and_other_films_are_decoded(
    tmp_path: Path, name: str, text: str
) -> None:
    """Attempts are counted, so a film that crashes its decoder each time ends as FAILED."""
    bad = write_film(make_film(), tmp_path / f"{name}.dcm")
    good = write_film(make_film(), tmp_path / "good.dcm")
    with DecoderPool(2, crash_on_bad_names) as decoders, ThreadPoolExecutor(6) as threads:
        films = [threads.submit(decoders.decode, path) for path in [bad, good] * 3]
        for crashed in films[::2]:
            with pytest.raises(Transient, match=rf"^the decoder {text} on this film$"):
                crashed.result()
        assert [decoded.result().pixels.shape for decoded in films[1::2]] == [(256, 256)] * 3


def test_a_process_that_hangs_is_replaced_after_the_time_limit(tmp_path: Path) -> None:
    with DecoderPool(1, crash_on_bad_names, time_limit=8.0) as decoders:
        with pytest.raises(Transient, match=r"took longer than 8 s on this film"):
            decoders.decode(write_film(make_film(), tmp_path / "hang.dcm"))
        assert decoders.decode(write_film(make_film(), tmp_path / "good.dcm")).pixels.shape == (
            256,
            256,
        )


def test_the_memory_of_a_decoder_is_limited(tmp_path: Path) -> None:
    """Without a limit, the decoder process would use up the machine's memory."""
    with (
        DecoderPool(1, allocate_too_much) as decoders,
        pytest.raises(Transient, match=r"unexpected \w*MemoryError at "),
    ):
        decoders.decode(write_film(make_film(), tmp_path / "film.dcm"))


def test_errors_keep_their_class_and_an_unexpected_error_loses_its_message(tmp_path: Path) -> None:
    """The message of an unexpected error may quote a header."""
    broken = tmp_path / "broken.dcm"
    broken.write_bytes(b"no DICOM")
    dark = write_film(make_film(PhotometricInterpretation="PALETTE COLOR"), tmp_path / "dark.dcm")
    with DecoderPool(1, crash_on_bad_names) as decoders:
        with pytest.raises(Permanent, match="not a DICOM file"):
            decoders.decode(broken)
        with pytest.raises(Rejected) as rejected:
            decoders.decode(dark)
        assert rejected.value.reason == "pixels"
        with pytest.raises(Transient, match=r"^unexpected ZeroDivisionError at .*readers\.py:\d+$"):
            decoders.decode(write_film(make_film(), tmp_path / "bug.dcm"))
