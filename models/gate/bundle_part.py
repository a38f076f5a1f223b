"""The gate of a bundle is stored in ``gate.safetensors`` and in a part of the card."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from pydantic import Field
from safetensors import SafetensorError
from safetensors.torch import load, save

from models.gate.image_findings import ImageFindings
from models.gate.inference import FeatureDistribution, check_films
from models.gate.net import GateConfig, GateNet
from models.images.radiograph import Radiograph
from models.io.yaml_text import StoredModel

_CENTRE, _PRECISION = "spread.centre", "spread.precision"


class GateError(ValueError):
    """The gate cannot be read. The message states the cause."""


class GateCount(StoredModel):
    """Number of images with a correct result, and the total number of images."""

    name: str
    right: int = Field(ge=0)
    total: int = Field(gt=0)


class GoldenFindings(StoredModel):
    """Findings of the gate for a golden film."""

    file: str
    frontal: float
    distance: float


class GatePart(StoredModel):
    """The gate's part of a model card.

    ``within`` is the share of unseen frontal films whose Mahalanobis distance is at most ``scale``.
    ``figures`` were measured on people who were not in the training set. ``sha256`` is the digest
    of ``gate.safetensors``.
    """

    architecture: GateConfig
    scale: float = Field(gt=0)
    within: float = Field(gt=0, lt=1)
    training: str
    figures: tuple[GateCount, ...]
    attribution: tuple[str, ...]
    golden: tuple[GoldenFindings, ...] = ()
    sha256: str = ""


@dataclass(frozen=True)
class Gate:
    """A loaded gate: its part of the card, its net, and the distribution of frontal films."""

    part: GatePart
    net: GateNet
    spread: FeatureDistribution

    def check(self, films: Sequence[Radiograph]) -> list[ImageFindings]:
        """Return the findings for each film, in order."""
        return check_films(self.net, self.spread, films)


def sign_gate(gate: Gate, films: Mapping[str, Radiograph]) -> tuple[GatePart, bytes]:
    """Return the card part with digest and golden findings, and the content of the gate's file."""
    content = _to_bytes(gate)
    digest = hashlib.sha256(content).hexdigest()
    part = gate.part.model_copy(update={"sha256": digest, "golden": ()})
    stored = load_gate(part, content)
    golden = tuple(
        GoldenFindings(file=name, frontal=findings.frontal, distance=findings.distance)
        for name, findings in zip(films, stored.check(list(films.values())), strict=True)
    )
    return part.model_copy(update={"golden": golden}), content


def gate_drift(gate: Gate, films: Mapping[str, Radiograph]) -> float:
    """Return the largest difference between current and stored findings of the golden films."""
    stored = {golden.file: golden for golden in gate.part.golden}
    largest = 0.0
    for name, findings in zip(films, gate.check(list(films.values())), strict=True):
        frontal = abs(findings.frontal - stored[name].frontal)
        largest = max(largest, frontal, abs(findings.distance - stored[name].distance))
    return largest


def _to_bytes(gate: Gate) -> bytes:
    """Return the file content: weights in float16, the feature distribution in float32."""
    state = gate.net.state_dict()
    tensors = {name: value.half().cpu().contiguous() for name, value in state.items()}
    tensors[_CENTRE] = torch.from_numpy(gate.spread.centre)
    tensors[_PRECISION] = torch.from_numpy(gate.spread.precision)
    return save(tensors)


def load_gate(part: GatePart, content: bytes, device: str = "cpu") -> Gate:
    """Load a gate. Raises GateError if digest, keys, shapes or values are wrong."""
    if hashlib.sha256(content).hexdigest() != part.sha256:
        raise GateError("does not match its digest")
    try:
        tensors = load(content)
    except (SafetensorError, ValueError) as error:
        raise GateError(f"is damaged ({error})") from error
    net = GateNet(part.architecture)
    expected = {name: tuple(value.shape) for name, value in net.state_dict().items()}
    features = part.architecture.features
    expected |= {_CENTRE: (features,), _PRECISION: (features, features)}
    if {name: tuple(value.shape) for name, value in tensors.items()} != expected:
        raise GateError("belongs to another net")
    if not all(bool(torch.isfinite(value).all()) for value in tensors.values()):
        raise GateError("holds numbers that are not finite")
    centre, precision = (
        np.asarray(tensors.pop(name).float().numpy()) for name in (_CENTRE, _PRECISION)
    )
    net.load_state_dict({name: value.float() for name, value in tensors.items()})
    net = net.eval().requires_grad_(False).to(device)
    return Gate(part, net, FeatureDistribution(centre, precision, part.scale))
