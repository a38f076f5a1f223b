"""dciodvfy and DCMTK validate results, except for a list of allowed warnings."""

import re
import subprocess
from pathlib import Path

import pydicom

from node.results.encode import to_bytes
from tests.peers.programs import find

# Each allowed warning is about a correct value, or about a value that the film lacks.
ALLOWED = (
    # dciodvfy does not know Device UID in Contributing Equipment (IHE AI Results).
    r"Attribute is not present in standard DICOM IOD - \(0x0018,0x1002\) UI Device UID",
    r"Dicom dataset contains attributes not present in standard DICOM IOD - this is a Standard"
    r" Extended SOP Class",
    # The report declares this private coding scheme.
    r"Unrecognized defined term <99OSTEO> for value 1 of attribute <Coding Scheme Designator>",
    # A result cannot have a value that the film does not have.
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
    """Return the errors and the warnings of dciodvfy on an object, without allowed warnings."""
    path = folder / f"{ds.SOPInstanceUID}.dcm"
    path.write_bytes(to_bytes(ds))
    return remarks_on(path)


def remarks_on(path: Path) -> list[str]:
    """Return the errors and the warnings of dciodvfy on a file, without allowed warnings."""
    completed = subprocess.run(["dciodvfy", path], capture_output=True, check=False)
    lines = (completed.stdout + completed.stderr).decode("utf-8", "replace").splitlines()
    return [
        line
        for line in (line.strip() for line in lines)
        if line and line not in _IOD_NAMES and not _ALLOWED.fullmatch(line)
    ]


def dumped(ds: pydicom.Dataset, folder: Path) -> str:
    """Return the complete report as dsrdump prints it; fail if dsrdump has a remark."""
    path = folder / f"{ds.SOPInstanceUID}.dcm"
    path.write_bytes(to_bytes(ds))
    dcmtk, text = dcmtk_remarks("dsrdump", "+Pl", "+U8", path)
    assert dcmtk == []
    return text


def dcmtk_remarks(program: str, *arguments: str | Path) -> tuple[list[str], str]:
    """Run a DCMTK program; return its messages, and its standard output."""
    completed = subprocess.run([str(find(program)), *arguments], capture_output=True, check=False)
    messages = [
        line
        for line in completed.stderr.decode("utf-8", "replace").splitlines()
        if line and "VR checker does not support this Specific Character Set" not in line
    ]
    if completed.returncode:
        messages.append(f"{program} ended with {completed.returncode}")
    return messages, completed.stdout.decode("utf-8", "replace")
