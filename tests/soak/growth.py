"""Measure memory, descriptors and threads of a node's processes, and their growth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median

_PAGE = 4096


@dataclass(frozen=True, slots=True)
class Usage:
    """Resident memory in bytes, open descriptors, and threads of a process."""

    memory: float
    descriptors: float
    threads: float


@dataclass(frozen=True, slots=True)
class Growth:
    """The typical usage of a process in the second and in the last quarter of a run."""

    process: str
    before: Usage
    after: Usage

    @property
    def memory(self) -> float:
        """Relative growth of memory; 0.05 is five percent."""
        return self.after.memory / self.before.memory - 1

    @property
    def descriptors(self) -> float:
        """Relative growth of the number of descriptors."""
        return self.after.descriptors / self.before.descriptors - 1


@dataclass(slots=True)
class GrowthMeter:
    """Resource usage of the processes of a node, measured at regular intervals."""

    _count: int = 0
    _samples: dict[str, dict[int, Usage]] = field(default_factory=dict)

    def sample(self, processes: Mapping[str, int]) -> None:
        """Measure processes, given as name and process ID; skip processes that have ended."""
        for name, pid in processes.items():
            if (usage := measure(pid)) is not None:
                self._samples.setdefault(f"{name} ({pid})", {})[self._count] = usage
        self._count += 1

    def growths(self) -> list[Growth]:
        """Return the growth of each process that ran until the end."""
        names = [name for name in self._samples if name not in self.restarted()]
        return [growth(name, list(self._samples[name].values())) for name in names]

    def restarted(self) -> list[str]:
        """Return the processes that are missing from a sample after the first quarter.

        Decoders may start during the first quarter, when the model has been loaded.
        """
        required = set(range(self._count // 4, self._count))
        return [name for name, usages in self._samples.items() if not required <= usages.keys()]


def growth(process: str, usages: Sequence[Usage]) -> Growth:
    """Compare the second quarter of the samples with the last quarter."""
    quarter = len(usages) // 4
    before, after = usages[quarter : 2 * quarter], usages[3 * quarter :]
    return Growth(process, _typical(before), _typical(after))


def _typical(usages: Sequence[Usage]) -> Usage:
    """Return the median of the memory, and the mean of the counts.

    A single batch does not affect the median of the memory. A median of a small count could jump by
    one, for example if an association is open in about half of the samples.
    """
    return Usage(
        memory=median(usage.memory for usage in usages),
        descriptors=fmean(usage.descriptors for usage in usages),
        threads=fmean(usage.threads for usage in usages),
    )


def measure(pid: int) -> Usage | None:
    """Return the current usage of a process, or None if it has ended."""
    process = Path(f"/proc/{pid}")
    try:
        return Usage(
            memory=int((process / "statm").read_text().split()[1]) * _PAGE,
            descriptors=len(list((process / "fd").iterdir())),
            threads=len(list((process / "task").iterdir())),
        )
    except OSError:
        return None
