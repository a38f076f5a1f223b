"""Programs that are not ours, and what each says of an object; silence is consent."""

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.peers.programs import find, require
from tests.support.validators import remarks_on
from tests.validators.pixelmed import dicom_sr_validator

_UNSUPPORTED_CHARSET = "VR checker does not support this Specific Character Set"

Judge = Callable[[Path], list[str]]


def dsrdump(path: Path) -> list[str]:
    """What dsrdump complains of, having printed the whole document."""
    return _complaints("dsrdump", "+Pl", "+U8", str(path))


def dsr2html(path: Path) -> list[str]:
    """What dsr2html complains of, having rendered the document as a page of HTML 4.01."""
    return _complaints("dsr2html", "+U8", str(path), str(path.with_suffix(".html")))


DOCUMENT_JUDGES: Mapping[str, Judge] = {
    "dciodvfy": remarks_on,
    "dsrdump": dsrdump,
    "dsr2html": dsr2html,
    "DicomSRValidator": dicom_sr_validator,
}
IMAGE_JUDGES: Mapping[str, Judge] = {"dciodvfy": remarks_on}


def _complaints(program: str, *arguments: str) -> list[str]:
    require(program)
    ran = subprocess.run([str(find(program)), *arguments], capture_output=True, check=False)
    said = [
        line
        for line in ran.stderr.decode("utf-8", "replace").splitlines()
        if line and _UNSUPPORTED_CHARSET not in line
    ]
    return said if ran.returncode == 0 else [*said, f"{program} ended with {ran.returncode}"]
