"""The judges of our objects, and the exact list of what they may remark."""

import re
import subprocess
from pathlib import Path

import pydicom

from node.results.encode import to_bytes

# Each is a remark on a fact that is as it should be; none is on a value that we chose wrongly.
ALLOWED = (
    # dciodvfy's standard is older than Device UID in Contributing Equipment (IHE AI Results).
    r"Attribute is not present in standard DICOM IOD - \(0x0018,0x1002\) UI Device UID",
    r"Dicom dataset contains attributes not present in standard DICOM IOD - this is a Standard"
    r" Extended SOP Class",
    # A private scheme is unknown by nature; the report declares it.
    r"Unrecognized defined term <99OSTEO> for value 1 of attribute <Coding Scheme Designator>",
    # What the film does not state, the result cannot.
    r"Missing attribute or value that would be needed to build DICOMDIR -"
    r" (Study (Date|Time|ID)|Patient ID)",
    r"Value dubious for this VR - \(0x0010,0x0010\) PN Patient's Name .*"
    r" - Retired Person Name form",
    r"Value dubious for this VR - \(0x0008,0x0090\) PN Referring Physician's Name .*"
    r" - Retired Person Name form",
)
_IOD_NAMES = {"BasicTextSR", "Comprehensive3DSR", "ComprehensiveSR", "SCImage"}
_ALLOWED = re.compile("|".join(f"(?:Warning - {text})" for text in ALLOWED))


def remarks(ds: pydicom.Dataset, folder: Path) -> list[str]:
    """Return what dciodvfy says of an object beyond the allowed warnings, errors included."""
    path = folder / f"{ds.SOPInstanceUID}.dcm"
    path.write_bytes(to_bytes(ds))
    return remarks_on(path)


def remarks_on(path: Path) -> list[str]:
    """Return what dciodvfy says of a file beyond the allowed warnings, errors included."""
    ran = subprocess.run(["dciodvfy", path], capture_output=True, check=False)
    lines = (ran.stdout + ran.stderr).decode("utf-8", "replace").splitlines()
    return [
        line
        for line in (line.strip() for line in lines)
        if line and line not in _IOD_NAMES and not _ALLOWED.fullmatch(line)
    ]


def dumped(ds: pydicom.Dataset, folder: Path) -> str:
    """Return the report as dsrdump prints it in full; fails where it cannot be read."""
    path = folder / f"{ds.SOPInstanceUID}.dcm"
    path.write_bytes(to_bytes(ds))
    command = ["dsrdump", "+Pl", "+U8", path]
    ran = subprocess.run(command, capture_output=True, check=False)
    complaints = [
        line
        for line in ran.stderr.decode("utf-8", "replace").splitlines()
        if line and "VR checker does not support this Specific Character Set" not in line
    ]
    assert (ran.returncode, complaints) == (0, [])
    return ran.stdout.decode()
