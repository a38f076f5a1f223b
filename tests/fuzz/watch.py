"""What a process holds, as the kernel tells it."""

from dataclasses import dataclass
from pathlib import Path

MIB = 1024.0


@dataclass(frozen=True)
class Held:
    """Memory in MiB, open descriptors, threads."""

    memory: float
    descriptors: int
    threads: int


def held_by(pid: int | str = "self") -> Held:
    """Return what a process holds now."""
    status = _status(pid)
    descriptors = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return Held(_number(status["VmRSS"]) / MIB, descriptors, int(_number(status["Threads"])))


def peak_of(pid: int | str = "self") -> float:
    """Return the most memory, in MiB, that a process has held since `forget_peak`."""
    return _number(_status(pid)["VmHWM"]) / MIB


def forget_peak() -> None:
    """Have the kernel measure this process's peak anew (proc(5), clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5")


def _status(pid: int | str) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":", 1) for line in lines)


def _number(value: str) -> float:
    return float(value.split()[0])
