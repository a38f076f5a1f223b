"""The analyst's decoders are processes of their own: what a film does to one, others never feel."""

import resource
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from models.images.radiograph import Radiograph
from node.domain.errors import Permanent, Rejected, Transient
from node.inference.decoder import decode
from node.inference.decoder_pool import Decoders
from tests.support.readers import crash_on_bad_names
from tests.support.wire_films import film, write


def allocate_too_much(path: Path) -> Radiograph:
    """Ask for more memory than any film needs, as a header that lies makes a codec do."""
    assert resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY
    return Radiograph(pixels=np.ones((2**20, 2**15), np.float32), aspect=1.0)


def test_pixels_are_the_same_as_at_home(tmp_path: Path) -> None:
    """One way to decode, wherever it runs."""
    path = write(film(), tmp_path / "film.dcm")
    with Decoders(1) as decoders:
        apart = decoders.decode(path)
    at_home = decode(path)
    assert np.array_equal(apart.pixels, at_home.pixels)
    assert apart.aspect == at_home.aspect


@pytest.mark.parametrize(
    ("name", "says"),
    [("segfault", r"crashed \(SIGSEGV\)"), ("exit", r"crashed \(exit status 3\)")],
)
def test_a_crash_is_tried_again_and_costs_no_other_film(
    tmp_path: Path, name: str, says: str
) -> None:
    """Transient: attempts are counted, so that it ends FAILED and not in a circle."""
    bad = write(film(), tmp_path / f"{name}.dcm")
    good = write(film(), tmp_path / "good.dcm")
    with Decoders(2, crash_on_bad_names) as decoders, ThreadPoolExecutor(6) as threads:
        asked = [threads.submit(decoders.decode, path) for path in [bad, good] * 3]
        for crashed in asked[::2]:
            with pytest.raises(Transient, match=rf"^the decoder {says} on this film$"):
                crashed.result()
        assert [one.result().pixels.shape for one in asked[1::2]] == [(256, 256)] * 3


def test_a_decoder_that_hangs_is_replaced(tmp_path: Path) -> None:
    """After its patience; the next film is decoded."""
    with Decoders(1, crash_on_bad_names, patience=8.0) as decoders:
        with pytest.raises(Transient, match=r"took longer than 8 s on this film"):
            decoders.decode(write(film(), tmp_path / "hang.dcm"))
        assert decoders.decode(write(film(), tmp_path / "good.dcm")).pixels.shape == (256, 256)


def test_what_a_film_asks_for_is_bounded(tmp_path: Path) -> None:
    """128 GiB: the process would take the machine down with it."""
    with (
        Decoders(1, allocate_too_much) as decoders,
        pytest.raises(Transient, match=r"unforeseen \w*MemoryError at "),
    ):
        decoders.decode(write(film(), tmp_path / "film.dcm"))


def test_errors_arrive_as_they_were_raised(tmp_path: Path) -> None:
    """What policy rejects stays rejected; what nobody foresaw tells its place, not its message."""
    broken = tmp_path / "broken.dcm"
    broken.write_bytes(b"no DICOM")
    dark = write(film(PhotometricInterpretation="PALETTE COLOR"), tmp_path / "dark.dcm")
    with Decoders(1, crash_on_bad_names) as decoders:
        with pytest.raises(Permanent, match="it is no DICOM file"):
            decoders.decode(broken)
        with pytest.raises(Rejected) as caught:
            decoders.decode(dark)
        assert caught.value.reason == "pixels"
        with pytest.raises(Transient, match=r"^unforeseen ZeroDivisionError at .*readers\.py:\d+$"):
            decoders.decode(write(film(), tmp_path / "bug.dcm"))
