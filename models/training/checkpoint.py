"""What a run leaves on the disk: where it can go on from, and a line for each look at it."""

from __future__ import annotations

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
    """How far a run has come: optimiser steps, seconds and films; the best AUC, and when."""

    step: int = 0
    seconds: float = 0.0
    films: int = 0
    best_auc: float = 0.0
    best_step: int = 0


@dataclass(frozen=True)
class Run(Generic[Net]):
    """The parts of a run that a checkpoint brings back.

    ``average`` follows ``net``; ``best`` is the average with the best AUC on validation so far.
    """

    net: Net
    average: Net
    best: Net
    optimiser: torch.optim.Optimizer


def save(path: Path, run: Run[Net], done: TrainingProgress) -> None:
    """Write a checkpoint, whole or not at all."""
    state = {field.name: getattr(run, field.name).state_dict() for field in fields(Run)}
    with atomic_path(path) as part:
        torch.save(state | {"done": asdict(done)}, part)


def resume(path: Path, run: Run[Net]) -> TrainingProgress:
    """Bring a run back to its checkpoint, if there is one."""
    if not path.exists():
        return TrainingProgress()
    state = torch.load(path, weights_only=True, map_location="cpu")
    for field in fields(Run):
        getattr(run, field.name).load_state_dict(state[field.name])
    return TrainingProgress(**state["done"])


def record(path: Path, done: TrainingProgress, loss: float, auc: float) -> None:
    """Append a line to the run's CSV log."""
    line = asdict(done) | {"loss": round(loss, 5), "auc": round(auc, 5)}
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(line), lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(line)
