"""Files of a training run: the checkpoint, and the CSV log with a line for each validation."""

import csv
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Generic, TypeVar

import torch

from models.io.atomic_file import atomic_path
from models.nets.grid import FilmNet

Net = TypeVar("Net", bound=FilmNet)


@dataclass(frozen=True)
class TrainingProgress:
    """Progress of a run: steps, seconds and films, and the best validation AUC with its step."""

    step: int = 0
    seconds: float = 0.0
    films: int = 0
    best_auc: float = 0.0
    best_step: int = 0


@dataclass(frozen=True)
class Run(Generic[Net]):
    """The parts of a run that a checkpoint stores.

    ``average`` is the moving average of ``net``; ``best`` is the moving average with the best AUC.
    """

    net: Net
    average: Net
    best: Net
    optimiser: torch.optim.Optimizer


def save(path: Path, run: Run[Net], progress: TrainingProgress) -> None:
    """Write a checkpoint atomically."""
    state = {field.name: getattr(run, field.name).state_dict() for field in fields(Run)}
    with atomic_path(path) as part:
        torch.save(state | {"done": asdict(progress)}, part)


def resume(path: Path, run: Run[Net]) -> TrainingProgress:
    """Restore the run from its checkpoint, if this file exists, and return the progress."""
    if not path.exists():
        return TrainingProgress()
    state = torch.load(path, weights_only=True, map_location="cpu")
    for field in fields(Run):
        getattr(run, field.name).load_state_dict(state[field.name])
    return TrainingProgress(**state["done"])


def append_log(path: Path, progress: TrainingProgress, loss: float, auc: float) -> None:
    """Append a line to the CSV log."""
    line = asdict(progress) | {"loss": round(loss, 5), "auc": round(auc, 5)}
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(line), lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(line)
