"""Train a gate's net on pictures."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from safetensors.torch import load_model, save_model
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as yes_or_no
from torch.nn.functional import cross_entropy

from models.gate.input import film_mask, rank_pixels
from models.gate.net import GateConfig, GateLogits, GateNet, Kind
from models.io.atomic_file import atomic_path
from models.training.gate.augment import (
    GateBatch,
    SeededRandom,
    is_chest,
    moved,
    scrambled,
    toned,
    turned,
)
from models.training.gate.dataset import Pictures


@dataclass(frozen=True)
class GateTraining:
    """How long and how; ``shares`` of a batch: frontal, from the side, other."""

    steps: int = 1500
    batch: int = 96
    rate: float = 2e-3
    decay: float = 0.02
    ema: float = 0.995
    seed: int = 1
    shares: tuple[float, float, float] = (0.5, 0.2, 0.3)


class Lessons:
    """Batches of pictures on a device, changed at random, from a seed."""

    def __init__(self, pictures: Pictures, how: GateTraining, size: int, device: str) -> None:
        self._squares = torch.from_numpy(pictures.squares)[:, None].to(device)
        self._extent = torch.from_numpy(pictures.extent.astype(np.int64)).to(device)
        self._kind = torch.from_numpy(pictures.kind).to(device)
        self._ap = torch.from_numpy(pictures.ap).to(device)
        self._places = [_evenly(pictures, kind).to(device) for kind in Kind]
        self._how, self._size = how, size
        generator = torch.Generator(device)
        generator.manual_seed(how.seed)
        self._chance = SeededRandom(generator)

    def draw(self) -> GateBatch:
        """The next batch."""
        chance, how = self._chance, self._how
        chosen = torch.cat(
            [
                places[chance.below(len(places), round(how.batch * share))]
                for places, share in zip(self._places, how.shares, strict=True)
                if len(places)
            ]
        )
        n, kind = len(chosen), self._kind[chosen]
        # A part of a chest, or its pieces, is no chest.
        crop = chance.often(0.12, n)
        broken = chance.often(0.05, n) & ~crop
        squares = self._squares[chosen].float() / 255
        both = moved(
            squares, film_mask(self._extent[chosen], squares.shape[-1]), self._size, crop, chance
        )
        picture, there = toned(both[:, :1], chance), both[:, 1:] > 0.5
        picture = torch.where(broken[:, None, None, None], scrambled(picture, chance), picture)
        spoilt = crop | broken
        kind = torch.where(spoilt, int(Kind.OTHER), kind)
        quarters = torch.where(chance.often(0.5, n), chance.below(4, n), 0)
        inverted = chance.often(0.35, n)
        picture = turned(rank_pixels(picture, there), quarters)
        chest = is_chest(kind)
        known = torch.where(spoilt, torch.nan, self._ap[chosen])
        return GateBatch(
            picture=torch.where(inverted[:, None, None, None], -picture, picture),
            kind=kind,
            turn=torch.where(chest, quarters, -1),
            inverted=torch.where(chest, inverted.float(), torch.nan),
            ap=known,
        )


def fit(
    pictures: Pictures, config: GateConfig, how: GateTraining, device: str, kept: Path
) -> GateNet:
    """A net trained on ``pictures``, its weights averaged over the last steps, on ``device``.

    It is kept in the file ``kept``, and taken from there where that is there.
    """
    if kept.exists():
        net = GateNet(config).to(device)
        load_model(net, kept, device=device)
        return net.eval().requires_grad_(False)
    net = _trained(pictures, config, how, device)
    with atomic_path(kept) as part:
        save_model(net, str(part))
    return net


def _trained(pictures: Pictures, config: GateConfig, how: GateTraining, device: str) -> GateNet:
    torch.manual_seed(how.seed)
    net = GateNet(config).to(device).train()
    average = copy.deepcopy(net).eval().requires_grad_(False)
    lessons = Lessons(pictures, how, config.size, device)
    optimiser = torch.optim.AdamW(net.parameters(), lr=how.rate, weight_decay=how.decay)
    steps = track(range(how.steps), description="gate", console=Console(stderr=True))
    for step in steps:
        _set_rate(optimiser, how, step)
        lesson = lessons.draw()
        value = loss(net(lesson.picture), lesson)
        optimiser.zero_grad(set_to_none=True)
        value.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        _follow(average, net, min(how.ema, (step + 1) / (step + 10)))
    return average


def loss(said: GateLogits, lesson: GateBatch) -> Tensor:
    """The sum of what each question costs, over the pictures that have an answer to it."""
    kind = cross_entropy(said.kind, lesson.kind, label_smoothing=0.02)
    turn = _mean(cross_entropy(said.turn, lesson.turn, ignore_index=-1, reduction="none"))
    return kind + turn + _known(said.inverted, lesson.inverted) + 0.7 * _known(said.ap, lesson.ap)


def _mean(values: Tensor) -> Tensor:
    return values.sum() / (values > 0).sum().clamp_min(1)


def _known(said: Tensor, answer: Tensor) -> Tensor:
    known = torch.isfinite(answer)
    if not bool(known.any()):
        return said.sum() * 0.0
    return yes_or_no(said[known], answer[known])


def _evenly(pictures: Pictures, kind: Kind) -> Tensor:
    """Places of a kind's pictures, each source's repeated until it is as large as the largest."""
    places = [
        np.flatnonzero((pictures.kind == kind) & (pictures.source == source))
        for source in np.unique(pictures.source)
    ]
    places = [one for one in places if len(one)]
    if not places:
        return torch.zeros(0, dtype=torch.int64)
    most = max(len(one) for one in places)
    return torch.from_numpy(np.concatenate([np.resize(one, most) for one in places]))


def _set_rate(optimiser: torch.optim.Optimizer, how: GateTraining, step: int) -> None:
    """Warm-up over 100 steps, then a cosine down to a hundredth."""
    cosine = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / how.steps))
    for group in optimiser.param_groups:
        group["lr"] = how.rate * min(1.0, (step + 1) / 100) * cosine


def _follow(average: GateNet, net: GateNet, keep: float) -> None:
    with torch.no_grad():
        for mine, theirs in zip(average.parameters(), net.parameters(), strict=True):
            mine.lerp_(theirs, 1 - keep)
