"""Films as hospitals have them, one for each thing that can be odd about one.

Each is a DICOM file made from the film that the product ships: its pixels stored another way, its
header poorer, another finding made of it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.uid import JPEG2000

from node.demo.run import SHIPPED_FILM
from node.domain.admission.reasons import AdmissionNote
from node.domain.decision.prediction import ScoreKind
from tests.support.films import set_pixels
from tests.validators.said import NEAR, NEGATIVE, Said, unscored_cases

Pixels = np.ndarray
Change = Callable[[Dataset], None]


@dataclass(frozen=True)
class Film:
    """A film and what is said of it; `change` alters the shipped one's data set."""

    title: str
    change: Change = field(default=lambda ds: None)
    said: Said = field(default_factory=Said)


def films() -> list[Film]:
    """Return every film: what is said, how pixels are stored, how poor a header is."""
    unscored = [Film(title, said=said) for title, said in unscored_cases()]
    return [*_findings(), *_policies(), *unscored, *_pixels(), *_headers()]


def _findings() -> list[Film]:
    alone = _without("PatientSize", "PatientWeight")
    return [
        Film("positive, image alone", alone),
        Film("negative, image alone", alone, Said(NEGATIVE)),
        Film("no score", said=Said(None)),
        Film("positive, with a clinical score"),
        Film("positive, by clinical facts alone", said=Said(used=ScoreKind.CLINICAL)),
        Film("positive, combined", said=Said(used=ScoreKind.COMBINED)),
        Film("negative, combined", said=Said(NEGATIVE, used=ScoreKind.COMBINED)),
    ]


def _policies() -> list[Film]:
    return [
        Film("too close to the threshold", said=Said(NEAR, abstain=0.5)),
        Film("positive, known from an earlier film", said=Said(earlier=True)),
        Film("negative, after a positive film", said=Said(NEGATIVE, earlier=True)),
        Film("positive, as by another model before", said=Said(earlier=True, comparable=False)),
        Film("admitted with every note there is", said=Said(notes=tuple(AdmissionNote))),
    ]


def _pixels() -> list[Film]:
    return [
        Film("MONOCHROME1", _monochrome1),
        *(Film(f"{bits} bits", _stored(bits)) for bits in (8, 10, 12, 14, 15, 16)),
        Film("JPEG 2000 with loss", _lossy),
        Film("said to have been lossy", _said_lossy),
        Film("padding around the film", _padded),
        Film("lying", _resized(900, 1400)),
        Film("odd sides", _resized(1401, 1287)),
        Film("tiny: 256 x 256", _resized(256, 256)),
        Film("huge: 10,000 x 10,000", _resized(10_000, 10_000)),
    ]


def _headers() -> list[Film]:
    poor = (
        "StudyID",
        "AccessionNumber",
        "PatientOrientation",
        "ImagerPixelSpacing",
        "PixelSpacing",
        "Manufacturer",
    )
    each = [Film(f"no {keyword}", _without(keyword)) for keyword in poor]
    bare = (*poor, "PatientBirthDate", "PatientSex", "PatientID", "StudyDate", "StudyTime")
    return [*each, Film("none of these, no patient, no date", _without(*bare))]


def _without(*keywords: str) -> Change:
    def change(ds: Dataset) -> None:
        for keyword in keywords:
            if keyword in ds:
                delattr(ds, keyword)

    return change


def _monochrome1(ds: Dataset) -> None:
    _store(ds, 1 - _shipped(), 12)
    ds.PhotometricInterpretation = "MONOCHROME1"


def _stored(bits: int) -> Change:
    return lambda ds: _store(ds, _shipped(), bits)


def _resized(rows: int, columns: int) -> Change:
    def change(ds: Dataset) -> None:
        film = Image.fromarray((_shipped() * 255).astype(np.uint8)).resize((columns, rows))
        _store(ds, np.asarray(film) / 255, 8)

    return change


def _padded(ds: Dataset) -> None:
    film = np.pad(_shipped(), 150)
    _store(ds, film, 12)
    ds.add_new("PixelPaddingValue", "US", 0)


def _lossy(ds: Dataset) -> None:
    _store(ds, _shipped(), 12)
    ds.compress(JPEG2000, j2k_cr=[10], generate_instance_uid=False)


def _said_lossy(ds: Dataset) -> None:
    ds.LossyImageCompression, ds.LossyImageCompressionRatio = "01", "12.5"
    ds.LossyImageCompressionMethod = "ISO_10918_1"


@cache
def _shipped() -> Pixels:
    """The shipped film's pixels, 0 to 1 as they are displayed in MONOCHROME2."""
    ds = dcmread(SHIPPED_FILM)
    pixels = ds.pixel_array.astype(np.float64)
    pixels = (pixels - pixels.min()) / np.ptp(pixels)
    return 1 - pixels if ds.PhotometricInterpretation == "MONOCHROME1" else pixels


def _store(ds: Dataset, film: Pixels, bits: int) -> None:
    """Put pixels into a data set in so many bits, and take away what no longer fits them."""
    _without("WindowCenter", "WindowWidth", "VOILUTSequence", "SmallestImagePixelValue")(ds)
    _without("LargestImagePixelValue", "PixelAspectRatio")(ds)
    kind = np.uint8 if bits <= 8 else np.uint16
    set_pixels(ds, np.round(film * (2**bits - 1)).astype(kind))
    ds.BitsStored, ds.HighBit = bits, bits - 1
