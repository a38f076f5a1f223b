"""The model card: what a bundle is, what it was made from and what may be said of it.

``card.yaml`` lies beside the weights and is covered, without its own digest, by the digest, as
is ``clinical.yaml`` where a bundle has one.
"""

from __future__ import annotations

import hashlib
import json
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.bundle.combined import Combined
from models.bundle.intended_use import IntendedUse
from models.bundle.operating_points import OperatingPoint
from models.clinical.model import ClinicalModel
from models.gate.bundle_part import GatePart
from models.io.yaml_text import read_words
from models.nets.grid import GridConfig


class CardError(ValueError):
    """The card cannot be read; the message names the field."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Calibration(_Part):
    """Platt scaling: probability = sigmoid(slope * logit + intercept)."""

    slope: float = Field(gt=0)
    intercept: float


class Figure(_Part):
    """One measured area under the ROC curve with its 95 % bootstrap interval.

    ``published`` is what the study whose method this is found in the same place, on patients.
    """

    name: str
    auc: float
    low: float
    high: float
    films: int
    positives: int
    source: str
    published: float | None = None


class Earlier(_Part):
    """A run that gave its weights to the next; ``size`` is the side of its films in pixels."""

    bundle: str
    size: int
    films: int
    steps: int
    minutes: float


class Training(_Part):
    """What the weights come from; ``before`` are the runs before this one, the first one first."""

    data: str
    label: str
    films: int
    steps: int
    minutes: float
    seed: int
    software: dict[str, str]
    before: tuple[Earlier, ...] | None = None


class Golden(_Part):
    """A film kept in the bundle, with the score that it had when the bundle was written."""

    file: str = Field(pattern=r"^[a-z0-9_-]+\.png$")
    sha256: str
    logit: float
    probability: float = Field(ge=0, le=1)


class Card(_Part):
    """Everything that is said of a bundle; see ``registry`` for how it is checked.

    ``operating_points`` are the image score's; the combined score's lie in its own part.
    """

    name: str
    version: str
    intended_use: IntendedUse
    summary: str
    limits: tuple[str, ...]
    inputs: str
    output: str
    net: Literal["grid"]
    architecture: GridConfig
    calibration: Calibration
    operating_points: tuple[OperatingPoint, ...] = Field(min_length=1)
    figures: tuple[Figure, ...]
    training: Training
    attribution: tuple[str, ...]
    combined: Combined | None = None
    gate: GatePart | None = None
    golden: tuple[Golden, ...]
    digest: str = ""

    @property
    def operating_point(self) -> OperatingPoint:
        """The image's first, which is the default threshold."""
        return self.operating_points[0]


def parse(text: str) -> Card:
    """Card of the YAML text. Raises CardError with one line."""
    try:
        content = read_words(text)
    except ValueError as error:
        raise CardError(f"the card is {error}") from error
    try:
        return Card.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "card"
        raise CardError(f"{where}: {first['msg']}") from error


def dump(card: Card) -> str:
    """The card as YAML, fields in the order of the class."""
    content = card.model_dump(mode="json", exclude_none=True)
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)


def digest(card: Card, weights: bytes, clinical: ClinicalModel | None = None) -> str:
    """``sha256:`` over the weights' bytes and the content of card and clinical model.

    The card counts without its digest, and what a bundle lacks is left out. Golden films and the
    gate are covered through their own digests in the card.
    """
    parts = [hashlib.sha256(weights).digest(), _content(card)]
    if clinical is not None:
        parts.append(_content(clinical))
    return "sha256:" + hashlib.sha256(b"".join(parts)).hexdigest()


def _content(part: BaseModel) -> bytes:
    content = part.model_dump(mode="json", exclude={"digest"}, exclude_none=True)
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).digest()
