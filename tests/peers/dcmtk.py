"""DCMTK's and dicom3tools' programs as plain functions, each with what it found."""

import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.peers.programs import run


@dataclass(frozen=True, slots=True)
class Sent:
    """One file of a transfer: what it went over the wire as, and what the peer answered."""

    path: Path
    sop_instance_uid: str
    transfer_syntax_uid: str | None
    status: int | None
    """The C-STORE status; None where the file was not sent at all."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """What `dcmsend` did: nothing in `sent` means that there was no association."""

    sent: tuple[Sent, ...]
    log: str

    @property
    def succeeded(self) -> bool:
        """Return whether every file was answered 0x0000."""
        return bool(self.sent) and all(file.status == 0 for file in self.sent)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `dciodvfy` says: the IOD that it took the file for, its errors and its warnings."""

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
    """Send files to a loopback port, each in the transfer syntax that it has.

    Files without a preamble go as well, and bare data sets without any header. A file that
    the peer refuses does not keep the others back.
    """
    options = ["+f", "--decompress-never", "--no-halt", "--no-uid-checks", "--verbose"]
    titles = ["--aetitle", calling_ae, "--call", called_ae]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.txt"
        options += ["--create-report-file", str(report)]
        peer = ["127.0.0.1", str(port)]
        done = run("dcmsend", *options, *titles, *peer, *files, timeout=timeout)
        text = report.read_text(errors="replace") if report.exists() else ""
    return Transfer(sent=tuple(_sent(text)), log=done.stdout + done.stderr)


def _sent(report: str) -> Iterator[Sent]:
    """Read the report's blocks, `Key : value` lines between blank ones, one for each file."""
    for block in re.split(r"\n\s*\n", report):
        facts = dict(re.findall(r"^(\w[\w .]*?) *: (.*)$", block, re.MULTILINE))
        if "Filename" not in facts:
            continue
        status = re.match(r"0x[0-9a-fA-F]{4}", facts.get("DIMSE Status", ""))
        network = facts.get("Network Xfer", "").split(" ")[0]
        yield Sent(
            path=Path(facts["Filename"]),
            sop_instance_uid=facts.get("SOP Instance", ""),
            transfer_syntax_uid=network or None,
            status=int(status.group(), 16) if status else None,
        )


def echoscu(port: int, called_ae: str = "ANY-SCP", calling_ae: str = "ECHOSCU") -> bool:
    """Return whether a loopback port answers C-ECHO with success."""
    done = run("echoscu", "-aet", calling_ae, "-aec", called_ae, "-to", "5", "127.0.0.1", str(port))
    return done.returncode == 0


def dciodvfy(path: Path) -> Verdict:
    """Check a file against the IOD of its SOP Class; raise for what is no DICOM file."""
    done = run("dciodvfy", path)
    lines = [line.strip() for line in (done.stderr + done.stdout).splitlines() if line.strip()]
    broken = ("Abort", "Usage", "Error - Dicom dataset read failed")
    if done.returncode not in (0, 1) or any(line.startswith(broken) for line in lines):
        raise RuntimeError(f"dciodvfy could not read {path}: {done.stderr[-800:]}")
    errors = tuple(line for line in lines if "Error - " in line)
    warnings = tuple(line for line in lines if "Warning - " in line and line not in errors)
    iods = [line for line in lines if line not in errors + warnings]
    return Verdict(iod=iods[0] if iods else "", errors=errors, warnings=warnings)


def dsrdump(path: Path) -> str:
    """Return a Structured Report as indented text; raise for what is none or breaks the rules."""
    done = run("dsrdump", "--print-all-codes", "--print-long-values", path)
    if done.returncode:
        raise RuntimeError(f"dsrdump refused {path}: {done.stderr[-800:]}")
    return done.stdout
