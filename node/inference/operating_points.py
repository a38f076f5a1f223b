"""What the names of operating points stand for: read from a bundle's card, without its weights.

Loads no torch, so that rules can be tried on stored scores at once. Whoever is going to score films
verifies the whole bundle instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import TypeAdapter, ValidationError

import models
from models.bundle.intended_use import IntendedUse
from models.bundle.operating_points import OperatingPoint
from models.io.yaml_text import read_words
from node.domain.decision.thresholds import Thresholds
from node.domain.errors import Misconfigured

_SHIPPED = Path(str(models.__file__)).parent / "bundles"
_POINTS = TypeAdapter(tuple[OperatingPoint, ...])


def folder_of(bundle: str) -> Path:
    """Return where a bundle lies: a shipped one by its name, or any by its folder."""
    return Path(bundle) if "/" in bundle else _SHIPPED / bundle


@dataclass(frozen=True, slots=True)
class Points:
    """The operating points of a bundle's image score and, if it has one, of its combined score.

    `model` is the digest that the card claims; `gate` is whether the bundle has one; `intended_use`
    is what the bundle may be used for.
    """

    image: Sequence[OperatingPoint]
    combined: Sequence[OperatingPoint] | None
    model: str = ""
    gate: bool = False
    intended_use: IntendedUse = IntendedUse.DEMONSTRATION

    @classmethod
    def of_bundle(cls, bundle: str, section: str = "model") -> Self:
        """Read them from the card of a bundle; raise Misconfigured, by the configuration's
        `section`, where that cannot be read.
        """
        path = folder_of(bundle) / "card.yaml"
        try:
            card: dict[str, Any] = read_words(path.read_text("utf-8"))
            combined = card.get("combined")
            return cls(
                image=_POINTS.validate_python(card["operating_points"]),
                combined=_POINTS.validate_python(combined.get("operating_points", ()))
                if combined
                else None,
                model=str(card.get("digest", "")).removeprefix("sha256:"),
                gate=card.get("gate") is not None,
                intended_use=IntendedUse(card["intended_use"]),
            )
        except OSError as error:
            raise Misconfigured(f"{section}.bundle: {path}: {error.strerror}") from None
        except (ValidationError, ValueError, LookupError, AttributeError, TypeError):
            raise Misconfigured(
                f"{section}.bundle: {path} is no model card; osteoscreen model verify says more"
            ) from None

    def threshold(self, named: str | float, key: str = "policy.threshold") -> Thresholds:
        """Return a number for every score, or what a named operating point is on each.

        A bundle without a combined part makes no combined score; its threshold is the image's. No
        bundle names points of the clinical score. Raises Misconfigured, by the configuration's
        `key`, for a name that image or combined score does not have.
        """
        if isinstance(named, float):
            return Thresholds.same(named)
        image = _threshold(named, self.image, "the model card", key)
        if self.combined is None:
            return Thresholds(image, image)
        where = "the combined part of the model card"
        return Thresholds(image, _threshold(named, self.combined, where, key))


def _threshold(named: str, points: Sequence[OperatingPoint], where: str, key: str) -> float:
    found = {point.name: point.threshold for point in points}
    if named not in found:
        there = f"only {', '.join(found)}" if found else "and no other either: set a number"
        raise Misconfigured(f"{key}: {where} has no {named!r}, {there}")
    return found[named]
