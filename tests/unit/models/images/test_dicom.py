"""DICOM pixels are converted to the displayed film; unusable data sets are refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, JPEG2000Lossless, JPEGLSLossless, RLELossless

from models.images.dicom import PixelError, read_radiograph

RAMP = np.arange(64 * 48, dtype=np.uint16).reshape(64, 48)

Make = Callable[..., Dataset]


def _lut(first: int, bits: int, table: list[int]) -> Sequence:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(table), first, bits])
    item.add_new("LUTData", "US", table)
    return Sequence([item])


def test_the_film_is_float32_in_0_to_1_with_the_shape_of_the_image(make_ds: Make) -> None:
    film = read_radiograph(make_ds(RAMP))
    assert film.pixels.dtype == np.float32
    assert film.pixels.shape == (64, 48)
    assert film.pixels.min() == 0.0
    assert film.pixels.max() == 1.0


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGLSLossless, RLELossless])
def test_lossless_compression_does_not_change_pixels(make_ds: Make, syntax: UID) -> None:
    plain = read_radiograph(make_ds(RAMP))
    ds = make_ds(RAMP)
    ds.SOPInstanceUID = "1.2.3"
    ds.compress(syntax)
    assert np.array_equal(read_radiograph(ds).pixels, plain.pixels)


def test_linear_window_follows_the_standard(make_ds: Make) -> None:
    """By PS3.3 C.11.2.1.2.1, centre 1000.5 and width 201 convert 900 to 0 and 1100 to 1."""
    film = read_radiograph(make_ds(RAMP, WindowCenter="1000.5", WindowWidth="201")).pixels.ravel()
    assert film[900] == pytest.approx(0.0, abs=1e-6)
    assert film[1000] == pytest.approx(0.5, abs=1e-6)
    assert film[1100] == pytest.approx(1.0, abs=1e-6)
    assert film[0] == 0.0
    assert film[-1] == 1.0


def test_sigmoid_and_exact_windows_are_honoured(make_ds: Make) -> None:
    window = {"WindowCenter": "1000", "WindowWidth": "400"}
    soft = read_radiograph(make_ds(RAMP, VOILUTFunction="SIGMOID", **window)).pixels.ravel()
    assert soft[1100] == pytest.approx(1 / (1 + np.exp(-1.0)), abs=1e-5)
    hard = read_radiograph(make_ds(RAMP, VOILUTFunction="LINEAR_EXACT", **window)).pixels.ravel()
    assert hard[1100] == pytest.approx(0.75, abs=1e-5)


def test_the_first_of_several_windows_is_used(make_ds: Make) -> None:
    several = make_ds(RAMP, WindowCenter=["1000", "2000"], WindowWidth=["200", "50"])
    single = make_ds(RAMP, WindowCenter="1000", WindowWidth="200")
    assert np.array_equal(read_radiograph(several).pixels, read_radiograph(single).pixels)


def test_a_voi_lut_replaces_the_window_and_its_ends_continue(make_ds: Make) -> None:
    table = _lut(1000, 12, [0, 1000, 3000, 4095])
    ds = make_ds(RAMP, WindowCenter="10", WindowWidth="5", VOILUTSequence=table)
    film = read_radiograph(ds).pixels.ravel()
    assert film[1000] == 0.0
    assert film[1002] == pytest.approx(3000 / 4095, abs=1e-6)
    assert film[0] == 0.0
    assert film[2000] == 1.0


def test_rescale_comes_before_the_window(make_ds: Make) -> None:
    ds = make_ds(
        RAMP, RescaleSlope="2", RescaleIntercept="-1000", WindowCenter="1000.5", WindowWidth="201"
    )
    assert read_radiograph(ds).pixels.ravel()[1000] == pytest.approx(0.5, abs=1e-6)


def test_monochrome1_is_inverted_and_bone_is_bright(make_ds: Make) -> None:
    upright = read_radiograph(make_ds(RAMP)).pixels
    turned = read_radiograph(make_ds(RAMP, PhotometricInterpretation="MONOCHROME1")).pixels
    assert np.allclose(turned, 1 - upright, atol=1e-6)


def test_inverse_presentation_of_monochrome1_inverts_only_once(make_ds: Make) -> None:
    """A DX image must have Presentation LUT Shape and Photometric Interpretation."""
    ds = make_ds(RAMP, PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="INVERSE")
    upright = read_radiograph(make_ds(RAMP)).pixels
    assert np.allclose(read_radiograph(ds).pixels, 1 - upright, atol=1e-6)


def test_padding_is_black_and_does_not_change_the_range(make_ds: Make) -> None:
    stored = RAMP + 100
    stored[:, :8] = 60000
    film = read_radiograph(make_ds(stored, PixelPaddingValue=60000)).pixels
    assert (film[:, :8] == 0).all()
    assert film[:, 8:].max() > 0.99


def test_signed_values_are_read_as_signed(make_ds: Make) -> None:
    signed = (RAMP.astype(np.int32) - 1500).astype(np.int16)
    assert np.allclose(
        read_radiograph(make_ds(signed)).pixels, read_radiograph(make_ds(RAMP)).pixels
    )


def test_grey_stored_as_colour_is_grey_and_colour_is_refused(make_ds: Make) -> None:
    grey = (RAMP // 12).astype(np.uint8)
    film = read_radiograph(make_ds(np.stack([grey] * 3, axis=2))).pixels
    assert np.allclose(film, grey / 255, atol=1e-3)
    colour = np.stack([grey, grey, 255 - grey], axis=2)
    with pytest.raises(PixelError, match="colour"):
        read_radiograph(make_ds(colour))


@pytest.mark.parametrize(
    ("attributes", "aspect"),
    [
        ({"PixelSpacing": ["0.2", "0.1"]}, 2.0),
        ({"PixelSpacing": ["0.000", "0.000"]}, 1.0),
        ({"PixelSpacing": ["0", "0"], "ImagerPixelSpacing": ["0.15", "0.1"]}, 1.5),
        ({"PixelAspectRatio": [3, 2]}, 1.5),
        ({"PixelSpacing": ["1000", "0.001"]}, 1.0),
        ({}, 1.0),
    ],
)
def test_aspect_is_the_first_valid_value_of_the_header(
    make_ds: Make, attributes: dict[str, Any], aspect: float
) -> None:
    assert read_radiograph(make_ds(RAMP, **attributes)).aspect == pytest.approx(aspect)


@pytest.mark.parametrize(
    "window", [{"WindowCenter": "90000", "WindowWidth": "10"}, {"WindowWidth": "0"}]
)
def test_a_window_outside_of_the_data_is_replaced_by_the_full_range(
    make_ds: Make, window: dict[str, str]
) -> None:
    ds = make_ds(RAMP, **({"WindowCenter": "5"} | window))
    assert np.array_equal(read_radiograph(ds).pixels, read_radiograph(make_ds(RAMP)).pixels)


def test_one_hot_pixel_does_not_darken_a_film_without_window(make_ds: Make) -> None:
    stored = RAMP.copy()
    stored[5, 5] = 65535
    assert read_radiograph(make_ds(stored)).pixels.mean() > 0.4


def _truncate(ds: Dataset) -> None:
    ds.PixelData = ds.PixelData[:100]


def _no_pixels(ds: Dataset) -> None:
    del ds.PixelData


def _no_syntax(ds: Dataset) -> None:
    del ds.file_meta.TransferSyntaxUID


def _huge(ds: Dataset) -> None:
    ds.Rows = ds.Columns = 60000


def _frames(ds: Dataset) -> None:
    ds.NumberOfFrames = 2
    ds.PixelData = ds.PixelData * 2


def _garbage(ds: Dataset) -> None:
    ds.file_meta.TransferSyntaxUID = JPEG2000Lossless
    ds["PixelData"].is_undefined_length = True
    ds.PixelData = b"\xfe\xff\x00\xe0\x00\x00\x00\x00\xfe\xff\x00\xe0\x04\x00\x00\x00abcd"


def _palette(ds: Dataset) -> None:
    ds.PhotometricInterpretation = "PALETTE COLOR"


def _no_rows(ds: Dataset) -> None:
    del ds.Rows


def _infinite(ds: Dataset) -> None:
    ds.RescaleSlope, ds.RescaleIntercept = "1e308", "1e308"
    ds.PixelData = np.full((64, 48), 65535, np.uint16).tobytes()


@pytest.mark.parametrize(
    "spoil",
    [
        _truncate, _no_pixels, _no_syntax, _huge, _frames, _garbage, _palette, _no_rows, _infinite,
    ],
)  # fmt: skip
def test_unreadable_pixels_are_refused_in_one_line(
    make_ds: Make, spoil: Callable[[Dataset], None]
) -> None:
    ds = make_ds(RAMP)
    spoil(ds)
    with pytest.raises(PixelError) as refusal:
        read_radiograph(ds)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) > 20


def test_a_flat_film_is_refused(make_ds: Make) -> None:
    with pytest.raises(PixelError, match="flat"):
        read_radiograph(make_ds(np.full((64, 64), 7, np.uint16)))


def test_a_film_that_is_all_padding_is_refused(make_ds: Make) -> None:
    with pytest.raises(PixelError, match="padding"):
        read_radiograph(make_ds(np.full((64, 64), 7, np.uint16), PixelPaddingValue=7))


@pytest.mark.parametrize("table", [[], [5]])
def test_a_damaged_voi_lut_is_ignored(make_ds: Make, table: list[int]) -> None:
    ds = make_ds(RAMP, VOILUTSequence=_lut(0, 12, table))
    assert np.array_equal(read_radiograph(ds).pixels, read_radiograph(make_ds(RAMP)).pixels)
