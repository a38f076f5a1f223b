"""The combined model: image and clinical logit in one logistic regression.

Where a part is missing there is no combined score, and the image's own, calibrated by itself,
stands. A combined score is another one than the image's, and so are its thresholds.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from models.bundle.operating_points import OperatingPoint
from models.clinical.model import sigmoid

Values = npt.NDArray[np.float64]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Mixture(_Part):
    """Two logits with the probability that they had when the bundle was written."""

    image_logit: float
    clinical_logit: float
    probability: float = Field(ge=0, le=1)


class Combined(_Part):
    """Probability = sigmoid(image * image logit + clinical * clinical logit + intercept).

    Neither weight may be negative: a part that does not help is left out, not turned around.
    ``operating_points`` are thresholds on this probability; those on the image's lie in the card.
    """

    image: float = Field(gt=0)
    clinical: float = Field(ge=0)
    intercept: float
    films: int
    positives: int
    source: str
    golden: tuple[Mixture, ...] = ()
    operating_points: tuple[OperatingPoint, ...] = ()

    @model_serializer(mode="wrap")
    def _without_empty_points(self, written: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A part from before there were points reads, and is digested, as it was signed."""
        content: dict[str, Any] = written(self)
        if not self.operating_points:
            del content["operating_points"]
        return content

    def probability(self, image_logit: float, clinical_logit: float) -> float:
        """Of two logits, the image's before calibration."""
        return sigmoid(self.image * image_logit + self.clinical * clinical_logit + self.intercept)

    def drift(self) -> float:
        """The largest difference of a golden mixture's probability from the stored one."""
        return max(
            (
                abs(self.probability(one.image_logit, one.clinical_logit) - one.probability)
                for one in self.golden
            ),
            default=0.0,
        )


def combine(
    combined: Combined | None, image_logit: float, clinical_logit: float | None
) -> float | None:
    """The combined probability, 0 to 1; None where a part is missing: then the image's stands.

    ``image_logit`` is the net's own, before calibration.
    """
    if combined is None or clinical_logit is None or not math.isfinite(image_logit):
        return None
    return combined.probability(image_logit, clinical_logit)


def combine_films(combined: Combined | None, image: Values, clinical: Values) -> Values:
    """Combined probabilities of films by their logits, (n,) each; NaN where a part is missing."""
    pairs = zip(image.tolist(), clinical.tolist(), strict=True)
    mixed = (combine(combined, one, None if math.isnan(two) else two) for one, two in pairs)
    return np.array([math.nan if one is None else one for one in mixed], np.float64)
