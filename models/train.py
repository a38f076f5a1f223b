"""Train the grid net on simulated films and write a bundle: python -m models.train --out BUNDLE."""

from __future__ import annotations

import argparse
import copy
import math
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy
from torch.nn.functional import smooth_l1_loss, softplus

from models.calibrate import auc
from models.data import (
    CALIBRATE,
    TEST,
    TRAIN,
    Batch,
    Maps,
    predict,
    render_variants,
    subjects,
    twin_batch,
)
from models.grid import GridConfig, GridNet, Output
from models.release import describe, release
from models.simulate.anatomy import cache_folder


@dataclass(frozen=True)
class TrainConfig:
    """How long and how; ``minutes`` bounds training alone, and the schedule follows the clock."""

    minutes: float
    steps: int = 100_000
    pairs: int = 4
    rate: float = 2.5e-4
    decay: float = 0.05
    ema: float = 0.995
    seed: int = 1
    report_every: float = 300.0


@dataclass(frozen=True)
class Progressed:
    """What a checkpoint holds besides weights: optimiser steps, seconds and films so far."""

    step: int = 0
    seconds: float = 0.0
    films: int = 0


def loss(output: Output, batch: Batch) -> Tensor:
    """Label, T-score and block mineral, each for the film and for the difference of twins."""
    label = cross_entropy(output.logit, batch.label)
    t_score = smooth_l1_loss(output.t_score, batch.t_score)
    mineral = smooth_l1_loss(output.mineral, batch.mineral)
    t_gap = _gap(output.t_score) - _gap(batch.t_score)
    mineral_gap = _gap(output.mineral) - _gap(batch.mineral)
    denser = torch.sign(_gap(batch.t_score))
    order = softplus(denser * _gap(output.logit))
    twins = t_gap.square().mean() + 4.0 * mineral_gap.square().mean() + 0.5 * order.mean()
    return label + t_score + mineral + twins


def _gap(values: Tensor) -> Tensor:
    return values[0::2] - values[1::2]


def fit(
    net: GridNet, maps: Maps, config: TrainConfig, checkpoint: Path
) -> tuple[GridNet, Progressed]:
    """Train ``net`` until the clock runs out; returns the averaged net and how far it came.

    Goes on from ``checkpoint`` where that exists, and leaves one there.
    """
    average = copy.deepcopy(net).eval().requires_grad_(False)
    optimiser = _optimiser(net, config)
    done = _resume(checkpoint, net, average, optimiser)
    limit, reported = config.minutes * 60, done.seconds
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns) as progress:
        task = progress.add_task("training", total=limit)
        began = time.monotonic()
        for batch in _batches(maps, config, done.step, net.config.size):
            share = max(done.step / config.steps, done.seconds / limit)
            if share >= 1:
                break
            rate = config.rate * _schedule(done.step, share)
            value = _step(net, batch, optimiser, rate)
            _follow(average, net, min(config.ema, (1 + done.step) / (10 + done.step)))
            now = time.monotonic()
            done = Progressed(
                done.step + 1, done.seconds + now - began, done.films + len(batch.label)
            )
            began, line = now, f"step {done.step} loss {value:.3f}"
            progress.update(task, completed=done.seconds, description=line)
            if done.seconds - reported > config.report_every:
                reported = done.seconds
                _save(checkpoint, net, average, optimiser, done)
                held_out = auc(*predict(average, maps, subjects(CALIBRATE, 128)))
                progress.log(f"{line} AUC {held_out:.3f} of 128")
                began = time.monotonic()
    _save(checkpoint, net, average, optimiser, done)
    return average, done


def _optimiser(net: GridNet, config: TrainConfig) -> torch.optim.Optimizer:
    """AdamW; biases and norms are not decayed."""
    decayed = [p for p in net.parameters() if p.ndim > 1 and p.requires_grad]
    others = [p for p in net.parameters() if p.ndim <= 1 and p.requires_grad]
    groups: list[dict[str, Any]] = [{"params": decayed}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=config.rate, weight_decay=config.decay)


def _batches(maps: Maps, config: TrainConfig, first: int, size: int) -> Iterator[Batch]:
    """Batches without end, the next one rendered while the net works on this one."""

    def make(step: int) -> Batch:
        return twin_batch(maps, TRAIN, config.seed * 1_000_003 + step, config.pairs, size)

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(make, first)
        step = first
        while True:
            step += 1
            ready, waiting = waiting.result(), pool.submit(make, step)
            yield ready


def _step(net: GridNet, batch: Batch, optimiser: torch.optim.Optimizer, rate: float) -> float:
    for group in optimiser.param_groups:
        group["lr"] = rate
    net.train()
    with torch.autocast("cpu", torch.bfloat16):
        output = net(batch.film)
    wide = Output(*(part.float() for part in vars(output).values()))
    value = loss(wide, batch)
    optimiser.zero_grad(set_to_none=True)
    value.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimiser.step()
    return float(value.detach())


def _schedule(step: int, share: float) -> float:
    return min(1.0, (step + 1) / 50) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * share)))


def _follow(average: GridNet, net: GridNet, keep: float) -> None:
    """Exponential moving average of weights and of batch norm's statistics."""
    with torch.no_grad():
        for mine, theirs in zip(
            average.state_dict().values(), net.state_dict().values(), strict=True
        ):
            if mine.dtype.is_floating_point:
                mine.lerp_(theirs, 1 - keep)
            else:
                mine.copy_(theirs)


def _save(
    path: Path, net: GridNet, average: GridNet, optimiser: torch.optim.Optimizer, done: Progressed
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    state = {
        "net": net.state_dict(),
        "average": average.state_dict(),
        "optimiser": optimiser.state_dict(),
        "done": vars(done),
    }
    torch.save(state, part)
    part.replace(path)


def _resume(
    path: Path, net: GridNet, average: GridNet, optimiser: torch.optim.Optimizer
) -> Progressed:
    if not path.exists():
        return Progressed()
    state = torch.load(path, weights_only=True)
    net.load_state_dict(state["net"])
    average.load_state_dict(state["average"])
    optimiser.load_state_dict(state["optimiser"])
    return Progressed(**state["done"])


def main(arguments: list[str] | None = None) -> int:
    """Command line; 0 when the bundle is written."""
    parser = argparse.ArgumentParser(prog="python -m models.train", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the bundle")
    parser.add_argument("--minutes", type=float, default=30.0, help="bound on training alone")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--size", type=int, default=384, help="side of the film in pixels")
    parser.add_argument("--checkpoint", type=Path, help="file to resume from and save to")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(chosen.threads)
    torch.manual_seed(chosen.seed)
    cache = cache_folder()
    checkpoint = chosen.checkpoint or cache / f"train-{chosen.size}-{chosen.seed}.pt"
    maps = render_variants((TRAIN, CALIBRATE, TEST), cache / "maps")
    config = TrainConfig(minutes=chosen.minutes, seed=chosen.seed)
    net, done = fit(GridNet(GridConfig(size=chosen.size)), maps, config, checkpoint)
    training = describe(done.films, done.step, done.seconds / 60, chosen.seed)
    bundle = release(chosen.out, net, maps, training)
    Console().print(f"{chosen.out}: {bundle.card.figures[0].auc:.3f} AUC, {bundle.card.digest}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
