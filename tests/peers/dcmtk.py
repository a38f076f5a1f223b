"""Programs of DCMTK and dicom3tools are called as functions."""

import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.peers.programs import run


@dataclass(frozen=True, slots=True)
class SentFile:
    """One file of a transfer: the transfer syntax on the network, and the peer's status."""

    path: Path
    sop_instance_uid: str
    transfer_syntax_uid: str | None
    status: int | None
    """The C-STORE status; None if the file was not sent."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """The result of `dcmsend`; `sent` is empty if no association was established."""

    sent: tuple[SentFile, ...]
    log: str

    @property
    def succeeded(self) -> bool:
        """True if every file was answered 0x0000."""
        return bool(self.sent) and all(file.status == 0 for file in self.sent)


@dataclass(frozen=True, slots=True)
class IodCheck:
    """The result of `dciodvfy`: the IOD, the errors and the warnings."""

    iod: str
    errors: tuple[str, ...]
    warnings: tuple[str, ...]


def dcmsend(
    port: int,
    *files: Path,
    called_ae: str = "ANY-SCP",
    calling_ae: str = "DCMSEND",
    timeout: float = 120.0,
) -> Transfer:
    """Send files to a loopback port, each in its own transfer syntax.

    Files without a preamble and data sets without file meta information are sent too. After a
    refusal, the next file is sent.
    """
    options = ["+f", "--decompress-never", "--no-halt", "--no-uid-checks", "--verbose"]
    titles = ["--aetitle", calling_ae, "--call", called_ae]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.txt"
        options += ["--create-report-file", str(report)]
        peer = ["127.0.0.1", str(port)]
        completed = run("dcmsend", *options, *titles, *peer, *files, timeout=timeout)
        text = report.read_text(errors="replace") if report.exists() else ""
    return Transfer(sent=tuple(_parse_report(text)), log=completed.stdout + completed.stderr)


def _parse_report(report: str) -> Iterator[SentFile]:
    """Parse the report of dcmsend, which has a block of `Key : value` lines for each file."""
    for block in re.split(r"\n\s*\n", report):
        values = dict(re.findall(r"^(\w[\w .]*?) *: (.*)$", block, re.MULTILINE))
        if "Filename" not in values:
            continue
        status = re.match(r"0x[0-9a-fA-F]{4}", values.get("DIMSE Status", ""))
        network = values.get("Network Xfer", "").split(" ")[0]
        yield SentFile(
            path=Path(values["Filename"]),
            sop_instance_uid=values.get("SOP Instance", ""),
            transfer_syntax_uid=network or None,
            status=int(status.group(), 16) if status else None,
        )


def echoscu(port: int, called_ae: str = "ANY-SCP", calling_ae: str = "ECHOSCU") -> bool:
    """Return whether a loopback port answers C-ECHO with success."""
    titles = ["-aet", calling_ae, "-aec", called_ae]
    return run("echoscu", *titles, "-to", "5", "127.0.0.1", str(port)).returncode == 0


def dciodvfy(path: Path) -> IodCheck:
    """Check a file against its IOD. Raises RuntimeError if the file is not DICOM."""
    completed = run("dciodvfy", path)
    lines = [
        line.strip() for line in (completed.stderr + completed.stdout).splitlines() if line.strip()
    ]
    failures = ("Abort", "Usage", "Error - Dicom dataset read failed")
    if completed.returncode not in (0, 1) or any(line.startswith(failures) for line in lines):
        raise RuntimeError(f"dciodvfy could not read {path}: {completed.stderr[-800:]}")
    errors = tuple(line for line in lines if "Error - " in line)
    warnings = tuple(line for line in lines if "Warning - " in line and line not in errors)
    iods = [line for line in lines if line not in errors + warnings]
    return IodCheck(iod=iods[0] if iods else "", errors=errors, warnings=warnings)


def dsrdump(path: Path) -> str:
    """Return a Structured Report as text. Raises RuntimeError if the report is not valid."""
    completed = run("dsrdump", "--print-all-codes", "--print-long-values", path)
    if completed.returncode:
        raise RuntimeError(f"dsrdump refused {path}: {completed.stderr[-800:]}")
    return completed.stdout
