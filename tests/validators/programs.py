"""The validators are independent programs; a file without remarks is valid."""

from collections.abc import Callable, Mapping
from pathlib import Path

from tests.peers.programs import require
from tests.support.validators import dcmtk_remarks, remarks_on
from tests.validators.pixelmed import dicom_sr_validator

Validator = Callable[[Path], list[str]]


def dsrdump(path: Path) -> list[str]:
    """Return the remarks of dsrdump, which prints the whole document."""
    require("dsrdump")
    return dcmtk_remarks("dsrdump", "+Pl", "+U8", path)[0]


def dsr2html(path: Path) -> list[str]:
    """Return the remarks of dsr2html, which renders the document as HTML 4.01."""
    require("dsr2html")
    return dcmtk_remarks("dsr2html", "+U8", path, path.with_suffix(".html"))[0]


DOCUMENT_VALIDATORS: Mapping[str, Validator] = {
    "dciodvfy": remarks_on,
    "dsrdump": dsrdump,
    "dsr2html": dsr2html,
    "DicomSRValidator": dicom_sr_validator,
}
IMAGE_VALIDATORS: Mapping[str, Validator] = {"dciodvfy": remarks_on}
