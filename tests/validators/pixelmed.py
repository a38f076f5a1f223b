"""PixelMed's DicomSRValidator runs in this process, because Java takes ten seconds to start."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import jpype

from tests.peers.programs import find, require

# With its default limits, Java 17 refuses the validator's XPath expressions as too large.
_LIMITS = [
    f"-Djdk.xml.{name}=0" for name in ("xpathExprGrpLimit", "xpathExprOpLimit", "xpathTotalOpLimit")
]
_GROUP = "".join(rf"/CONTAINER \({code},DCM,[^)]*\)" for code in (126000, 126010, 125007))
_ALLOWED = (
    r"Found \w+ IOD",
    r"Found Root Template TID_(1500 \(MeasurementReport\)|2000 \(BasicDiagnosticImagingReport\))",
    r"Root Template Validation Complete",
    r"IOD validation complete",
    # TID 1410 allows additional items. The report adds three items, only in the group `_GROUP`.
    rf"Warning: [\d.]+: {_GROUP}/CODE \(64859006,SCT,.*\): Content Item not in template",
    rf"Warning: [\d.]+: {_GROUP}/CODE \(111053,DCM,.*\): Content Item not in template",
    rf"Warning: [\d.]+: {_GROUP}/TEXT \(121106,DCM,.*\): Content Item not in template",
    # A code meaning may be in the language of the report, but the validator only knows English.
    r'Warning: .* has different code meaning \("[^"]*[\u4e00-\u9fff][^"]*"\) than .*',
)


def dicom_sr_validator(path: Path) -> list[str]:
    """Return the validator's remarks on IOD and templates, without the allowed remarks."""
    require("java", "pixelmed.jar")
    lines = [line.strip() for line in str(_validator().validate(str(path))).splitlines()]
    remarks = [line for line in lines if line and not re.fullmatch("|".join(_ALLOWED), line)]
    complete = "IOD validation complete" in lines
    return remarks if complete else [*remarks, "the validation did not complete"]


@cache
def _validator() -> Any:
    """Start the Java virtual machine; return the validator with compiled stylesheets."""
    jpype.startJVM(*_LIMITS, "-XX:+UseSerialGC", classpath=[str(find("pixelmed.jar"))])
    return jpype.JClass("com.pixelmed.validate.DicomSRValidator")()
