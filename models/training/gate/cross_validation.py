"""A gate measured on people whom it has not seen: what it lets through, and what it keeps out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from sklearn.covariance import LedoitWolf
from torch import Tensor
from torch.nn.functional import interpolate

from models.gate.bundle_part import GateCount
from models.gate.image_findings import ImageFindings
from models.gate.inference import FeatureDistribution, GateOutputs, predict_averaged
from models.gate.input import film_mask, rank_pixels
from models.gate.net import GateConfig, GateNet, Kind
from models.training.gate.augment import SeededRandom, moved
from models.training.gate.dataset import Pictures
from models.training.gate.loop import GateTraining, fit

WITHIN = 0.995
"""The share of unseen frontal films that must not count as far from all that was learned."""

_CHUNK = 128
Chosen = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Shown:
    """Pictures of one kind, held before a net that has not seen their people."""

    name: str
    source: npt.NDArray[np.str_]
    ap: npt.NDArray[np.float32]
    answers: GateOutputs


@dataclass(frozen=True)
class Measured:
    """``scale`` as in ``Spread``, and what was counted with it."""

    scale: float
    figures: tuple[GateCount, ...]


def passes(seen: ImageFindings) -> bool:
    """Whether a film goes on to be scored: a frontal chest, upright, near to others."""
    return seen.frontal >= 0.5 and seen.turn == 0 and seen.distance <= 1.0


def cross_validate(
    pictures: Pictures,
    net_and_how: tuple[GateConfig, GateTraining],
    folds: int,
    device: str,
    folder: Path,
) -> Measured:
    """Train ``folds`` nets, each without a part of the people, and show each that part.

    Of drawings the kinds are left out, not single ones: a gate will meet what nobody drew for it.
    Nets are kept in ``folder``, to go on from.
    """
    config, how = net_and_how
    part = deal(pictures.person, folds, how.seed)
    shown: list[tuple[Shown, FeatureDistribution]] = []
    for fold in range(folds):
        known, unknown = pictures.where(part != fold), pictures.where(part == fold)
        net = fit(known, config, how, device, folder / f"without-{fold}.safetensors")
        spread = spread_of(net, known, device)
        shown += [(one, spread) for one in _challenges(net, unknown, how.seed, device)]
    plain = [
        spread.distances(one.answers.features) for one, spread in shown if one.name == "frontal"
    ]
    scale = float(np.quantile(np.concatenate(plain), WITHIN))
    return Measured(scale, tuple(_counted(shown, scale)))


def spread_of(net: GateNet, pictures: Pictures, device: str) -> FeatureDistribution:
    """Where frontal chests lie for this net, at scale 1; the covariance shrunk (Ledoit-Wolf)."""
    chests = pictures.where(pictures.kind == Kind.FRONTAL)
    found = LedoitWolf().fit(_ask_all(net, rank_all(chests, net.config.size, device)).features)
    return FeatureDistribution(
        found.location_.astype(np.float32), found.precision_.astype(np.float32), scale=1.0
    )


def deal(person: npt.NDArray[np.str_], folds: int, seed: int) -> npt.NDArray[np.int64]:
    """Each picture's fold, (n,): everybody in one, the people of each origin spread evenly."""
    rng = np.random.default_rng([53, seed])
    fold: dict[str, int] = {}
    origins = sorted({name.split("/")[0] for name in person.tolist()})
    for origin in origins:
        people = sorted({name for name in person.tolist() if name.split("/")[0] == origin})
        order = rng.permutation(len(people)).tolist()
        fold |= {people[place]: number % folds for number, place in enumerate(order)}
    return np.array([fold[name] for name in person.tolist()], np.int64)


def rank_all(pictures: Pictures, size: int, device: str) -> Tensor:
    """Pictures as the net sees them, (n, 1, size, size), on ``device``."""
    found = []
    for first in range(0, len(pictures), _CHUNK):
        some = slice(first, first + _CHUNK)
        squares = torch.from_numpy(pictures.squares[some])[:, None].to(device).float() / 255
        extent = torch.from_numpy(pictures.extent[some].astype(np.int64)).to(device)
        small = interpolate(squares, (size, size), mode="bilinear", antialias=True)
        scaled = (extent * size / squares.shape[-1]).round().long()
        found.append(rank_pixels(small, film_mask(scaled, size)))
    return torch.cat(found)


def _challenges(net: GateNet, unknown: Pictures, seed: int, device: str) -> Iterator[Shown]:
    """Everything a net is shown of people that it does not know."""
    size = net.config.size
    real = (unknown.kind == Kind.FRONTAL) & (unknown.source != "simulated")
    drawn = (unknown.kind == Kind.FRONTAL) & (unknown.source == "simulated")
    films = unknown.where(real)
    ways: dict[str, Callable[[Tensor], Tensor]] = {
        "frontal": lambda x: x,
        "inverted": lambda x: -x,
        "turned left": lambda x: torch.rot90(x, 1, (2, 3)),
        "upside down": lambda x: torch.rot90(x, 2, (2, 3)),
        "turned right": lambda x: torch.rot90(x, 3, (2, 3)),
        "upside down and inverted": lambda x: torch.rot90(-x, 2, (2, 3)),
    }
    upright = rank_all(films, size, device)
    for name, way in ways.items():
        yield _show(name, net, films, way(upright))
    yield _show("part of a chest", net, films, _parts(films, size, seed, device))
    for name, chosen in (
        ("frontal, simulated", drawn),
        ("from the side", unknown.kind == Kind.SIDE),
        ("other", unknown.kind == Kind.OTHER),
    ):
        some = unknown.where(chosen)
        if len(some):
            yield _show(name, net, some, rank_all(some, size, device))


def _show(name: str, net: GateNet, pictures: Pictures, changed: Tensor) -> Shown:
    return Shown(name, pictures.source, pictures.ap, _ask_all(net, changed))


def _parts(films: Pictures, size: int, seed: int, device: str) -> Tensor:
    """A part of each film, less than half of it wide and tall."""
    generator = torch.Generator(device)
    generator.manual_seed(seed)
    squares = torch.from_numpy(films.squares)[:, None].to(device).float() / 255
    extent = torch.from_numpy(films.extent.astype(np.int64)).to(device)
    crop = torch.ones(len(squares), dtype=torch.bool, device=device)
    both = moved(squares, film_mask(extent, squares.shape[-1]), size, crop, SeededRandom(generator))
    return rank_pixels(both[:, :1], both[:, 1:] > 0.5)


def _ask_all(net: GateNet, pictures: Tensor) -> GateOutputs:
    parts = [predict_averaged(net, some) for some in torch.split(pictures, _CHUNK)]
    return GateOutputs(
        **{
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ("kind", "turn", "inverted", "ap", "features")
        }
    )


def _counted(shown: list[tuple[Shown, FeatureDistribution]], scale: float) -> Iterator[GateCount]:
    """Every challenge by name and source: how many pictures ended as they should."""
    tally: dict[str, list[bool]] = {}
    for one, spread in shown:
        far = FeatureDistribution(spread.centre, spread.precision, scale)
        for seen, source, ap in zip(one.answers.findings(far), one.source, one.ap, strict=True):
            for name, right in _judged(one.name, seen, str(source), float(ap)):
                tally.setdefault(name, []).append(right)
    for name, answers in sorted(tally.items()):
        yield GateCount(name=name, right=sum(answers), total=len(answers))


def _judged(name: str, seen: ImageFindings, source: str, ap: float) -> Iterator[tuple[str, bool]]:
    through = passes(seen)
    match name:
        case "frontal":
            yield f"{source}: admitted, polarity left alone", through and seen.inverted < 0.5
            if np.isfinite(ap):
                yield f"{source}: PA or AP told right", (seen.ap >= 0.5) == (ap >= 0.5)
        case "frontal, simulated":
            yield "simulated: admitted, polarity left alone", through and seen.inverted < 0.5
        case "inverted":
            yield "inverted: set right, or refused", not through or seen.inverted >= 0.5
            yield "inverted: set right", through and seen.inverted >= 0.5
        case "other":
            yield f"{source}: refused", not through
        case _:
            yield f"{name}: refused", not through
