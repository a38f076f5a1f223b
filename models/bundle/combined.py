"""The combined model: a logistic regression on image logit and clinical logit.

If one of the two logits is missing, the image score is used instead of the combined score. The
combined score has its own thresholds.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from models.bundle.operating_points import OperatingPoint
from models.clinical.model import sigmoid
from models.io.yaml_text import StoredModel

Values = npt.NDArray[np.float64]


class GoldenPair(StoredModel):
    """Two logits, with the probability that they gave when the bundle was written."""

    image_logit: float
    clinical_logit: float
    probability: float = Field(ge=0, le=1)


class CombinedModel(StoredModel):
    """Probability = sigmoid(image * image logit + clinical * clinical logit + intercept).

    Neither weight may be negative. ``operating_points`` are thresholds on this probability.
    """

    image: float = Field(gt=0)
    clinical: float = Field(ge=0)
    intercept: float
    films: int
    positives: int
    source: str
    golden: tuple[GoldenPair, ...] = ()
    operating_points: tuple[OperatingPoint, ...] = ()

    @model_serializer(mode="wrap")
    def _without_empty_points(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Omit empty operating points: older bundles were signed without them."""
        content: dict[str, Any] = serialise(self)
        if not self.operating_points:
            del content["operating_points"]
        return content

    def probability(self, image_logit: float, clinical_logit: float) -> float:
        """Return the combined probability of two logits; the image logit is not calibrated."""
        return sigmoid(self.image * image_logit + self.clinical * clinical_logit + self.intercept)

    def drift(self) -> float:
        """Return the largest difference between computed and stored probabilities."""
        return max(
            (
                abs(self.probability(pair.image_logit, pair.clinical_logit) - pair.probability)
                for pair in self.golden
            ),
            default=0.0,
        )


def combined_probability(
    combined: CombinedModel | None, image_logit: float, clinical_logit: float | None
) -> float | None:
    """Return the combined probability, 0 to 1, or None if the model or a logit is missing.

    ``image_logit`` is not calibrated.
    """
    if combined is None or clinical_logit is None or not math.isfinite(image_logit):
        return None
    return combined.probability(image_logit, clinical_logit)


def combined_probabilities(
    combined: CombinedModel | None, image: Values, clinical: Values
) -> Values:
    """Return the combined probabilities of films, (n,); a film that lacks a logit gets NaN."""
    pairs = zip(image.tolist(), clinical.tolist(), strict=True)
    probabilities = [
        combined_probability(combined, image_logit, None if math.isnan(logit) else logit)
        for image_logit, logit in pairs
    ]
    return np.array(probabilities, np.float64)  # None becomes NaN
