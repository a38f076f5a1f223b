"""The model card: identity, intended use, training data, figures and limits of a bundle.

The digest covers the weights, ``card.yaml`` (without the digest itself) and ``clinical.yaml``.
"""

import hashlib
import json
from typing import Literal

from pydantic import BaseModel, Field

from models.bundle.combined import CombinedModel
from models.bundle.intended_use import IntendedUse
from models.bundle.operating_points import OperatingPoint
from models.clinical.model import ClinicalModel
from models.gate.bundle_part import GatePart
from models.io.yaml_text import StoredModel
from models.nets.grid import GridConfig


class Calibration(StoredModel):
    """Platt scaling: probability = sigmoid(slope * logit + intercept)."""

    slope: float = Field(gt=0)
    intercept: float


class CardFigure(StoredModel):
    """A measured AUC with its 95 % bootstrap interval.

    ``published`` is the AUC that the published study measured at the corresponding hospital.
    """

    name: str
    auc: float
    low: float
    high: float
    films: int
    positives: int
    source: str
    published: float | None = None


class EarlierRun(StoredModel):
    """An earlier training run; ``size`` is the side of its films in pixels."""

    bundle: str
    size: int
    films: int
    steps: int
    minutes: float


class Training(StoredModel):
    """Origin of the weights; ``before`` lists the earlier training runs in order of time."""

    data: str
    label: str
    films: int
    steps: int
    minutes: float
    seed: int
    software: dict[str, str]
    before: tuple[EarlierRun, ...] | None = None


class GoldenFilm(StoredModel):
    """A film in the bundle, with the score that it had when the bundle was written."""

    file: str = Field(pattern=r"^[a-z0-9_-]+\.png$")
    sha256: str
    logit: float
    probability: float = Field(ge=0, le=1)


class Card(StoredModel):
    """Content of ``card.yaml``, which ``models.bundle.store`` verifies.

    ``operating_points`` belong to the image score. ``combined`` contains the operating points of
    the combined score.
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
    figures: tuple[CardFigure, ...]
    training: Training
    attribution: tuple[str, ...]
    combined: CombinedModel | None = None
    gate: GatePart | None = None
    golden: tuple[GoldenFilm, ...]
    digest: str = ""

    @property
    def operating_point(self) -> OperatingPoint:
        """Return the image score's first operating point, which is the default threshold."""
        return self.operating_points[0]


def bundle_digest(card: Card, weights: bytes, clinical: ClinicalModel | None = None) -> str:
    """Return ``sha256:`` and the digest of weights, card (without digest) and clinical model.

    Golden films and gate are not hashed again, because the card contains their digests.
    """
    parts = [hashlib.sha256(weights).digest(), _content(card)]
    if clinical is not None:
        parts.append(_content(clinical))
    return "sha256:" + hashlib.sha256(b"".join(parts)).hexdigest()


def _content(part: BaseModel) -> bytes:
    content = part.model_dump(mode="json", exclude={"digest"}, exclude_none=True)
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).digest()
