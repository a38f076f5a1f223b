"""Where the programs are that tests run against, and what happens where one is missing."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

# Which Debian package brings a program. A name that is not here is a typing error in a test,
# which would otherwise skip that test for ever.
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
# What is needed as a file, not to be run.
_FILES = {
    "wqy-microhei.ttc": Path("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc"),
    "pixelmed.jar": Path("/usr/share/java/pixelmed.jar"),
    "libOrthancDicomWeb.so": Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so"),
}
# Nothing of ours needs these two, so that CI does not insist on them either.
OPTIONAL = frozenset({"systemd-analyze", "docker"})


def find(program: str) -> Path | None:
    """Return where a program is, also in the folders that Debian keeps off the users' PATH."""
    if program in _FILES:
        return _FILES[program] if _FILES[program].is_file() else None
    versions = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name)
    )
    # PostgreSQL's own first: of these names, the PATH has a wrapper of Debian's.
    folders = [*map(str, reversed(versions)), os.environ.get("PATH", ""), "/usr/sbin"]
    found = shutil.which(program, path=os.pathsep.join(folders))
    return Path(found).resolve() if found else None


def require(*programs: str) -> None:
    """Skip the running test where a program is missing; fail it in CI, which installs them all."""
    for program in programs:
        if program not in PACKAGES:
            pytest.fail(f"tools({program!r}): not one of {', '.join(PACKAGES)}", pytrace=False)
        if find(program):
            continue
        reason = f"{program} is missing: apt-get install {PACKAGES[program]}"
        if os.environ.get("CI") == "true" and program not in OPTIONAL:
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


def run(
    program: str, *arguments: str | Path, timeout: float = 60.0
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end. Its exit status is the caller's to judge, a crash is an error."""
    require(program)
    command = [str(find(program)), *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, errors="replace", timeout=timeout, check=False
    )
    if done.returncode < 0:
        raise RuntimeError(
            f"{program} was ended by signal {-done.returncode}: {done.stderr[-800:]}"
        )
    return done
