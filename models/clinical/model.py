"""The clinical model: the chance of osteoporosis from age, sex, weight and height alone.

A logistic regression with a restricted cubic spline of age. Its coefficients, ranges and figures
lie in a bundle as ``clinical.yaml``, covered by the bundle's digest; ``clinical_fit`` makes them.
Weight and height rather than BMI: a film's header has these two, and weight itself, which loads
bone, says more than its ratio to height.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.io.yaml_text import read_words

Float = npt.NDArray[np.float64]

MALE, FEMALE = "M", "F"
SEXES: Final = (FEMALE, MALE)


class ClinicalError(ValueError):
    """The clinical part of a bundle cannot be used; the message names the field."""


@dataclass(frozen=True)
class ClinicalFacts:
    """What is known of a person; None, or an empty sex, where it is not."""

    age_years: float | None = None
    sex: str = ""
    weight_kg: float | None = None
    height_cm: float | None = None


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Span(_Part):
    """The values of an input that the model was fitted on, both ends included."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Whether a value lies in the span; NaN does not."""
        return self.low <= value <= self.high


class Inputs(_Part):
    """What the model accepts; anything else gets no score.

    ``age_ceiling`` is the age at which a survey stops telling ages apart: whoever is older
    counts as that old, as in the data that the model was fitted on.
    """

    age_years: Span
    weight_kg: Span
    height_cm: Span
    age_ceiling: float | None = None


class Coefficients(_Part):
    """Of the logit: per year and per spline term of age, for men, per kg and per cm."""

    intercept: float
    age: tuple[float, ...]
    male: float
    weight_kg: float
    height_cm: float


class Interval(_Part):
    """A figure with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


class ClinicalFigures(_Part):
    """Cross-validated and weighted: each person was scored by a model that never saw them.

    ``calibration_intercept`` is calibration in the large: what the logits, their slope left
    at one, would have to be raised by.
    """

    people: int
    positives: int
    prevalence: float = Field(ge=0, le=1)
    folds: int
    auc: Interval
    calibration_slope: Interval
    calibration_intercept: float
    brier: float


class Example(_Part):
    """An invented person with the logit that they had when the model was written."""

    age_years: float
    sex: str
    weight_kg: float
    height_cm: float
    logit: float


class ClinicalModel(_Part):
    """Everything in ``clinical.yaml``. ``about`` follows the words "a model" in results."""

    about: str = Field(pattern=r"^[ -~]{1,200}$")
    label: str
    population: str
    method: str
    left_out: dict[str, int]
    limits: tuple[str, ...]
    inputs: Inputs
    knots: tuple[float, ...] = Field(min_length=3)
    coefficients: Coefficients
    figures: ClinicalFigures
    software: dict[str, str]
    golden: tuple[Example, ...] = ()

    @model_validator(mode="after")
    def _fits_together(self) -> ClinicalModel:
        if any(later <= knot for knot, later in zip(self.knots, self.knots[1:], strict=False)):
            raise ValueError("knots must rise")
        if len(self.coefficients.age) != len(self.knots) - 1:
            raise ValueError("age takes one coefficient fewer than there are knots")
        return self

    def logit(self, facts: ClinicalFacts) -> float | None:
        """The logit of a person; None where a fact is absent or out of range: none is guessed."""
        inputs, age, weight, height = self.inputs, facts.age_years, facts.weight_kg, facts.height_cm
        if age is None or weight is None or height is None or facts.sex not in SEXES:
            return None
        within = inputs.age_years.holds(age) and inputs.weight_kg.holds(weight)
        if not (within and inputs.height_cm.holds(height)):
            return None
        counted = age if inputs.age_ceiling is None else min(age, inputs.age_ceiling)
        terms, by = spline(np.array([counted]), self.knots)[0], self.coefficients
        return (
            by.intercept
            + math.fsum(a * b for a, b in zip(by.age, terms.tolist(), strict=True))
            + by.male * (facts.sex == MALE)
            + by.weight_kg * weight
            + by.height_cm * height
        )

    def probability(self, facts: ClinicalFacts) -> float | None:
        """The chance of osteoporosis of a person, 0 to 1; None where ``logit`` is."""
        logit = self.logit(facts)
        return None if logit is None else sigmoid(logit)

    def figures_in_words(self) -> list[tuple[str, str]]:
        """Names and values of the figures, for people."""
        one = self.figures
        intervals = (("AUC", one.auc), ("calibration slope", one.calibration_slope))
        return [
            ("people", f"{one.people}, of whom {one.positives} have osteoporosis"),
            ("prevalence, weighted", f"{one.prevalence:.2%}"),
            *((name, f"{it.value:.3f} ({it.low:.3f} to {it.high:.3f})") for name, it in intervals),
            ("calibration intercept", f"{one.calibration_intercept:+.3f}"),
            ("Brier score", f"{one.brier:.4f}"),
            *((f"left out: {why}", str(count)) for why, count in self.left_out.items()),
        ]

    def drift(self) -> float:
        """The largest difference of an example's logit from the stored one; infinite if lost."""
        now = (
            self.logit(ClinicalFacts(one.age_years, one.sex, one.weight_kg, one.height_cm))
            for one in self.golden
        )
        off = [
            math.inf if logit is None else abs(logit - one.logit)
            for logit, one in zip(now, self.golden, strict=True)
        ]
        return max(off, default=0.0)


def spline(values: Float, knots: Sequence[float]) -> Float:
    """Restricted cubic spline: (n,) to (n, len(knots) - 1), linear beyond the outer knots.

    F. Harrell, Regression Modeling Strategies, 2.4.5; the first column is the value itself, the
    others are scaled by the square of the knots' spread, so that all are in the value's unit.
    """
    last, before = knots[-1], knots[-2]
    spread = (last - knots[0]) ** 2

    def cube(knot: float) -> Float:
        return np.asarray(np.maximum(values - knot, 0.0) ** 3, np.float64)

    bent = [
        cube(knot)
        - cube(before) * (last - knot) / (last - before)
        + cube(last) * (before - knot) / (last - before)
        for knot in knots[:-2]
    ]
    return np.stack([values, *(one / spread for one in bent)], axis=1)


def sigmoid(logit: float) -> float:
    """Probability of a logit; never overflows."""
    if logit >= 0:
        return 1.0 / (1.0 + math.exp(-logit))
    small = math.exp(logit)
    return small / (1.0 + small)


def parse_clinical(text: str) -> ClinicalModel:
    """Model of the YAML text. Raises ClinicalError with one line."""
    try:
        content = read_words(text)
    except ValueError as error:
        raise ClinicalError(f"it is {error}") from error
    try:
        return ClinicalModel.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "clinical"
        raise ClinicalError(f"{where}: {first['msg']}") from error


def dump_clinical(model: ClinicalModel) -> str:
    """The model as YAML, fields in the order of the class."""
    content = model.model_dump(mode="json", exclude_none=True)
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
