"""A film is the same if it is read from DICOM, PNG or JPEG."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, dcmwrite

from models.images.dicom import PixelError
from models.images.read import read_film

GREY = np.linspace(0, 255, 40 * 30).reshape(40, 30)


@pytest.mark.parametrize(
    ("name", "stored", "tolerance"),
    [
        ("film.png", GREY.astype(np.uint8), 1 / 255),
        ("film.PNG", (GREY * 257).astype(np.uint16), 1 / 65535),
        ("film.jpg", GREY.astype(np.uint8), 0.03),
        ("film.png", np.repeat(GREY[..., None], 3, axis=2).astype(np.uint8), 1 / 255),
    ],
)
def test_an_image_file_is_read_without_conversion_of_tone(
    tmp_path: Path, name: str, stored: np.ndarray, tolerance: float
) -> None:
    Image.fromarray(stored).save(tmp_path / name)
    film = read_film(tmp_path / name)
    assert film.pixels.dtype == np.float32
    assert film.aspect == 1.0
    assert np.abs(film.pixels - GREY / 255).max() <= tolerance


def test_a_dicom_file_is_read_by_the_display_pipeline(
    tmp_path: Path, make_ds: Callable[..., Dataset]
) -> None:
    ds = make_ds(GREY.astype(np.uint8), PhotometricInterpretation="MONOCHROME1")
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    dcmwrite(tmp_path / "film", ds, enforce_file_format=True)
    film = read_film(tmp_path / "film")
    assert np.abs(film.pixels - (1 - GREY / 255)).max() < 1 / 255


def test_a_colour_image_is_refused(tmp_path: Path) -> None:
    colour = np.random.default_rng(0).integers(0, 255, (20, 20, 3)).astype(np.uint8)
    Image.fromarray(colour).save(tmp_path / "film.png")
    with pytest.raises(PixelError, match="colour"):
        read_film(tmp_path / "film.png")


def test_a_truncated_or_flat_image_is_refused(tmp_path: Path) -> None:
    complete = tmp_path / "film.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8)).save(
        complete
    )
    (tmp_path / "half.png").write_bytes(complete.read_bytes()[:900])
    Image.fromarray(np.full((20, 20), 90, np.uint8)).save(tmp_path / "flat.png")
    (tmp_path / "text").write_text("no film")
    for name, word in (("half.png", "decoded"), ("flat.png", "flat"), ("text", "DICOM")):
        with pytest.raises(PixelError, match=word):
            read_film(tmp_path / name)
