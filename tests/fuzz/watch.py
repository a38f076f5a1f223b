"""What a process holds, as the kernel tells it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MIB = 1024.0


@dataclass(frozen=True)
class Held:
    """Memory in MiB, open descriptors, threads; apart, descriptors of an SQLite database."""

    memory: float
    descriptors: int
    threads: int
    database: int = 0


def held_by(pid: int | str = "self", database: str = "") -> Held:
    """Return what a process holds now; `database` is the name that its files begin with."""
    status = _status(pid)
    names = list(_open_files(pid))
    of_database = sum(bool(database) and name.startswith(database) for name in names)
    memory, threads = _number(status["VmRSS"]) / MIB, int(_number(status["Threads"]))
    return Held(memory, len(names) - of_database, threads, of_database)


def _open_files(pid: int | str) -> Iterator[str]:
    """Yield the name of what each descriptor is of; of one that closes meanwhile, none."""
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            yield link.readlink().name
        except FileNotFoundError:
            continue


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
