"""The clinical model: probability of osteoporosis from age, sex, weight and height.

The model is a logistic regression with a restricted cubic spline of age. ``clinical.yaml`` of a
bundle contains its coefficients, ranges and figures. Weight and height are used instead of BMI,
because weight itself loads bone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from models.io.yaml_text import StoredModel

Float = npt.NDArray[np.float64]

MALE, FEMALE = "M", "F"
SEXES: Final = (FEMALE, MALE)


@dataclass(frozen=True)
class ClinicalFacts:
    """Clinical data of a person. An unknown value is None; an unknown sex is an empty text."""

    age_years: float | None = None
    sex: str = ""
    weight_kg: float | None = None
    height_cm: float | None = None


class ValueRange(StoredModel):
    """Range of an input in the data of the fit; both limits are in the range."""

    low: float
    high: float

    def contains(self, value: float) -> bool:
        """Return whether a value is in the range; NaN is in no range."""
        return self.low <= value <= self.high


class AcceptedInputs(StoredModel):
    """Accepted inputs. A person with a value outside its range gets no score.

    ``age_ceiling`` is the highest age that the survey records; higher ages are set to it.
    """

    age_years: ValueRange
    weight_kg: ValueRange
    height_cm: ValueRange
    age_ceiling: float | None = None


class Coefficients(StoredModel):
    """Coefficients of the logit for age (spline terms), male sex, weight in kg and height in cm."""

    intercept: float
    age: tuple[float, ...]
    male: float
    weight_kg: float
    height_cm: float


class ClinicalInterval(StoredModel):
    """A value with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


class ClinicalFigures(StoredModel):
    """Weighted figures of the model from cross-validation.

    ``calibration_intercept`` is the calibration in the large.
    """

    people: int
    positives: int
    prevalence: float = Field(ge=0, le=1)
    folds: int
    auc: ClinicalInterval
    calibration_slope: ClinicalInterval
    calibration_intercept: float
    brier: float


class GoldenPerson(StoredModel):
    """An example person, with the logit that the person had when the model was written."""

    age_years: float
    sex: str
    weight_kg: float
    height_cm: float
    logit: float


class ClinicalModel(StoredModel):
    """Content of ``clinical.yaml``. ``about`` is a phrase that follows "a model" in results."""

    about: str = Field(pattern=r"^[ -~]{1,200}$")
    label: str
    population: str
    method: str
    left_out: dict[str, int]
    limits: tuple[str, ...]
    inputs: AcceptedInputs
    knots: tuple[float, ...] = Field(min_length=3)
    coefficients: Coefficients
    figures: ClinicalFigures
    software: dict[str, str]
    golden: tuple[GoldenPerson, ...] = ()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if any(later <= knot for knot, later in zip(self.knots, self.knots[1:], strict=False)):
            raise ValueError("knots must rise")
        if len(self.coefficients.age) != len(self.knots) - 1:
            raise ValueError("age takes one coefficient fewer than there are knots")
        return self

    def logit(self, facts: ClinicalFacts) -> float | None:
        """Return the logit of a person; None if a value is missing or out of range."""
        inputs, age, weight, height = self.inputs, facts.age_years, facts.weight_kg, facts.height_cm
        if age is None or weight is None or height is None or facts.sex not in SEXES:
            return None
        within = inputs.age_years.contains(age) and inputs.weight_kg.contains(weight)
        if not (within and inputs.height_cm.contains(height)):
            return None
        used_age = age if inputs.age_ceiling is None else min(age, inputs.age_ceiling)
        terms, by = restricted_cubic_spline(np.array([used_age]), self.knots)[0], self.coefficients
        return (
            by.intercept
            + math.fsum(a * b for a, b in zip(by.age, terms.tolist(), strict=True))
            + by.male * (facts.sex == MALE)
            + by.weight_kg * weight
            + by.height_cm * height
        )

    def probability(self, facts: ClinicalFacts) -> float | None:
        """Return the probability of osteoporosis, 0 to 1, or None as ``logit`` does."""
        logit = self.logit(facts)
        return None if logit is None else sigmoid(logit)

    def figures_as_text(self) -> list[tuple[str, str]]:
        """Return names and values of the figures as readable text."""
        figures = self.figures
        intervals = (("AUC", figures.auc), ("calibration slope", figures.calibration_slope))
        return [
            ("people", f"{figures.people}, of whom {figures.positives} have osteoporosis"),
            ("prevalence, weighted", f"{figures.prevalence:.2%}"),
            *((name, f"{ci.value:.3f} ({ci.low:.3f} to {ci.high:.3f})") for name, ci in intervals),
            ("calibration intercept", f"{figures.calibration_intercept:+.3f}"),
            ("Brier score", f"{figures.brier:.4f}"),
            *((f"excluded: {cause}", str(count)) for cause, count in self.left_out.items()),
        ]

    def drift(self) -> float:
        """Return the largest difference from a stored logit; infinity if a person has no logit."""
        logits = (
            self.logit(ClinicalFacts(p.age_years, p.sex, p.weight_kg, p.height_cm))
            for p in self.golden
        )
        differences = [
            math.inf if logit is None else abs(logit - person.logit)
            for logit, person in zip(logits, self.golden, strict=True)
        ]
        return max(differences, default=0.0)


def restricted_cubic_spline(values: Float, knots: Sequence[float]) -> Float:
    """Return the terms of a restricted cubic spline, (n,) to (n, len(knots) - 1).

    The formula is in Harrell, Regression Modeling Strategies, 2.4.5. The first column is
    ``values``. All columns have the unit of ``values``.
    """
    last, before = knots[-1], knots[-2]
    spread = (last - knots[0]) ** 2

    def cube(knot: float) -> Float:
        return np.asarray(np.maximum(values - knot, 0.0) ** 3, np.float64)

    terms = [
        cube(knot)
        - cube(before) * (last - knot) / (last - before)
        + cube(last) * (before - knot) / (last - before)
        for knot in knots[:-2]
    ]
    return np.stack([values, *(term / spread for term in terms)], axis=1)


def sigmoid(logit: float) -> float:
    """Return the probability of a logit, without overflow."""
    if logit >= 0:
        return 1.0 / (1.0 + math.exp(-logit))
    small = math.exp(logit)
    return small / (1.0 + small)
