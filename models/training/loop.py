"""The training loop; an interrupted run resumes from its checkpoint."""

import copy
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any, Generic, Protocol

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy
from torch.nn.functional import smooth_l1_loss, softplus

from models.calibration.auc import Numbers, auc
from models.nets.gradcam import NetWithHeat
from models.nets.grid import FilmNet, GridNet, Output
from models.training.checkpoint import Net, Run, TrainingProgress, append_log, resume, save
from models.training.distributed import Ranks
from models.training.simulated_batches import Batch

HEAT_POWER = 3.0
"""The target of the heat is the bone share of a cell, raised to this power.

A cell of 32 px rarely contains only bone. At 384 px and power 1, bone would get 1.4 times the heat
of an even distribution. At power 3, bone gets 1.76 times this heat (means of 24 simulated films),
and the heat still covers all bones.
"""


class BatchSource(Protocol):
    """Source of training batches, and validation of a net."""

    def batch(self, number: int, size: int) -> Batch:
        """Return batch ``number`` for a net of ``size``; every run gets the same batch."""

    def validate(self, net: FilmNet) -> tuple[Numbers, Numbers]:
        """Return logits and labels, (n,) each, of films that are in no batch."""


@dataclass(frozen=True)
class TrainConfig:
    """Settings of a training run.

    The run ends after ``steps``, after ``minutes``, or if the AUC has not improved for ``patience``
    validations. A validation runs every ``validate_every`` steps. The learning rate depends on the
    completed share of steps or of time, whichever is larger. Without a time limit, the result does
    not depend on the speed of the machine. ``heat`` is the weight of ``heatmap_loss``.
    """

    minutes: float = math.inf
    steps: int = 100_000
    rate: float = 2.5e-4
    decay: float = 0.05
    ema: float = 0.995
    seed: int = 1
    validate_every: int = 200
    patience: int = 20
    heat: float = 0.0


@dataclass(frozen=True)
class Trained(Generic[Net]):
    """The averaged net with the best validation AUC, and the progress of the run."""

    net: Net
    progress: TrainingProgress


def fit(
    net: Net, source: BatchSource, config: TrainConfig, path: Path, ranks: Ranks
) -> Trained[Net]:
    """Train ``net`` on ``source``, starting from the checkpoint ``path`` if it exists.

    Every validation updates the checkpoint, and the CSV log in the same folder.
    """
    run = _start_run(net.to(ranks.device), config)
    progress = resume(path, run)
    shared = ranks.share(_module_for_loss(run.net, config))
    last, value = time.monotonic(), math.nan
    with _progress_bar(ranks) as bars:
        bar = bars.add_task("training", total=1.0)
        for batch in _batches(source, progress.step, run.net.config.size, ranks):
            share = _completed_share(progress, config)
            if ranks.agreed(share >= 1 or _stale(progress, config)):
                break
            # Dropout uses this seed, so a resumed run equals an uninterrupted run.
            seed = (config.seed * 1_000_003 + progress.step) * ranks.world + ranks.rank
            torch.manual_seed(seed)
            set_rate(run.optimiser, config.rate * schedule(progress.step, share, 50, 0.02))
            value = _step(shared, batch.to(ranks.device), run.optimiser, config.heat)
            decay = min(config.ema, (1 + progress.step) / (10 + progress.step))
            update_average(run.average, run.net, decay)
            now = time.monotonic()
            progress = replace(
                progress,
                step=progress.step + 1,
                seconds=progress.seconds + now - last,
                films=progress.films + len(batch.label) * ranks.world,
            )
            last = now
            line = f"step {progress.step}, loss {value:.3f}, best AUC {progress.best_auc:.3f}"
            bars.update(bar, completed=_completed_share(progress, config), description=line)
            if ranks.first and progress.step % config.validate_every == 0:
                progress = _validate(run, source, progress, value, path)
                last = time.monotonic()
    validated = progress.step > 0 and progress.step % config.validate_every == 0
    if ranks.first and not validated:
        progress = _validate(run, source, progress, value, path)
    return Trained(run.best, progress)


def loss(output: Output, batch: Batch) -> Tensor:
    """Return the loss for label, T-score and block mineral, and for their differences in twins."""
    label = cross_entropy(output.logit, batch.label)
    t_score = masked_loss(smooth_l1_loss, output.t_score, batch.t_score)
    mineral = masked_loss(smooth_l1_loss, output.mineral, batch.mineral)
    total = label + t_score + mineral
    if not batch.twins:
        return total
    t_gap = _gap(output.t_score) - _gap(batch.t_score)
    mineral_gap = _gap(output.mineral) - _gap(batch.mineral)
    denser = torch.sign(_gap(batch.t_score))
    order = softplus(denser * _gap(output.logit))
    return total + t_gap.square().mean() + 4.0 * mineral_gap.square().mean() + 0.5 * order.mean()


def heatmap_loss(heat: Tensor, bone: Tensor) -> Tensor:
    """Return a loss that is small if the heat is positive and is distributed like the bone.

    ``heat`` (N, h, w) may be negative. ``bone`` (N, h, w) is each cell's share of the film's bone;
    every film contains bone. The loss is the Kullback-Leibler divergence of the heat from the bone.
    The heat must cover all bones, because osteoporosis affects all bones. The idea is from Ross et
    al., Right for the Right Reasons, IJCAI 2017.
    """
    relative = heat / heat.abs().mean(dim=(1, 2), keepdim=True).clamp_min(1e-9)
    # Softplus keeps a gradient if all heat is negative.
    heat_share = _normalise(softplus(4.0 * relative))
    target = _normalise(bone**HEAT_POWER)
    divergence = (torch.xlogy(target, target) - torch.xlogy(target, heat_share)).sum(dim=(1, 2))
    # Without this term the net learns to produce no positive heat at all.
    negative = (-relative).relu().mean(dim=(1, 2))
    return (divergence + negative).mean()


def _normalise(cells: Tensor) -> Tensor:
    """Divide the cells (N, h, w) of each film by their sum."""
    return cells / cells.sum(dim=(1, 2), keepdim=True).clamp_min(1e-9)


def masked_loss(
    function: Callable[[Tensor, Tensor], Tensor], predicted: Tensor, target: Tensor
) -> Tensor:
    """Return the loss over the finite targets; 0 if no target is finite."""
    finite = torch.isfinite(target)
    return function(predicted[finite], target[finite]) if finite.any() else predicted.sum() * 0.0


def _gap(values: Tensor) -> Tensor:
    """Return the difference within each pair of twins."""
    return values[0::2] - values[1::2]


def _module_for_loss(net: FilmNet, config: TrainConfig) -> nn.Module:
    """Return the net, or a ``NetWithHeat`` of this net if the loss needs heat."""
    if not config.heat:
        return net
    if not isinstance(net, GridNet):
        raise ValueError(f"{type(net).__name__} computes no heat; set TrainConfig.heat to 0")
    return NetWithHeat(net)


def _start_run(net: Net, config: TrainConfig) -> Run[Net]:
    average = copy.deepcopy(net).eval().requires_grad_(False)
    return Run(net, average, copy.deepcopy(average), _optimiser(net, config))


def _optimiser(net: FilmNet, config: TrainConfig) -> torch.optim.Optimizer:
    """Return the optimiser AdamW, without weight decay for biases and norms."""
    decayed = [p for p in net.parameters() if p.ndim > 1 and p.requires_grad]
    undecayed = [p for p in net.parameters() if p.ndim <= 1 and p.requires_grad]
    groups: list[dict[str, Any]] = [{"params": decayed}, {"params": undecayed, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=config.rate, weight_decay=config.decay)


def _batches(source: BatchSource, first: int, size: int, ranks: Ranks) -> Iterator[Batch]:
    """Yield batches without end; the next batch is prepared during the current step."""
    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(source.batch, first * ranks.world + ranks.rank, size)
        for step in count(first + 1):
            batch = pending.result()
            pending = pool.submit(source.batch, step * ranks.world + ranks.rank, size)
            yield batch


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of all parameters."""
    for group in optimiser.param_groups:
        group["lr"] = rate


def _step(net: nn.Module, batch: Batch, optimiser: torch.optim.Optimizer, heat: float) -> float:
    net.train()
    device = batch.film.device.type
    with torch.autocast(device, torch.bfloat16, enabled=_bfloat16_is_fast(device)):
        result = net(batch.film)
    output, heatmap = result if heat else (result, None)
    value = loss(Output(*(part.float() for part in vars(output).values())), batch)
    if heatmap is not None:
        value = value + heat * heatmap_loss(heatmap.float(), batch.bone)
    optimiser.zero_grad(set_to_none=True)
    value.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimiser.step()
    return float(value.detach())


def _bfloat16_is_fast(device: str) -> bool:
    """Return whether the device supports bfloat16, which is ten times slower without support."""
    if device != "cpu":
        return True
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def _validate(
    run: Run[Net], source: BatchSource, progress: TrainingProgress, value: float, path: Path
) -> TrainingProgress:
    """Measure the AUC, update the best net, append to the log, and save the checkpoint."""
    logits, labels = source.validate(run.average)
    area = auc(logits, labels > 0.5)
    if area > progress.best_auc:
        run.best.load_state_dict(run.average.state_dict())
        progress = replace(progress, best_auc=area, best_step=progress.step)
    save(path, run, progress)
    append_log(path.with_suffix(".csv"), progress, value, area)
    return progress


def _completed_share(progress: TrainingProgress, config: TrainConfig) -> float:
    """Return the completed share of the run, 0 to 1."""
    return max(progress.step / config.steps, progress.seconds / (config.minutes * 60))


def _stale(progress: TrainingProgress, config: TrainConfig) -> bool:
    """Return whether the AUC has not improved for ``patience`` validations."""
    return progress.step - progress.best_step > config.validate_every * config.patience


def schedule(step: int, share: float, warm_up: int, lowest: float) -> float:
    """Return the factor of the learning rate: a linear warm-up, then a cosine to ``lowest``.

    ``share`` is the completed share of the run, ``warm_up`` is in steps.
    """
    cosine = lowest + (1 - lowest) * 0.5 * (1 + math.cos(math.pi * share))
    return min(1.0, (step + 1) / warm_up) * cosine


def update_average(average: nn.Module, net: nn.Module, decay: float) -> None:
    """Update the exponential moving average of the weights and of the batch norm statistics."""
    with torch.no_grad():
        for averaged, current in zip(
            average.state_dict().values(), net.state_dict().values(), strict=True
        ):
            if averaged.dtype.is_floating_point:
                averaged.lerp_(current, 1 - decay)
            else:
                averaged.copy_(current)


def _progress_bar(ranks: Ranks) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),  # standard output is for results
        disable=not ranks.first,
    )
