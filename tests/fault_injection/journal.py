"""Record the finished trials of a run, one line each, so that a stopped run can be resumed."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class TrialResult:
    """A finished trial with the number of injections and the counts of films."""

    seed: int
    key: str
    injections: int
    acknowledged: int
    lost: int
    duplicated: int
    stuck: int
    seconds: float
    violations: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Return whether no invariant was violated."""
        return not (self.lost or self.duplicated or self.stuck)


class Journal:
    """The results of all trials with one seed, in a file."""

    def __init__(self, path: Path, seed: int) -> None:
        self._path, self._seed = path, seed
        path.parent.mkdir(parents=True, exist_ok=True)

    def results(self) -> dict[str, TrialResult]:
        """Return the finished trials by key. An incomplete last line is ignored."""
        lines = self._path.read_text().splitlines(keepends=True) if self._path.exists() else []
        results = [_parse(line) for line in lines if line.endswith("\n")]
        return {result.key: result for result in results if result.seed == self._seed}

    def add(self, result: TrialResult) -> None:
        """Append a finished trial and synchronise the file."""
        with self._path.open("a") as file:
            file.write(json.dumps(asdict(result)) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def finish(self) -> None:
        """Rename the file of a complete run, so that the next run starts from the beginning."""
        if self._path.exists():
            self._path.replace(self._path.with_suffix(".finished.jsonl"))


def _parse(line: str) -> TrialResult:
    values = json.loads(line)
    return TrialResult(**{**values, "violations": tuple(values["violations"])})
