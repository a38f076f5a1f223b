"""Each film case is the shipped film with another outcome, pixel encoding or header."""

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
from tests.validators.outcome import NEAR_THRESHOLD, NEGATIVE, Outcome, unscored_outcomes

Pixels = np.ndarray
Change = Callable[[Dataset], None]


@dataclass(frozen=True)
class FilmCase:
    """A film and its outcome; `change` modifies the data set of the shipped film."""

    title: str
    change: Change = field(default=lambda ds: None)
    outcome: Outcome = field(default_factory=Outcome)


def film_cases() -> list[FilmCase]:
    """Return all film cases: outcomes, pixel encodings, incomplete headers."""
    unscored = [FilmCase(title, outcome=outcome) for title, outcome in unscored_outcomes()]
    return [*_findings(), *_policies(), *unscored, *_pixels(), *_headers()]


def _findings() -> list[FilmCase]:
    image_only = _without("PatientSize", "PatientWeight")
    return [
        FilmCase("positive, image score only", image_only),
        FilmCase("negative, image score only", image_only, Outcome(NEGATIVE)),
        FilmCase("no score", outcome=Outcome(None)),
        FilmCase("positive, with a clinical score"),
        FilmCase("positive by the clinical score", outcome=Outcome(score_kind=ScoreKind.CLINICAL)),
        FilmCase("positive by the combined score", outcome=Outcome(score_kind=ScoreKind.COMBINED)),
        FilmCase(
            "negative by the combined score",
            outcome=Outcome(NEGATIVE, score_kind=ScoreKind.COMBINED),
        ),
    ]


def _policies() -> list[FilmCase]:
    return [
        FilmCase("score too close to the threshold", outcome=Outcome(NEAR_THRESHOLD, abstain=0.5)),
        FilmCase("positive, reported before", outcome=Outcome(prior=True)),
        FilmCase("negative, after a positive film", outcome=Outcome(NEGATIVE, prior=True)),
        FilmCase(
            "positive, prior score of another model", outcome=Outcome(prior=True, comparable=False)
        ),
        FilmCase("admitted with every note", outcome=Outcome(notes=tuple(AdmissionNote))),
    ]


def _pixels() -> list[FilmCase]:
    return [
        FilmCase("MONOCHROME1", _invert),
        *(FilmCase(f"{bits} bits", _with_bits(bits)) for bits in (8, 10, 12, 14, 15, 16)),
        FilmCase("lossy JPEG 2000", _compress),
        FilmCase("header states lossy compression", _state_lossy),
        FilmCase("pixel padding", _pad),
        FilmCase("landscape: 900 x 1400", _resized(900, 1400)),
        FilmCase("odd size: 1401 x 1287", _resized(1401, 1287)),
        FilmCase("small: 256 x 256", _resized(256, 256)),
        FilmCase("large: 10,000 x 10,000", _resized(10_000, 10_000)),
    ]


def _headers() -> list[FilmCase]:
    optional = (
        "StudyID",
        "AccessionNumber",
        "PatientOrientation",
        "ImagerPixelSpacing",
        "PixelSpacing",
        "Manufacturer",
    )
    single = [FilmCase(f"no {keyword}", _without(keyword)) for keyword in optional]
    every = (*optional, "PatientBirthDate", "PatientSex", "PatientID", "StudyDate", "StudyTime")
    return [*single, FilmCase("none of these, no patient, no date", _without(*every))]


def _without(*keywords: str) -> Change:
    def change(ds: Dataset) -> None:
        for keyword in keywords:
            if keyword in ds:
                delattr(ds, keyword)

    return change


def _invert(ds: Dataset) -> None:
    _store(ds, 1 - _shipped(), 12)
    ds.PhotometricInterpretation = "MONOCHROME1"


def _with_bits(bits: int) -> Change:
    return lambda ds: _store(ds, _shipped(), bits)


def _resized(rows: int, columns: int) -> Change:
    def change(ds: Dataset) -> None:
        film = Image.fromarray((_shipped() * 255).astype(np.uint8)).resize((columns, rows))
        _store(ds, np.asarray(film) / 255, 8)

    return change


def _pad(ds: Dataset) -> None:
    film = np.pad(_shipped(), 150)
    _store(ds, film, 12)
    ds.add_new("PixelPaddingValue", "US", 0)


def _compress(ds: Dataset) -> None:
    _store(ds, _shipped(), 12)
    ds.compress(JPEG2000, j2k_cr=[10], generate_instance_uid=False)


def _state_lossy(ds: Dataset) -> None:
    ds.LossyImageCompression, ds.LossyImageCompressionRatio = "01", "12.5"
    ds.LossyImageCompressionMethod = "ISO_10918_1"


@cache
def _shipped() -> Pixels:
    """Return the pixels of the shipped film, 0 (black) to 1 (white)."""
    ds = dcmread(SHIPPED_FILM)
    pixels = ds.pixel_array.astype(np.float64)
    pixels = (pixels - pixels.min()) / np.ptp(pixels)
    return 1 - pixels if ds.PhotometricInterpretation == "MONOCHROME1" else pixels


def _store(ds: Dataset, film: Pixels, bits: int) -> None:
    """Store pixels with this number of bits, and remove elements that no longer apply."""
    _without("WindowCenter", "WindowWidth", "VOILUTSequence", "SmallestImagePixelValue")(ds)
    _without("LargestImagePixelValue", "PixelAspectRatio")(ds)
    dtype = np.uint8 if bits <= 8 else np.uint16
    set_pixels(ds, np.round(film * (2**bits - 1)).astype(dtype))
    ds.BitsStored, ds.HighBit = bits, bits - 1
