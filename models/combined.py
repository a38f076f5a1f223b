"""The combined model: image and clinical logit in one logistic regression.

It is fitted on out-of-fold image logits: those of films that the net was trained on are too sure
of themselves, and would talk the clinical facts down. Where a part is missing there is no combined
score, and the image's own, calibrated by itself, stands. A combined score is another one than the
image's, and so are its thresholds.
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
from scipy.optimize import minimize

from models.clinical import sigmoid
from models.points import OperatingPoint, freeze

Values = npt.NDArray[np.floating]

_LEAST = 1e-6
"""The least weight of the image: a score that turns its own image around is no score."""


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

    def drift(self) -> float:
        """The largest difference of a golden mixture's probability from the stored one."""
        return max(
            (
                abs(_mixed(self, one.image_logit, one.clinical_logit) - one.probability)
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
    return _mixed(combined, image_logit, clinical_logit)


def fit(image_logits: Values, clinical_logits: Values, labels: Values, source: str) -> Combined:
    """The weights of largest likelihood, none negative, and operating points on the same films.

    All are (n,): out-of-fold image logits, clinical logits and labels 0 or 1 of the films that
    have both. ``source`` says which films these are. Raises ValueError for films of one class,
    for a logit that is no number, and where all score the same.
    """
    parts = np.stack([image_logits, clinical_logits], axis=1).astype(np.float64)
    positive = np.asarray(labels > 0.5)
    if positive.all() or not positive.any():
        raise ValueError("the combined model needs films of both classes")
    if not np.isfinite(parts).all():
        raise ValueError("a logit is no number; leave films without a clinical score out")

    def cost(point: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        scaled = parts @ point[:2] + point[2]
        loss = float((np.logaddexp(0.0, scaled) - positive * scaled).mean())
        off = 0.5 * (1 + np.tanh(scaled / 2)) - positive
        return loss, np.append(parts.T @ off, off.sum()) / len(off)

    found = minimize(
        cost,
        np.array([1.0, 0.0, 0.0]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(_LEAST, None), (0.0, None), (None, None)],
        options={"gtol": 1e-9, "ftol": 1e-14, "maxiter": 1000},
    )
    image, clinical, intercept = (float(value) for value in found.x)
    made = Combined(
        image=image,
        clinical=clinical,
        intercept=intercept,
        films=len(positive),
        positives=int(positive.sum()),
        source=source,
    )
    scores = np.array([_mixed(made, *pair) for pair in parts.tolist()])
    golden = tuple(
        Mixture(image_logit=i, clinical_logit=c, probability=_mixed(made, i, c))
        for i, c in ((-2.0, -3.0), (0.0, -2.0), (2.0, 0.0))
    )
    return made.model_copy(
        update={"golden": golden, "operating_points": freeze(scores, labels, source)}
    )


def _mixed(combined: Combined, image_logit: float, clinical_logit: float) -> float:
    return sigmoid(
        combined.image * image_logit + combined.clinical * clinical_logit + combined.intercept
    )
