"""The part of a model card that the node needs without the bundle's weights.

This module does not import torch, so that stored scores can be replayed quickly. The bundle is not
verified here, but by `node.inference.predictor.load` before films are scored.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import TypeAdapter, ValidationError

import models
from models.bundle.intended_use import IntendedUse
from models.bundle.operating_points import OperatingPoint
from models.io.yaml_text import read_yaml
from node.domain.decision.thresholds import Thresholds
from node.domain.errors import Misconfigured

_SHIPPED = Path(str(models.__file__)).parent / "bundles"
_POINTS = TypeAdapter(tuple[OperatingPoint, ...])


def bundle_folder(bundle: str) -> Path:
    """Return the folder of a bundle, which is given by name if shipped, or by its path."""
    return Path(bundle) if "/" in bundle else _SHIPPED / bundle


@dataclass(frozen=True, slots=True)
class CardSummary:
    """Operating points, digest, gate and intended use of a bundle, read from its card.

    `image` are the operating points of the image score. `combined` are the operating points of the
    combined score, or None if the bundle has no combined part.
    """

    image: Sequence[OperatingPoint]
    combined: Sequence[OperatingPoint] | None
    digest: str = ""
    has_gate: bool = False
    intended_use: IntendedUse = IntendedUse.DEMONSTRATION

    @classmethod
    def read(cls, bundle: str, section: str = "model") -> Self:
        """Read a bundle's card; on failure, raise Misconfigured with the section of the setting."""
        path = bundle_folder(bundle) / "card.yaml"
        try:
            card: dict[str, Any] = read_yaml(path.read_text("utf-8"))
            combined = card.get("combined")
            return cls(
                image=_POINTS.validate_python(card["operating_points"]),
                combined=_POINTS.validate_python(combined.get("operating_points", ()))
                if combined
                else None,
                digest=str(card.get("digest", "")).removeprefix("sha256:"),
                has_gate=card.get("gate") is not None,
                intended_use=IntendedUse(card["intended_use"]),
            )
        except OSError as error:
            raise Misconfigured(f"{section}.bundle: {path}: {error.strerror}") from None
        except (ValidationError, ValueError, LookupError, AttributeError, TypeError):
            raise Misconfigured(
                f"{section}.bundle: {path} is not a valid model card; run osteoscreen model verify"
            ) from None

    def thresholds(self, setting: str | float, key: str = "policy.threshold") -> Thresholds:
        """Return the thresholds for a number, or for the name of an operating point.

        A number is the threshold of every score. A name selects an operating point of the image
        score, and one of the combined score. If the bundle has no combined part, the image
        threshold is the threshold of both scores. Raises Misconfigured with the configuration's
        `key` if there is no such operating point.
        """
        if isinstance(setting, float):
            return Thresholds.uniform(setting)
        image = _threshold(setting, self.image, "the model card", key)
        if self.combined is None:
            return Thresholds(image, image)
        part = "the combined part of the model card"
        return Thresholds(image, _threshold(setting, self.combined, part, key))


def _threshold(name: str, points: Sequence[OperatingPoint], part: str, key: str) -> float:
    thresholds = {point.name: point.threshold for point in points}
    if name not in thresholds:
        advice = f"use one of {', '.join(thresholds)}" if thresholds else "set a number"
        raise Misconfigured(f"{key}: {part} has no operating point {name!r}; {advice}")
    return thresholds[name]
