"""Fit of the clinical model, and its metrics by cross-validation."""

from dataclasses import dataclass, fields, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import scipy
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from models.calibration.clinical_cohort import LABELS, OLDEST, YOUNGEST, People
from models.calibration.clinical_metrics import measure
from models.clinical.model import (
    FEMALE,
    MALE,
    AcceptedInputs,
    ClinicalFacts,
    ClinicalModel,
    Coefficients,
    Float,
    GoldenPerson,
    ValueRange,
    restricted_cubic_spline,
)
from models.io.errors import ProcessingError

FOLDS: Final = 10
SEED: Final = 0

PENALTY: Final = 1.0
"""scikit-learn's parameter C for standardised terms; the weak penalty stabilises the spline."""

QUANTILES: Final = (0.05, 0.35, 0.65, 0.95)
"""Harrell's quantiles for four knots (Regression Modeling Strategies, 2.4.6)."""

_EXAMPLES: Final = (
    (52.0, MALE, 95.0, 182.0),
    (55.0, FEMALE, 78.0, 165.0),
    (67.0, FEMALE, 55.0, 158.0),
    (90.0, FEMALE, 48.0, 152.0),
)

_LIMITS: Final = (
    "The probability applies to the population named above. It may be wrong elsewhere: in a "
    "published study, such a model was no better than chance at another hospital.",
    "The clinical score alone decides nothing. It is used only in the combined score, if the "
    "bundle has a combined model.",
    "Complete cases only: people with a missing value, or too frail to be measured, are excluded.",
)
_SURVEY_LIMITS: Final = (
    "The survey records ages above 80 as 80; the model treats these ages as equal.",
    "T-scores refer to white women of 20 to 29 years, for both sexes and all ethnicities.",
)


class FitError(ProcessingError):
    """No model can be fitted to these people. The message states the reason."""


@dataclass(frozen=True)
class _Regression:
    knots: tuple[float, ...]
    coefficients: Coefficients

    def logits(self, people: People) -> Float:
        c = self.coefficients
        weights = np.array([*c.age, c.male, c.weight_kg, c.height_cm])
        return np.asarray(_terms(people, self.knots) @ weights + c.intercept, np.float64)


def fit_clinical(people: People) -> ClinicalModel:
    """Fit the model to all people, with metrics from cross-validation. Raises FitError."""
    _check(people)
    figures = measure(people, cross_validate(people), FOLDS)
    regression = _fit(people)
    model = ClinicalModel(
        about=f"fitted on {people.population} for {LABELS[people.label]}",
        label=LABELS[people.label],
        population=people.population,
        method=(
            f"logistic regression, L2 (C = {PENALTY:g} on standardised terms), on a restricted "
            f"cubic spline of age, sex, weight and height; metrics by {FOLDS}-fold "
            "cross-validation over sampling units, pooled"
        ),
        left_out=dict(people.left_out),
        limits=_LIMITS + (_SURVEY_LIMITS if people.age_ceiling is not None else ()),
        inputs=AcceptedInputs(
            age_years=ValueRange(low=YOUNGEST, high=OLDEST),
            weight_kg=_range(people.weight_kg),
            height_cm=_range(people.height_cm),
            age_ceiling=people.age_ceiling,
        ),
        knots=regression.knots,
        coefficients=regression.coefficients,
        figures=figures,
        software={
            "scikit-learn": sklearn.__version__,
            "numpy": np.__version__,
            "scipy": scipy.__version__,
        },
    )
    return model.model_copy(update={"golden": _golden(model)})


def cross_validate(people: People) -> Float:
    """Return out-of-fold logits, (n,); no sampling unit is in two folds.

    Knots and scales are fitted in each fold.
    """
    logits = np.empty(len(people.age))
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=SEED)
    for train, test in folds.split(logits, people.positive, people.cluster):
        logits[test] = _fit(_select(people, train)).logits(_select(people, test))
    return logits


def weighted_quantile(values: Float, weight: Float, quantile: float) -> float:
    """Return the lowest value at which the cumulative share of weight reaches ``quantile``."""
    order = np.argsort(values)
    cumulative = np.cumsum(weight[order]) / weight.sum()
    return float(values[order][np.searchsorted(cumulative, quantile)])


def _fit(people: People) -> _Regression:
    knots = tuple(weighted_quantile(people.age, people.weight, share) for share in QUANTILES)
    if len(set(knots)) < len(knots):
        raise FitError("the ages are too similar for a spline; the table needs more people")
    terms = _terms(people, knots)
    mean = np.average(terms, axis=0, weights=people.weight)
    scale = np.sqrt(np.average((terms - mean) ** 2, axis=0, weights=people.weight))
    scale[scale == 0] = 1.0  # a constant term, for example if all people have one sex
    regression = LogisticRegression(C=PENALTY, tol=1e-8, max_iter=1000)
    regression.fit((terms - mean) / scale, people.positive, sample_weight=people.weight)
    slopes = regression.coef_[0] / scale
    *age, male, weight_kg, height_cm = slopes.tolist()
    coefficients = Coefficients(
        intercept=float(regression.intercept_[0] - slopes @ mean),
        age=tuple(age),
        male=male,
        weight_kg=weight_kg,
        height_cm=height_cm,
    )
    return _Regression(knots, coefficients)


def _terms(people: People, knots: tuple[float, ...]) -> Float:
    """Return the columns of the regression in the order of ``Coefficients``, (n, terms)."""
    linear = np.stack([people.male, people.weight_kg, people.height_cm], axis=1)
    return np.concatenate([restricted_cubic_spline(people.age, knots), linear], axis=1)


def _range(values: Float) -> ValueRange:
    return ValueRange(low=float(values.min()), high=float(values.max()))


def _golden(model: ClinicalModel) -> tuple[GoldenPerson, ...]:
    """Return the example persons that the model can score, with their logits."""
    scored = [(facts, model.logit(ClinicalFacts(*facts))) for facts in _EXAMPLES]
    return tuple(
        GoldenPerson(age_years=age, sex=sex, weight_kg=weight, height_cm=height, logit=logit)
        for (age, sex, weight, height), logit in scored
        if logit is not None
    )


def _select(people: People, rows: npt.NDArray[np.intp]) -> People:
    values = {field.name: getattr(people, field.name) for field in fields(people)}
    selected: dict[str, Any] = {
        name: value[rows] for name, value in values.items() if isinstance(value, np.ndarray)
    }
    return replace(people, **selected)


def _check(people: People) -> None:
    """Raise FitError if a fold of the cross-validation could lack one of the classes."""
    positive = people.positive
    if positive.all() or not positive.any():
        share = "all" if positive.all() else "no"
        raise FitError(f"{share} people in the table have osteoporosis; the fit needs both classes")
    units = min(len(np.unique(people.cluster[in_class])) for in_class in (positive, ~positive))
    if units < FOLDS:
        raise FitError(
            f"only {units} sampling units contain people of the rarer class; {FOLDS}-fold "
            f"cross-validation needs {FOLDS}"
        )
