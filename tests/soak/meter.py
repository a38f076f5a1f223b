"""What each process of a node takes, film after film, and whether that grows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median

_PAGE = 4096


@dataclass(frozen=True, slots=True)
class Take:
    """What a process holds: resident memory in bytes, open descriptors, threads."""

    memory: float
    descriptors: float
    threads: float


@dataclass(frozen=True, slots=True)
class Growth:
    """What a process held in the second quarter of a run, and in the last."""

    process: str
    before: Take
    after: Take

    @property
    def memory(self) -> float:
        """Growth as a share: 0.05 is five percent."""
        return self.after.memory / self.before.memory - 1

    @property
    def descriptors(self) -> float:
        """Growth as a share."""
        return self.after.descriptors / self.before.descriptors - 1


@dataclass(slots=True)
class Meter:
    """Samples of the processes of a node. A process that was replaced has two names."""

    _looks: int = 0
    _samples: dict[str, dict[int, Take]] = field(default_factory=dict)

    def sample(self, processes: Mapping[str, int]) -> None:
        """Look at processes, given by name and id; one that has just ended is passed over."""
        for name, pid in processes.items():
            if (take := look(pid)) is not None:
                self._samples.setdefault(f"{name} ({pid})", {})[self._looks] = take
        self._looks += 1

    def growths(self) -> list[Growth]:
        """Return how much each process grew that lived from the second quarter to the end."""
        lasting = [name for name in self._samples if name not in self.replaced()]
        return [growth(name, list(self._samples[name].values())) for name in lasting]

    def replaced(self) -> list[str]:
        """Return the names of processes that were not there in every look after the first quarter.

        Some begin late: decoders do when the model is being loaded.
        """
        needed = set(range(self._looks // 4, self._looks))
        return [name for name, takes in self._samples.items() if not needed <= takes.keys()]


def growth(process: str, takes: Sequence[Take]) -> Growth:
    """Compare the second quarter and the last."""
    quarter = len(takes) // 4
    return Growth(process, _typical(takes[quarter : 2 * quarter]), _typical(takes[3 * quarter :]))


def _typical(takes: Sequence[Take]) -> Take:
    """Memory by its median, which no single batch moves; what is counted by its mean.

    Few descriptors come and go with associations: their median jumps by a whole one where an
    association is open in about half of the looks.
    """
    return Take(
        memory=median(take.memory for take in takes),
        descriptors=fmean(take.descriptors for take in takes),
        threads=fmean(take.threads for take in takes),
    )


def look(pid: int) -> Take | None:
    """Return what a process holds now, None where it has ended."""
    home = Path(f"/proc/{pid}")
    try:
        return Take(
            memory=int((home / "statm").read_text().split()[1]) * _PAGE,
            descriptors=len(list((home / "fd").iterdir())),
            threads=len(list((home / "task").iterdir())),
        )
    except OSError:
        return None
