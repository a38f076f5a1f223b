"""Write, load and verify bundles. A bundle that fails verification is not loaded.

A bundle is a folder with ``card.yaml``, ``weights.safetensors`` (float16) and ``golden/``, and
optionally ``clinical.yaml`` and ``gate.safetensors``.
"""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from models.bundle.card import Card, GoldenFilm, bundle_digest
from models.bundle.golden import (
    GOLDEN,
    golden_films,
    golden_logits,
    max_device_difference,
    read_golden,
)
from models.bundle.score import Bundle, BundleError, score
from models.clinical.model import ClinicalModel
from models.gate import bundle_part as gates
from models.gate.bundle_part import Gate, GateError
from models.images.radiograph import Radiograph
from models.io.yaml_text import Model, YamlError, dump_yaml, parse_yaml
from models.nets.grid import GridConfig, GridNet

__all__ = [
    "NETS",
    "Bundle",
    "BundleError",
    "add_clinical",
    "add_gate",
    "compare_gpu",
    "load_bundle",
    "write_bundle",
]

NETS: Final[Mapping[str, Callable[[GridConfig], GridNet]]] = MappingProxyType({"grid": GridNet})
"""Classes of nets by the name in a card."""

CARD, WEIGHTS = "card.yaml", "weights.safetensors"
CLINICAL, GATE = "clinical.yaml", "gate.safetensors"


def load_bundle(path: Path, device: str = "cpu") -> Bundle:
    """Read the bundle in ``path``; verify card, digest, and each tensor's key, shape and dtype.

    Raises BundleError.
    """
    card, weights, clinical = _read_parts(path)
    if card.digest != bundle_digest(card, weights, clinical):
        raise BundleError(
            f"{path} does not match its digest: a part of it was changed; restore the bundle"
        )
    if card.combined is not None and clinical is None:
        raise BundleError(f"{path} has a combined part but no {CLINICAL}; restore the bundle")
    try:
        stored = load_tensors(weights)
    except (SafetensorError, ValueError) as error:
        raise BundleError(f"{path / WEIGHTS} is damaged ({error}); restore the bundle") from error
    net = NETS[card.net](card.architecture)
    _check_tensors(stored, net.state_dict(), path)
    net.load_state_dict({key: _widen(value) for key, value in stored.items()})
    try:
        net = net.eval().requires_grad_(False).to(device)
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise BundleError(f"device {device!r} is not usable ({reason}); use cpu") from error
    return Bundle(card, net, device, path, clinical, _read_gate(path, card, device))


def write_bundle(
    path: Path,
    card: Card,
    net: GridNet,
    films: Mapping[str, Radiograph],
    parts: tuple[ClinicalModel | None, Gate | None] = (None, None),
) -> Bundle:
    """Write card, weights, golden films, clinical model and gate to ``path``; load the bundle.

    The golden scores and the digest of ``card`` are replaced by values from the stored weights.
    ``films`` maps file names to square golden films. Raises BundleError.
    """
    tensors = {key: _narrow(value) for key, value in net.state_dict().items()}
    for key, value in tensors.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise BundleError(f"weight {key} does not fit float16; train with smaller weights")
    weights = save_tensors(tensors)
    stored = NETS[card.net](card.architecture)
    stored.load_state_dict({key: _widen(value) for key, value in tensors.items()})
    stored.eval().requires_grad_(False)
    (path / GOLDEN).mkdir(parents=True, exist_ok=True)
    golden, stored_films = [], {}
    for name, film in sorted(films.items()):
        file = path / GOLDEN / name
        Image.fromarray(np.round(film.pixels * 255).astype(np.uint8)).save(file, optimize=True)
        stored_films[name] = read_golden(file, None)
        result = score(Bundle(card, stored, "cpu", path), [stored_films[name]])[0]
        golden.append(
            GoldenFilm(
                file=name,
                sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
                logit=result.logit,
                probability=result.probability,
            )
        )
    clinical, gate = parts
    part = None if gate is None else _write_gate(path, gate, stored_films)
    card = card.model_copy(update={"golden": tuple(golden), "gate": part})
    (path / WEIGHTS).write_bytes(weights)
    _sign(path, card, weights, clinical)
    return load_bundle(path)


def add_clinical(bundle: Bundle, clinical: ClinicalModel) -> Bundle:
    """Replace the clinical model of a verified bundle, and sign the bundle.

    The combined model is removed, because it was fitted to the previous clinical model. Raises
    BundleError, for example if the folder cannot be written.
    """
    weights = (bundle.path / WEIGHTS).read_bytes()
    card = bundle.card.model_copy(update={"combined": None})
    try:
        _sign(bundle.path, card, weights, clinical)
    except OSError as error:
        raise BundleError(f"{bundle.path} cannot be written ({error.strerror})") from error
    return load_bundle(bundle.path, bundle.device)


def add_gate(bundle: Bundle, gate: Gate) -> Bundle:
    """Replace the gate of a verified bundle, and sign the bundle.

    Raises BundleError, for example if the folder cannot be written.
    """
    weights = (bundle.path / WEIGHTS).read_bytes()
    try:
        part = _write_gate(bundle.path, gate, golden_films(bundle))
        _sign(bundle.path, bundle.card.model_copy(update={"gate": part}), weights, bundle.clinical)
    except OSError as error:
        raise BundleError(f"{bundle.path} cannot be written ({error.strerror})") from error
    return load_bundle(bundle.path, bundle.device)


def compare_gpu(bundle: Bundle) -> float | None:
    """Return the largest difference of a golden logit between CPU and GPU, or None without a GPU.

    Raises BundleError if a film's logit differs by more than 0.02.
    """
    if not torch.cuda.is_available():
        return None
    on_gpu = load_bundle(bundle.path, "cuda")
    files = [golden.file for golden in bundle.card.golden]
    return max_device_difference(files, golden_logits(bundle), golden_logits(on_gpu))


def _read_parts(path: Path) -> tuple[Card, bytes, ClinicalModel | None]:
    try:
        text = (path / CARD).read_text("utf-8")
        weights = (path / WEIGHTS).read_bytes()
        facts = (path / CLINICAL).read_text("utf-8") if (path / CLINICAL).exists() else None
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(f"{path} is not a bundle ({error}); check the path") from error
    clinical = None if facts is None else _parse(path / CLINICAL, facts, ClinicalModel)
    return _parse(path / CARD, text, Card), weights, clinical


def _parse(path: Path, text: str, kind: type[Model]) -> Model:
    try:
        return parse_yaml(text, kind)
    except YamlError as error:
        raise BundleError(f"{path} is not valid ({error}); restore the bundle") from error


def _read_gate(path: Path, card: Card, device: str) -> Gate | None:
    if card.gate is None:
        return None
    try:
        return gates.load_gate(card.gate, (path / GATE).read_bytes(), device)
    except OSError as error:
        raise BundleError(f"{path / GATE} cannot be read; restore the bundle") from error
    except GateError as error:
        raise BundleError(f"{path / GATE} {error}; restore the bundle") from error


def _write_gate(path: Path, gate: Gate, films: Mapping[str, Radiograph]) -> gates.GatePart:
    part, content = gates.sign_gate(gate, films)
    (path / GATE).write_bytes(content)
    return part


def _sign(path: Path, card: Card, weights: bytes, clinical: ClinicalModel | None) -> None:
    """Write the YAML files and last the card. A bundle without its card cannot be loaded."""
    card = card.model_copy(update={"digest": bundle_digest(card, weights, clinical)})
    if clinical is None:
        (path / CLINICAL).unlink(missing_ok=True)
    else:
        (path / CLINICAL).write_text(dump_yaml(clinical), "utf-8")
    (path / CARD).write_text(dump_yaml(card), "utf-8")


def _check_tensors(stored: Mapping[str, Tensor], net: Mapping[str, Tensor], path: Path) -> None:
    missing, extra = sorted(net.keys() - stored.keys()), sorted(stored.keys() - net.keys())
    if missing or extra:
        fault = f"lacks {missing[0]}" if missing else f"has an unknown {extra[0]}"
        raise BundleError(f"{path / WEIGHTS} {fault}: it belongs to another net; restore it")
    for key, tensor in stored.items():
        like = _narrow(net[key])
        if tensor.shape != like.shape or tensor.dtype != like.dtype:
            raise BundleError(
                f"{path / WEIGHTS}: {key} is {tensor.dtype} {tuple(tensor.shape)}, "
                f"not {like.dtype} {tuple(like.shape)}; restore the bundle"
            )
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise BundleError(f"{path / WEIGHTS}: {key} is not finite; restore the bundle")


def _narrow(value: Tensor) -> Tensor:
    """Return the tensor as a bundle stores it: floats become float16, integers do not change."""
    return (value.half() if value.is_floating_point() else value).contiguous()


def _widen(value: Tensor) -> Tensor:
    return value.float() if value.is_floating_point() else value
