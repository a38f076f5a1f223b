"""Cross-validation of the gate: count the images of each kind that get the correct result."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
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
from models.training.gate.augment import SeededRandom, transform
from models.training.gate.dataset import GateImages
from models.training.gate.loop import GateTraining, fit

WITHIN = 0.995
"""This share of the held-out frontal films must have a scaled distance of at most 1."""

_CHUNK = 128


@dataclass(frozen=True)
class TestOutputs:
    """Outputs for the held-out images in one test, and the feature distribution of the fold."""

    name: str
    source: npt.NDArray[np.str_]
    ap: npt.NDArray[np.float32]
    outputs: GateOutputs
    distribution: FeatureDistribution


@dataclass(frozen=True)
class GateMetrics:
    """The ``scale`` of the distances, and the numbers of correct results with this scale."""

    scale: float
    counts: tuple[GateCount, ...]


def passes(findings: ImageFindings) -> bool:
    """Return whether the film would be scored: frontal, upright, and with a small distance."""
    return findings.frontal >= 0.5 and findings.turn == 0 and findings.distance <= 1.0


def cross_validate(
    images: GateImages,
    settings: tuple[GateConfig, GateTraining],
    folds: int,
    device: str,
    folder: Path,
) -> GateMetrics:
    """Train ``folds`` nets; test each net on the people who are not in its training images.

    All drawings of a kind are in one fold, because the gate will get kinds of images that it was
    not trained on. The nets are cached in ``folder``.
    """
    config, training = settings
    fold_of = assign_folds(images.person, folds, training.seed)
    tests: list[TestOutputs] = []
    for fold in range(folds):
        train, test = images.where(fold_of != fold), images.where(fold_of == fold)
        net = fit(train, config, training, device, folder / f"without-{fold}.safetensors")
        distribution = fit_distribution(net, train, device)
        tests += _run_tests(net, distribution, test, training.seed, device)
    frontal = [
        test.distribution.distances(test.outputs.features)
        for test in tests
        if test.name == "frontal"
    ]
    scale = float(np.quantile(np.concatenate(frontal), WITHIN))
    return GateMetrics(scale, tuple(_count(tests, scale)))


def fit_distribution(net: GateNet, images: GateImages, device: str) -> FeatureDistribution:
    """Return the feature distribution of frontal chests with Ledoit-Wolf shrinkage, at scale 1."""
    chests = images.where(images.kind == Kind.FRONTAL)
    features = _predict_all(net, rank_all(chests, net.config.size, device)).features
    estimate = LedoitWolf().fit(features)
    return FeatureDistribution(
        estimate.location_.astype(np.float32), estimate.precision_.astype(np.float32), scale=1.0
    )


def assign_folds(person: npt.NDArray[np.str_], folds: int, seed: int) -> npt.NDArray[np.int64]:
    """Return each image's fold, (n,). A person is in one fold; folds are balanced by origin."""
    rng = np.random.default_rng([53, seed])
    fold: dict[str, int] = {}
    origins = sorted({name.split("/")[0] for name in person.tolist()})
    for origin in origins:
        people = sorted({name for name in person.tolist() if name.split("/")[0] == origin})
        order = rng.permutation(len(people)).tolist()
        fold |= {people[index]: number % folds for number, index in enumerate(order)}
    return np.array([fold[name] for name in person.tolist()], np.int64)


def rank_all(images: GateImages, size: int, device: str) -> Tensor:
    """Return the inputs of the net, (n, 1, size, size), on ``device``."""
    inputs = []
    for first in range(0, len(images), _CHUNK):
        chunk = slice(first, first + _CHUNK)
        squares = torch.from_numpy(images.squares[chunk])[:, None].to(device).float() / 255
        extent = torch.from_numpy(images.extent[chunk].astype(np.int64)).to(device)
        small = interpolate(squares, (size, size), mode="bilinear", antialias=True)
        scaled = (extent * size / squares.shape[-1]).round().long()
        inputs.append(rank_pixels(small, film_mask(scaled, size)))
    return torch.cat(inputs)


def _run_tests(
    net: GateNet, distribution: FeatureDistribution, images: GateImages, seed: int, device: str
) -> Iterator[TestOutputs]:
    """Yield the net's outputs for the held-out images, test by test."""
    size = net.config.size
    frontal = images.kind == Kind.FRONTAL
    films = images.where(frontal & (images.source != "simulated"))

    def test(name: str, images: GateImages, inputs: Tensor) -> TestOutputs:
        outputs = _predict_all(net, inputs)
        return TestOutputs(name, images.source, images.ap, outputs, distribution)

    changes: dict[str, Callable[[Tensor], Tensor]] = {
        "frontal": lambda x: x,
        "inverted": lambda x: -x,
        "turned left": lambda x: torch.rot90(x, 1, (2, 3)),
        "upside down": lambda x: torch.rot90(x, 2, (2, 3)),
        "turned right": lambda x: torch.rot90(x, 3, (2, 3)),
        "upside down and inverted": lambda x: torch.rot90(-x, 2, (2, 3)),
    }
    upright = rank_all(films, size, device)
    for name, change in changes.items():
        yield test(name, films, change(upright))
    yield test("part of a chest", films, _random_crops(films, size, seed, device))
    for name, flags in (
        ("frontal, simulated", frontal & (images.source == "simulated")),
        ("lateral", images.kind == Kind.SIDE),
        ("other", images.kind == Kind.OTHER),
    ):
        part = images.where(flags)
        if len(part):
            yield test(name, part, rank_all(part, size, device))


def _random_crops(films: GateImages, size: int, seed: int, device: str) -> Tensor:
    """Return a section of each film, with less than half of its width and height."""
    generator = torch.Generator(device)
    generator.manual_seed(seed)
    squares = torch.from_numpy(films.squares)[:, None].to(device).float() / 255
    extent = torch.from_numpy(films.extent.astype(np.int64)).to(device)
    crop = torch.ones(len(squares), dtype=torch.bool, device=device)
    mask = film_mask(extent, squares.shape[-1])
    crops = transform(squares, mask, size, crop, SeededRandom(generator))
    return rank_pixels(crops[:, :1], crops[:, 1:] > 0.5)


def _predict_all(net: GateNet, inputs: Tensor) -> GateOutputs:
    parts = [predict_averaged(net, chunk) for chunk in torch.split(inputs, _CHUNK)]
    return GateOutputs(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in vars(parts[0])}
    )


def _count(tests: list[TestOutputs], scale: float) -> Iterator[GateCount]:
    """Yield the number of correct results for each expected result."""
    correct: dict[str, list[bool]] = {}
    for test in tests:
        findings = test.outputs.findings(replace(test.distribution, scale=scale))
        for film, source, ap in zip(findings, test.source, test.ap, strict=True):
            for name, right in _judge(test.name, film, str(source), float(ap)):
                correct.setdefault(name, []).append(right)
    for name, flags in sorted(correct.items()):
        yield GateCount(name=name, right=sum(flags), total=len(flags))


def _judge(
    test: str, findings: ImageFindings, source: str, ap: float
) -> Iterator[tuple[str, bool]]:
    """Yield each expected result of a test, and whether the findings agree with it."""
    accepted, inverted = passes(findings), findings.inverted >= 0.5
    match test:
        case "frontal" | "frontal, simulated":
            yield f"{source}: admitted, polarity unchanged", accepted and not inverted
            if np.isfinite(ap):
                yield f"{source}: PA or AP correct", (findings.ap >= 0.5) == (ap >= 0.5)
        case "inverted":
            yield "inverted: corrected or refused", not accepted or inverted
            yield "inverted: corrected", accepted and inverted
        case "other":
            yield f"{source}: refused", not accepted
        case _:
            yield f"{test}: refused", not accepted
