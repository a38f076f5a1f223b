"""The gate as a part of a bundle: ``gate.safetensors``, and what the card says of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from safetensors import SafetensorError
from safetensors.torch import load, save

from models.gate.image_findings import ImageFindings
from models.gate.inference import FeatureDistribution, look
from models.gate.net import GateConfig, GateNet
from models.images.radiograph import Radiograph

_CENTRE, _PRECISION = "spread.centre", "spread.precision"


class GateError(ValueError):
    """The gate cannot be read; the message says why."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Counted(_Part):
    """How many of ``total`` pictures ended as they should."""

    name: str
    right: int = Field(ge=0)
    total: int = Field(gt=0)


class GoldenLook(_Part):
    """What the gate sees of a golden film."""

    file: str
    frontal: float
    distance: float


class GatePart(_Part):
    """What a card says of its gate.

    ``scale`` is the Mahalanobis distance within which ``within`` of unseen frontal films lay;
    ``figures`` were counted on people whom the measured nets had not seen. ``sha256`` is the
    file's.
    """

    architecture: GateConfig
    scale: float = Field(gt=0)
    within: float = Field(gt=0, lt=1)
    training: str
    figures: tuple[Counted, ...]
    attribution: tuple[str, ...]
    golden: tuple[GoldenLook, ...] = ()
    sha256: str = ""


@dataclass(frozen=True)
class Gate:
    """A gate that can look: its part of the card, its net, where frontal chests lie."""

    part: GatePart
    net: GateNet
    spread: FeatureDistribution

    def look(self, films: Sequence[Radiograph]) -> list[ImageFindings]:
        """What each film shows, in order."""
        return look(self.net, self.spread, films)


def signed(gate: Gate, films: Mapping[str, Radiograph]) -> tuple[GatePart, bytes]:
    """The file, and the card's part with its digest and what this gate sees of golden films."""
    content = _to_bytes(gate)
    digest = hashlib.sha256(content).hexdigest()
    part = gate.part.model_copy(update={"sha256": digest, "golden": ()})
    kept = from_bytes(part, content)
    golden = tuple(
        GoldenLook(file=name, frontal=seen.frontal, distance=seen.distance)
        for name, seen in zip(films, kept.look(list(films.values())), strict=True)
    )
    return part.model_copy(update={"golden": golden}), content


def drift(gate: Gate, films: Mapping[str, Radiograph]) -> float:
    """The largest difference of what is seen of the golden films now and when it was signed."""
    looks = {one.file: one for one in gate.part.golden}
    worst = 0.0
    for name, seen in zip(films, gate.look(list(films.values())), strict=True):
        then = looks[name]
        worst = max(worst, abs(seen.frontal - then.frontal), abs(seen.distance - then.distance))
    return worst


def _to_bytes(gate: Gate) -> bytes:
    """Weights in float16, the spread in float32."""
    state = gate.net.state_dict()
    tensors = {name: value.half().cpu().contiguous() for name, value in state.items()}
    tensors[_CENTRE] = torch.from_numpy(gate.spread.centre)
    tensors[_PRECISION] = torch.from_numpy(gate.spread.precision)
    return save(tensors)


def from_bytes(part: GatePart, content: bytes, device: str = "cpu") -> Gate:
    """The gate of a file. Raises GateError where digest, keys, shapes or values are not right."""
    if hashlib.sha256(content).hexdigest() != part.sha256:
        raise GateError("does not match its digest")
    try:
        tensors = load(content)
    except (SafetensorError, ValueError) as error:
        raise GateError(f"is damaged ({error})") from error
    net = GateNet(part.architecture)
    wanted = {name: tuple(value.shape) for name, value in net.state_dict().items()}
    features = part.architecture.features
    wanted |= {_CENTRE: (features,), _PRECISION: (features, features)}
    if {name: tuple(value.shape) for name, value in tensors.items()} != wanted:
        raise GateError("belongs to another net")
    if not all(bool(torch.isfinite(value).all()) for value in tensors.values()):
        raise GateError("holds numbers that are not finite")
    centre, precision = (
        np.asarray(tensors.pop(name).float().numpy()) for name in (_CENTRE, _PRECISION)
    )
    net.load_state_dict({name: value.float() for name, value in tensors.items()})
    net = net.eval().requires_grad_(False).to(device)
    return Gate(part, net, FeatureDistribution(centre, precision, part.scale))
