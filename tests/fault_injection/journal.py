"""What is finished of a run: one line for each trial, so that a run that was stopped goes on."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Outcome:
    """One finished trial: how often the fault struck, and what became of the films."""

    seed: int
    key: str
    trials: int
    acknowledged: int
    lost: int
    duplicated: int
    wedged: int
    seconds: float
    findings: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Return whether every film ended as it must."""
        return not (self.lost or self.duplicated or self.wedged)


class Journal:
    """The outcomes of one seed, on disk."""

    def __init__(self, path: Path, seed: int) -> None:
        self._path, self._seed = path, seed
        path.parent.mkdir(parents=True, exist_ok=True)

    def outcomes(self) -> dict[str, Outcome]:
        """Return what is finished, by the trial's key; half a line, of a kill, is none."""
        lines = self._path.read_text().splitlines(keepends=True) if self._path.exists() else []
        found = [_outcome(line) for line in lines if line.endswith("\n")]
        return {one.key: one for one in found if one.seed == self._seed}

    def add(self, outcome: Outcome) -> None:
        """Record a finished trial, on the disk on return."""
        with self._path.open("a") as file:
            file.write(json.dumps(asdict(outcome)) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def finish(self) -> None:
        """Set the record of a finished run aside: the next one begins anew."""
        if self._path.exists():
            self._path.replace(self._path.with_suffix(".finished.jsonl"))


def _outcome(line: str) -> Outcome:
    facts = json.loads(line)
    return Outcome(**{**facts, "findings": tuple(facts["findings"])})
