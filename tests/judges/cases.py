"""Films as hospitals have them, one for each thing that can be odd about one.

Each is a DICOM file made from the film that the product ships: its pixels stored another way, its
header poorer, its texts in another character set.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.uid import JPEG2000, ExplicitVRLittleEndian

from node.demo.run import SHIPPED_FILM
from node.domain.prediction import Finding, Used
from node.results.language.languages import Language

Pixels = np.ndarray
Change = Callable[[Dataset], None]

_NAME = "Name^Test"


@dataclass(frozen=True)
class Case:
    """One film and what is made of it.

    `change` alters the data set; `name` are the bytes of the patient's name, in `charset`.
    """

    title: str
    change: Change = field(default=lambda ds: None)
    name: bytes = _NAME.encode()
    shown: str = _NAME
    assume_charset: str = ""
    finding: Finding = Finding.PRESENT
    used: Used = Used.IMAGE
    language: Language = Language.ENGLISH

    def write(self, path: Path) -> Path:
        """Write the film."""
        ds = dcmread(SHIPPED_FILM)
        ds.decompress()
        mark = "N" * len(self.name)
        ds.PatientName = mark
        self.change(ds)
        ds.save_as(path, enforce_file_format=True)
        content = path.read_bytes()
        assert content.count(mark.encode()) == 1
        path.write_bytes(content.replace(mark.encode(), self.name))
        return path


def cases() -> list[Case]:
    """Return the whole matrix: what is found, how films are stored, headers, character sets."""
    english = [*_findings(), *_pixels(), *_headers(), *_charsets()]
    chinese = [replace(one, language=Language.CHINESE) for one in [*_findings(), *_charsets()]]
    return [*english, *chinese]


def _findings() -> list[Case]:
    return [
        Case("positive, image alone"),
        Case("negative, image alone", finding=Finding.ABSENT),
        Case("undetermined", finding=Finding.UNDETERMINED),
        Case("positive, with a clinical score", _facts, used=Used.CLINICAL),
        Case("positive, combined", _facts, used=Used.COMBINED),
        Case("negative, combined", _facts, finding=Finding.ABSENT, used=Used.COMBINED),
    ]


def _pixels() -> list[Case]:
    return [
        Case("MONOCHROME1", _monochrome1),
        *(Case(f"{bits} bits", _stored(bits)) for bits in (8, 10, 12, 14, 15, 16)),
        Case("JPEG 2000 with loss", _lossy),
        Case("said to have been lossy", _said_lossy),
        Case("padding around the film", _padded),
        Case("lying", _resized(900, 1400)),
        Case("odd sides", _resized(1401, 1287)),
        Case("tiny: 256 x 256", _resized(256, 256)),
        Case("huge: 10,000 x 10,000", _resized(10_000, 10_000)),
    ]


def _headers() -> list[Case]:
    poor = (
        "StudyID",
        "AccessionNumber",
        "PatientOrientation",
        "ImagerPixelSpacing",
        "PixelSpacing",
        "Manufacturer",
    )
    each = [Case(f"no {keyword}", _without(keyword)) for keyword in poor]
    bare = (*poor, "PatientBirthDate", "PatientSex", "PatientID", "StudyDate", "StudyTime")
    return [*each, Case("none of these, no patient, no date", _without(*bare))]


def _charsets() -> list[Case]:
    chinese, korean, japanese = "王^小东", "홍^길동", "山田^太郎"
    escaped = b"Wang^XiaoDong=\x1b$)A\xcd\xf5^\x1b$)A\xd0\xa1\xb6\xab"
    return [
        _named("GB18030", chinese.encode("gb18030"), chinese),
        _named("GBK", chinese.encode("gbk"), chinese),
        _named("\\ISO 2022 IR 58", escaped, f"Wang^XiaoDong={chinese}"),
        _named(
            "\\ISO 2022 IR 149",
            b"Hong^Gildong==" + b"\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
            f"Hong^Gildong=={korean}",
        ),
        _named(
            "\\ISO 2022 IR 87",
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B",
            f"Yamada^Tarou={japanese}",
        ),
        _named("ISO_IR 100", "Müller^Jörg".encode("latin-1"), "Müller^Jörg"),
        _named("ISO_IR 192", chinese.encode(), chinese),
        _named("", b"Doe^Jane", "Doe^Jane"),
        replace(
            _named("ISO_IR 100", chinese.encode("gb18030"), chinese),
            title="GB18030 that is said to be ISO_IR 100, assume_charset",
            assume_charset="GB18030",
        ),
    ]


def _named(charset: str, name: bytes, shown: str) -> Case:
    def change(ds: Dataset) -> None:
        ds.SpecificCharacterSet = charset.split("\\")

    return Case(charset.strip("\\") or "no character set", change, name=name, shown=shown)


def _facts(ds: Dataset) -> None:
    ds.PatientAge, ds.PatientSex, ds.PatientSize, ds.PatientWeight = "067Y", "F", "1.6", "60"


def _without(*keywords: str) -> Change:
    def change(ds: Dataset) -> None:
        for keyword in keywords:
            if keyword in ds:
                delattr(ds, keyword)

    return change


def _monochrome1(ds: Dataset) -> None:
    _store(ds, 1 - _film(), 12)
    ds.PhotometricInterpretation = "MONOCHROME1"


def _stored(bits: int) -> Change:
    return lambda ds: _store(ds, _film(), bits)


def _resized(rows: int, columns: int) -> Change:
    def change(ds: Dataset) -> None:
        film = Image.fromarray((_film() * 255).astype(np.uint8)).resize((columns, rows))
        _store(ds, np.asarray(film) / 255, 8)

    return change


def _padded(ds: Dataset) -> None:
    film = np.pad(_film(), 150)
    _store(ds, film, 12)
    ds.add_new("PixelPaddingValue", "US", 0)


def _lossy(ds: Dataset) -> None:
    _store(ds, _film(), 12)
    ds.compress(JPEG2000, j2k_cr=[10], generate_instance_uid=False)


def _said_lossy(ds: Dataset) -> None:
    ds.LossyImageCompression, ds.LossyImageCompressionRatio = "01", "12.5"
    ds.LossyImageCompressionMethod = "ISO_10918_1"


@cache
def _film() -> Pixels:
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
    stored = np.round(film * (2**bits - 1)).astype(kind)
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows, ds.Columns = stored.shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = stored.itemsize * 8, bits, bits - 1
    ds.PixelRepresentation = 0
    content = stored.tobytes()
    ds.PixelData = content + b"\x00" * (len(content) % 2)
    ds["PixelData"].VR = "OB" if bits <= 8 else "OW"
