"""Real films of several vendors and encodings are decoded upright and with bright bone."""

from pathlib import Path

import numpy as np
import pydicom
import pytest

from models.images.dicom import PixelError, read_radiograph
from models.images.preprocess import prepare
from models.images.radiograph import Radiograph

pytestmark = pytest.mark.shared_data


def _read(folder: Path, name: str) -> Radiograph:
    return read_radiograph(pydicom.dcmread(folder / "dicom" / name))


@pytest.mark.parametrize(
    "name",
    ["CR_siim_nih_PA_62M", "RG1_J2KR", "RG1_JLSN", "RG1_UNCR", "udacity_test1", "udacity_test4"],
)
def test_chest_films_have_dark_lungs_and_a_bright_mediastinum(shared_data: Path, name: str) -> None:
    film = _read(shared_data, f"chest/{name}.dcm")
    rows, columns = film.pixels.shape
    upper = film.pixels[int(rows * 0.3) : int(rows * 0.5)]
    left, right = (slice(int(columns * a), int(columns * (a + 0.13))) for a in (0.22, 0.65))
    lungs = np.concatenate([upper[:, left], upper[:, right]], axis=1)
    middle = slice(int(columns * 0.46), int(columns * 0.54))
    assert np.median(lungs) < np.median(upper[:, middle]) - 0.05
    assert film.aspect == 1.0
    assert prepare(film, 192).array.std() > 0.5


def test_three_encodings_give_the_same_film(shared_data: Path) -> None:
    plain = _read(shared_data, "chest/RG1_UNCR.dcm").pixels
    assert np.array_equal(_read(shared_data, "chest/RG1_J2KR.dcm").pixels, plain)
    assert np.abs(_read(shared_data, "chest/RG1_JLSN.dcm").pixels - plain).max() < 0.005


@pytest.mark.parametrize("name", ["chrJapMulti", "chrKoreanMulti"])
def test_a_header_without_pixels_is_refused(shared_data: Path, name: str) -> None:
    with pytest.raises(PixelError, match="Pixel Data"):
        _read(shared_data, f"headers/{name}.dcm")


def test_twelve_bit_jpeg_without_a_decoder_is_refused_with_the_remedy(
    shared_data: Path,
) -> None:
    with pytest.raises(PixelError, match=r"JPEG Extended.*Explicit VR Little Endian"):
        _read(shared_data, "other/RG3_JPLY.dcm")
