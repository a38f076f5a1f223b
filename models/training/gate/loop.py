"""Training of the gate's net."""

import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_model, save_model
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as binary_cross_entropy
from torch.nn.functional import cross_entropy

from models.gate.input import film_mask, rank_pixels
from models.gate.net import GateConfig, GateLogits, GateNet, Kind
from models.io.atomic_file import atomic_path
from models.io.progress import track
from models.training.gate.augment import (
    GateBatch,
    SeededRandom,
    change_tone,
    rotate_quarters,
    shuffle_tiles,
    transform,
)
from models.training.gate.dataset import GateImages
from models.training.loop import masked_loss, schedule, set_rate, update_average


@dataclass(frozen=True)
class GateTraining:
    """Settings of a training; ``shares`` are the shares of frontal, lateral and other images."""

    steps: int = 1500
    batch: int = 96
    rate: float = 2e-3
    decay: float = 0.02
    ema: float = 0.995
    seed: int = 1
    shares: tuple[float, float, float] = (0.5, 0.2, 0.3)


class GateBatches:
    """Randomly augmented batches of images on a device."""

    def __init__(self, images: GateImages, training: GateTraining, size: int, device: str) -> None:
        self._squares = torch.from_numpy(images.squares)[:, None].to(device)
        self._extent = torch.from_numpy(images.extent.astype(np.int64)).to(device)
        self._kind = torch.from_numpy(images.kind).to(device)
        self._ap = torch.from_numpy(images.ap).to(device)
        self._indices = [_balance_sources(images, kind).to(device) for kind in Kind]
        self._training, self._size = training, size
        generator = torch.Generator(device)
        generator.manual_seed(training.seed)
        self._random = SeededRandom(generator)

    def draw(self) -> GateBatch:
        """Return the next batch."""
        random, training = self._random, self._training
        chosen = torch.cat(
            [
                indices[random.integers(len(indices), round(training.batch * share))]
                for indices, share in zip(self._indices, training.shares, strict=True)
                if len(indices)
            ]
        )
        n, kind = len(chosen), self._kind[chosen]
        # A section of a chest, or a chest with shuffled tiles, counts as "other".
        crop = random.flags(0.12, n)
        shuffled = random.flags(0.05, n) & ~crop
        squares = self._squares[chosen].float() / 255
        mask = film_mask(self._extent[chosen], squares.shape[-1])
        transformed = transform(squares, mask, self._size, crop, random)
        image, inside = change_tone(transformed[:, :1], random), transformed[:, 1:] > 0.5
        image = torch.where(shuffled[:, None, None, None], shuffle_tiles(image, random), image)
        kind = torch.where(crop | shuffled, int(Kind.OTHER), kind)
        quarters = torch.where(random.flags(0.5, n), random.integers(4, n), 0)
        inverted = random.flags(0.35, n)
        image = rotate_quarters(rank_pixels(image, inside), quarters)
        chest = kind != int(Kind.OTHER)
        return GateBatch(
            image=torch.where(inverted[:, None, None, None], -image, image),
            kind=kind,
            turn=torch.where(chest, quarters, -1),
            inverted=torch.where(chest, inverted.float(), torch.nan),
            ap=torch.where(crop | shuffled, torch.nan, self._ap[chosen]),
        )


def fit(
    images: GateImages, config: GateConfig, training: GateTraining, device: str, cache: Path
) -> GateNet:
    """Return a net trained on ``images``, with averaged weights, on ``device``.

    If the file ``cache`` exists, the net is loaded from this file and not trained.
    """
    if cache.exists():
        net = GateNet(config).to(device)
        load_model(net, cache, device=device)
        return net.eval().requires_grad_(False)
    net = _train(images, config, training, device)
    with atomic_path(cache) as part:
        save_model(net, str(part))
    return net


def _train(images: GateImages, config: GateConfig, training: GateTraining, device: str) -> GateNet:
    torch.manual_seed(training.seed)
    net = GateNet(config).to(device).train()
    average = copy.deepcopy(net).eval().requires_grad_(False)
    batches = GateBatches(images, training, config.size, device)
    optimiser = torch.optim.AdamW(net.parameters(), lr=training.rate, weight_decay=training.decay)
    for step in track(range(training.steps), "gate"):
        rate = training.rate * schedule(step, step / training.steps, 100, 0.01)
        set_rate(optimiser, rate)
        batch = batches.draw()
        value = loss(net(batch.image), batch)
        optimiser.zero_grad(set_to_none=True)
        value.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        update_average(average, net, min(training.ema, (step + 1) / (step + 10)))
    return average


def loss(logits: GateLogits, batch: GateBatch) -> Tensor:
    """Return the sum of the losses; each loss is a mean over the images that have its target."""
    kind = cross_entropy(logits.kind, batch.kind, label_smoothing=0.02)
    turn_by_image = cross_entropy(logits.turn, batch.turn, ignore_index=-1, reduction="none")
    turn = turn_by_image.sum() / (turn_by_image > 0).sum().clamp_min(1)
    inverted = masked_loss(binary_cross_entropy, logits.inverted, batch.inverted)
    ap = masked_loss(binary_cross_entropy, logits.ap, batch.ap)
    return kind + turn + inverted + 0.7 * ap


def _balance_sources(images: GateImages, kind: Kind) -> Tensor:
    """Return the indices of a kind; small sources are repeated to the size of the largest."""
    by_source = [
        np.flatnonzero((images.kind == kind) & (images.source == source))
        for source in np.unique(images.source[images.kind == kind])
    ]
    if not by_source:
        return torch.zeros(0, dtype=torch.int64)
    largest = max(len(indices) for indices in by_source)
    return torch.from_numpy(np.concatenate([np.resize(indices, largest) for indices in by_source]))
