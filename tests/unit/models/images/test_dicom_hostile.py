"""Every header, even a hostile one, gives a film in 0..1 or a PixelError."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

from models.images.dicom import PixelError, read_radiograph

STORED = np.random.default_rng(0).integers(0, 4096, (24, 20)).astype(np.uint16)

KEYWORDS = [
    "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated",
    "BitsStored", "HighBit", "PixelRepresentation", "NumberOfFrames", "WindowCenter",
    "WindowWidth", "VOILUTFunction", "RescaleSlope", "RescaleIntercept", "PixelPaddingValue",
    "PixelPaddingRangeLimit", "PixelSpacing", "ImagerPixelSpacing", "PixelAspectRatio",
    "PresentationLUTShape", "PlanarConfiguration",
]  # fmt: skip

VALUES = [
    None, [], "", 0, 1, -1, 3, 8, 65535, 2**31 - 1, "0", "nan", "inf", "-1e308", "1e308", "x",
    b"\x00\xff", ["1", "2"], ["nan", "0"], [0, 0], "MONOCHROME1", "RGB", "YBR_FULL", "INVERSE",
    "SIGMOID", "LINEAR_EXACT",
]  # fmt: skip


@st.composite
def _tables(draw: st.DrawFn) -> list[Dataset]:
    item = Dataset()
    descriptor = draw(st.sampled_from([[4, 0, 12], [0, 0, 16], [4, 65535, 8], [1, 0, 0], [4], []]))
    item.add_new("LUTDescriptor", "US", descriptor)
    data = draw(st.sampled_from([[1, 2, 3, 4], [5], [], b"abcdefgh", b"abc", b""]))
    item.add_new("LUTData", "OW" if isinstance(data, bytes) else "US", data)
    return [item]


@settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    attributes=st.dictionaries(st.sampled_from(KEYWORDS), st.sampled_from(VALUES), max_size=3),
    tables=st.dictionaries(
        st.sampled_from(["VOILUTSequence", "ModalityLUTSequence"]), _tables(), max_size=2
    ),
    length=st.one_of(st.none(), st.integers(0, 960)),
)
def test_hostile_headers_give_a_film_or_a_pixel_error(
    make_ds: Callable[..., Dataset],
    attributes: dict[str, Any],
    tables: dict[str, list[Dataset]],
    length: int | None,
) -> None:
    ds = make_ds(STORED)
    ds.PixelData = ds.PixelData[:length]
    for keyword, value in (attributes | tables).items():
        try:
            with pydicom.config.disable_value_validation():
                setattr(ds, keyword, value)
        except (OverflowError, TypeError, ValueError):
            continue
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            film = read_radiograph(ds)
        except PixelError as refusal:
            assert "\n" not in str(refusal)
            return
    assert film.pixels.dtype == np.float32
    assert film.pixels.ndim == 2
    assert 0.0 <= film.pixels.min() < film.pixels.max() <= 1.0
    assert 0.2 <= film.aspect <= 5.0


def test_a_film_of_two_transfer_syntaxes_is_refused(make_ds: Callable[..., Dataset]) -> None:
    """The error message is complete although the transfer syntax has no name."""
    ds = make_ds(STORED)
    ds.file_meta.add_new(0x00020010, "UI", [ExplicitVRLittleEndian, RLELossless])
    with pytest.raises(PixelError, match="do not decode from an unknown transfer syntax"):
        read_radiograph(ds)
