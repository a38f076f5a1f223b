"""Programs that are not ours, and what each says of an object; silence is consent."""

import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.peers.programs import find, require
from tests.unit.results.validators import remarks_on

_PIXELMED = "/usr/share/java/pixelmed.jar"
# Without these, Java 17 refuses the validator's own XPath expressions as too large.
_LIMITS = [
    f"-Djdk.xml.{name}=0" for name in ("xpathExprGrpLimit", "xpathExprOpLimit", "xpathTotalOpLimit")
]
_GROUP = "".join(rf"/CONTAINER \({code},DCM,[^)]*\)" for code in (126000, 126010, 125007))
_CHATTER = (
    r"Found \w+ IOD",
    r"Found Root Template TID_(1500 \(MeasurementReport\)|2000 \(BasicDiagnosticImagingReport\))",
    r"Root Template Validation Complete",
    r"IOD validation complete",
    # TID 1410 is extensible, and these three are what we add to it, there and nowhere else.
    rf"Warning: [\d.]+: {_GROUP}/CODE \(64859006,SCT,.*\): Content Item not in template",
    rf"Warning: [\d.]+: {_GROUP}/CODE \(111053,DCM,.*\): Content Item not in template",
    rf"Warning: [\d.]+: {_GROUP}/TEXT \(121106,DCM,.*\): Content Item not in template",
    # A code's meaning may be in the language of the report; the validator knows English alone.
    r'Warning: .* has different code meaning \("[^"]*[\u4e00-\u9fff][^"]*"\) than .*',
)
_UNSUPPORTED_CHARSET = "VR checker does not support this Specific Character Set"

Judge = Callable[[Path], list[str]]


def dsrdump(path: Path) -> list[str]:
    """What dsrdump complains of, having printed the whole document."""
    return _complaints("dsrdump", "+Pl", "+U8", str(path))


def dsr2html(path: Path) -> list[str]:
    """What dsr2html complains of, having rendered the document as a page of HTML 4.01."""
    return _complaints("dsr2html", "+U8", str(path), str(path.with_suffix(".html")))


def dicom_sr_validator(path: Path) -> list[str]:
    """What PixelMed's validator says of IOD and templates beyond the allowed warnings."""
    require("java", "pixelmed.jar")
    command = ["java", *_LIMITS, "-cp", _PIXELMED, "com.pixelmed.validate.DicomSRValidator"]
    ran = subprocess.run([*command, str(path)], capture_output=True, text=True, check=False)
    lines = [line.strip() for line in (ran.stdout + ran.stderr).splitlines()]
    said = [one for one in lines if one and not re.fullmatch("|".join(_CHATTER), one)]
    complete = "IOD validation complete" in lines
    return said if complete else [*said, "the validator did not come to its end"]


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
