"""Measure memory, descriptors and threads of a process in /proc."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MIB = 1024.0


@dataclass(frozen=True)
class ResourceUsage:
    """Memory in MiB, descriptors, threads, and separately the descriptors of an SQLite database."""

    memory: float
    descriptors: int
    threads: int
    database: int = 0


def resource_usage(pid: int | str = "self", database: str = "") -> ResourceUsage:
    """Return the current usage of a process; `database` is the prefix of the database's files."""
    status = _status(pid)
    names = list(_open_files(pid))
    database_files = sum(bool(database) and name.startswith(database) for name in names)
    memory, threads = _number(status["VmRSS"]) / MIB, int(_number(status["Threads"]))
    return ResourceUsage(memory, len(names) - database_files, threads, database_files)


def _open_files(pid: int | str) -> Iterator[str]:
    """Yield the file name of each open descriptor."""
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            yield link.readlink().name
        except FileNotFoundError:
            continue


def peak_memory(pid: int | str = "self") -> float:
    """Return the peak memory in MiB of a process since `reset_peak_memory`."""
    return _number(_status(pid)["VmHWM"]) / MIB


def reset_peak_memory() -> None:
    """Reset the peak memory of this process (proc(5), clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5")


def _status(pid: int | str) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":", 1) for line in lines)


def _number(value: str) -> float:
    return float(value.split()[0])
