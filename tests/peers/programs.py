"""Find the programs that tests need, and skip a test if one is missing."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

# The Debian package of each program. An unknown name fails the test instead of skipping it.
PACKAGES = {
    "dcmsend": "dcmtk",
    "dcmcjpeg": "dcmtk",
    "echoscu": "dcmtk",
    "storescu": "dcmtk",
    "storescp": "dcmtk",
    "dcmdump": "dcmtk",
    "dsrdump": "dcmtk",
    "dsr2html": "dcmtk",
    "java": "default-jre-headless",
    "pixelmed.jar": "pixelmed-apps",
    "dciodvfy": "dicom3tools",
    "Orthanc": "orthanc",
    "initdb": "postgresql",
    "postgres": "postgresql",
    "pg_dump": "postgresql",
    "pg_restore": "postgresql",
    "chromium": "chromium",
    "systemd-analyze": "systemd",
    "logrotate": "logrotate",
    "docker": "docker-cli",
    "wqy-microhei.ttc": "fonts-wqy-microhei",
    "libOrthancDicomWeb.so": "orthanc-dicomweb",
}
# These entries are files, not programs.
_FILES = {
    "wqy-microhei.ttc": Path("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc"),
    "pixelmed.jar": Path("/usr/share/java/pixelmed.jar"),
    "libOrthancDicomWeb.so": Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so"),
}
# CI does not require systemd-analyze and docker.
OPTIONAL = frozenset({"systemd-analyze", "docker"})


def find(program: str) -> Path | None:
    """Return the path of a program, also outside the PATH of ordinary users."""
    if program in _FILES:
        return _FILES[program] if _FILES[program].is_file() else None
    versions = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name)
    )
    # PostgreSQL's own folders come first, because the PATH has Debian's wrappers.
    folders = [*map(str, reversed(versions)), os.environ.get("PATH", ""), "/usr/sbin"]
    path = shutil.which(program, path=os.pathsep.join(folders))
    return Path(path).resolve() if path else None


def require(*programs: str) -> None:
    """Skip the current test if a program is missing; fail in CI, which installs every program."""
    for program in programs:
        if program not in PACKAGES:
            pytest.fail(
                f"tools({program!r}): unknown; known are {', '.join(PACKAGES)}", pytrace=False
            )
        if find(program):
            continue
        reason = f"{program} is missing: apt-get install {PACKAGES[program]}"
        if os.environ.get("CI") == "true" and program not in OPTIONAL:
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


def run(
    program: str, *arguments: str | Path, timeout: float = 60.0
) -> subprocess.CompletedProcess[str]:
    """Run a program and return its result, whatever the exit status.

    Raises RuntimeError if a signal ended the program.
    """
    require(program)
    command = [str(find(program)), *map(str, arguments)]
    completed = subprocess.run(
        command, capture_output=True, text=True, errors="replace", timeout=timeout, check=False
    )
    if completed.returncode < 0:
        raise RuntimeError(
            f"{program} was ended by signal {-completed.returncode}: {completed.stderr[-800:]}"
        )
    return completed
