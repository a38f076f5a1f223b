"""Train a net: batches in, an averaged net out; stopped at any time, it goes on."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, Protocol

import numpy as np
import numpy.typing as npt
import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy
from torch.nn.functional import smooth_l1_loss, softplus

from models.calibration.platt import auc
from models.nets.cpu_conv import use_gemm_backward
from models.nets.gradcam import NetWithHeat
from models.nets.grid import FilmNet, GridNet, Output
from models.training import checkpoint as checkpoints
from models.training.checkpoint import Net, Run, TrainingProgress
from models.training.distributed import Ranks
from models.training.simulated_batches import Batch

Values = npt.NDArray[np.floating]

HEAT_POWER = 3.0
"""Heat is to follow bone's share of a cell to this power.

Followed without a power, bone would have 1.4 times the heat of an even spread at 384 px, where a
cell is 32 px wide and seldom all bone; so it has 1.76 times (means of 24 simulated films), and
still lies on all of the bones.
"""


class BatchSource(Protocol):
    """Where batches come from, and the films that tell how well the net does."""

    def batch(self, number: int, size: int) -> Batch:
        """Batch ``number`` of the run, the same for ever, for a net of ``size``."""

    def validate(self, net: FilmNet) -> tuple[Values, Values]:
        """Logits and labels of films that no batch holds, (n,) each."""


@dataclass(frozen=True)
class TrainConfig:
    """How long and how.

    The run ends after ``steps``, after ``minutes``, or when validation has not bettered for
    ``patience`` looks, one every ``look`` steps. The schedule follows steps or clock, whichever is
    further on: a run bounded by steps alone is the same whatever the machine's speed. ``heat`` is
    the weight of the loss on where heat is; 0 leaves heat alone, and bone need not be known.
    """

    minutes: float = math.inf
    steps: int = 100_000
    rate: float = 2.5e-4
    decay: float = 0.05
    ema: float = 0.995
    seed: int = 1
    look: int = 200
    patience: int = 20
    heat: float = 0.0


@dataclass(frozen=True)
class Trained(Generic[Net]):
    """The averaged net that did best on validation, and how far the run came."""

    net: Net
    done: TrainingProgress


def fit(
    net: Net, source: BatchSource, config: TrainConfig, path: Path, ranks: Ranks
) -> Trained[Net]:
    """Train ``net`` on ``source``; goes on from the checkpoint ``path``, and leaves one there.

    A CSV log stands beside the checkpoint.
    """
    run = _prepared(net.to(ranks.device), config)
    done = checkpoints.resume(path, run)
    if ranks.device.type == "cpu":
        use_gemm_backward(run.net)
    shared = ranks.share(_taught(run.net, config))
    last, value = time.monotonic(), math.nan
    with _progress(ranks) as progress:
        bar = progress.add_task("training", total=1.0)
        for batch in _batches(source, done.step, run.net.config.size, ranks):
            share = _share(done, config)
            if ranks.agreed(share >= 1 or _stale(done, config)):
                break
            # Dropout draws from here: a resumed run must draw what an unbroken one would have.
            torch.manual_seed((config.seed * 1_000_003 + done.step) * ranks.world + ranks.rank)
            _set_rate(run.optimiser, _rate(done, config, share))
            value = _step(shared, batch.to(ranks.device), run.optimiser, config.heat)
            _follow(run.average, run.net, min(config.ema, (1 + done.step) / (10 + done.step)))
            now = time.monotonic()
            films = done.films + len(batch.label) * ranks.world
            done = replace(done, step=done.step + 1, seconds=done.seconds + now - last, films=films)
            last = now
            line = f"step {done.step}, loss {value:.3f}, best AUC {done.best_auc:.3f}"
            progress.update(bar, completed=_share(done, config), description=line)
            if ranks.first and done.step % config.look == 0:
                done = _look(run, source, done, value, path)
                last = time.monotonic()
    looked = done.step > 0 and done.step % config.look == 0
    if ranks.first and not looked:
        done = _look(run, source, done, value, path)
    return Trained(run.best, done)


def loss(output: Output, batch: Batch) -> Tensor:
    """Label, T-score and block mineral, each for the film and, with twins, for their difference."""
    label = cross_entropy(output.logit, batch.label)
    t_score = _known(smooth_l1_loss, output.t_score, batch.t_score)
    mineral = _known(smooth_l1_loss, output.mineral, batch.mineral)
    total = label + t_score + mineral
    if not batch.twins:
        return total
    t_gap = _gap(output.t_score) - _gap(batch.t_score)
    mineral_gap = _gap(output.mineral) - _gap(batch.mineral)
    denser = torch.sign(_gap(batch.t_score))
    order = softplus(denser * _gap(output.logit))
    return total + t_gap.square().mean() + 4.0 * mineral_gap.square().mean() + 0.5 * order.mean()


def heatmap_loss(heat: Tensor, bone: Tensor) -> Tensor:
    """How far heat of both signs (N, h, w) is from being positive and spread as bone is.

    ``bone`` (N, h, w) is each cell's share of bone over the film's, of which every film has some.
    The distance is the Kullback-Leibler divergence of heat from bone: one hot cell on bone will not
    do, since mineral is lost from all bones. After A. Ross et al., IJCAI 2017, who train nets to
    be right for the right reasons.
    """
    relative = heat / heat.abs().mean(dim=(1, 2), keepdim=True).clamp_min(1e-9)
    # Softly positive: where all heat is negative, there still is a way back.
    lit = _spread(softplus(4.0 * relative))
    wanted = _spread(bone**HEAT_POWER)
    apart = (torch.xlogy(wanted, wanted) - torch.xlogy(wanted, lit)).sum(dim=(1, 2))
    # Without this the net learns to have no positive heat, which is nowhere beside bone.
    cold = (-relative).relu().mean(dim=(1, 2))
    return (apart + cold).mean()


def _spread(cells: Tensor) -> Tensor:
    """Each cell's share of its film's sum."""
    return cells / cells.sum(dim=(1, 2), keepdim=True).clamp_min(1e-9)


def _known(measure: Callable[[Tensor, Tensor], Tensor], said: Tensor, target: Tensor) -> Tensor:
    """The loss where the target is known; nothing where none is."""
    known = torch.isfinite(target)
    return measure(said[known], target[known]) if bool(known.any()) else said.sum() * 0.0


def _gap(values: Tensor) -> Tensor:
    return values[0::2] - values[1::2]


def _taught(net: FilmNet, config: TrainConfig) -> nn.Module:
    """What the loss asks: the net alone, or the net and where its heat is."""
    if not config.heat:
        return net
    if not isinstance(net, GridNet):
        raise ValueError("only the grid net can say where its heat is; set heat to 0")
    return NetWithHeat(net)


def _prepared(net: Net, config: TrainConfig) -> Run[Net]:
    average = copy.deepcopy(net).eval().requires_grad_(False)
    return Run(net, average, copy.deepcopy(average), _optimiser(net, config))


def _optimiser(net: FilmNet, config: TrainConfig) -> torch.optim.Optimizer:
    """AdamW; biases and norms are not decayed."""
    decayed = [p for p in net.parameters() if p.ndim > 1 and p.requires_grad]
    others = [p for p in net.parameters() if p.ndim <= 1 and p.requires_grad]
    groups: list[dict[str, Any]] = [{"params": decayed}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=config.rate, weight_decay=config.decay)


def _batches(source: BatchSource, first: int, size: int, ranks: Ranks) -> Iterator[Batch]:
    """Batches without end, the next one made while the net works on this one."""

    def make(step: int) -> Batch:
        return source.batch(step * ranks.world + ranks.rank, size)

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(make, first)
        step = first
        while True:
            step += 1
            ready, waiting = waiting.result(), pool.submit(make, step)
            yield ready


def _set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = rate


def _step(net: nn.Module, batch: Batch, optimiser: torch.optim.Optimizer, heat: float) -> float:
    net.train()
    device = batch.film.device.type
    with torch.autocast(device, torch.bfloat16, enabled=_half_pays(device)):
        said = net(batch.film)
    output, lit = said if heat else (said, None)
    value = loss(Output(*(part.float() for part in vars(output).values())), batch)
    if lit is not None:
        value = value + heat * heatmap_loss(lit.float(), batch.bone)
    optimiser.zero_grad(set_to_none=True)
    value.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimiser.step()
    return float(value.detach())


def _half_pays(device: str) -> bool:
    """Whether bfloat16 is faster here: a processor without it takes ten times as long."""
    if device != "cpu":
        return True
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def _look(
    run: Run[Net], source: BatchSource, done: TrainingProgress, value: float, path: Path
) -> TrainingProgress:
    """Measure on validation, keep the best, log a line, leave a checkpoint."""
    measured = auc(*source.validate(run.average))
    if measured > done.best_auc:
        run.best.load_state_dict(run.average.state_dict())
        done = replace(done, best_auc=measured, best_step=done.step)
    checkpoints.save(path, run, done)
    checkpoints.record(path.with_suffix(".csv"), done, value, measured)
    return done


def _share(done: TrainingProgress, config: TrainConfig) -> float:
    """How much of the run is over, 0 to 1."""
    return max(done.step / config.steps, done.seconds / (config.minutes * 60))


def _stale(done: TrainingProgress, config: TrainConfig) -> bool:
    return done.step - done.best_step > config.look * config.patience


def _rate(done: TrainingProgress, config: TrainConfig, share: float) -> float:
    """Warm-up over 50 steps, then a cosine down to a fiftieth."""
    cosine = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * share))
    return config.rate * min(1.0, (done.step + 1) / 50) * cosine


def _follow(average: FilmNet, net: FilmNet, keep: float) -> None:
    """Exponential moving average of weights and of batch norm's statistics."""
    with torch.no_grad():
        for mine, theirs in zip(
            average.state_dict().values(), net.state_dict().values(), strict=True
        ):
            if mine.dtype.is_floating_point:
                mine.lerp_(theirs, 1 - keep)
            else:
                mine.copy_(theirs)


def _progress(ranks: Ranks) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),  # standard output is for results
        disable=not ranks.first,
    )
