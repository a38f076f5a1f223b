"""PixelMed's DicomSRValidator, loaded once: a program for each document would take ten seconds."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import jpype

from tests.peers.programs import find, require

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


def dicom_sr_validator(path: Path) -> list[str]:
    """What PixelMed's validator says of IOD and templates beyond the allowed warnings."""
    require("java", "pixelmed.jar")
    lines = [line.strip() for line in str(_validator().validate(str(path))).splitlines()]
    said = [one for one in lines if one and not re.fullmatch("|".join(_CHATTER), one)]
    complete = "IOD validation complete" in lines
    return said if complete else [*said, "the validator did not come to its end"]


@cache
def _validator() -> Any:
    """Return the validator, its stylesheets compiled, in this process's one virtual machine."""
    jpype.startJVM(*_LIMITS, "-XX:+UseSerialGC", classpath=[str(find("pixelmed.jar"))])
    return jpype.JClass("com.pixelmed.validate.DicomSRValidator")()
