"""Fit the clinical model and measure it by cross-validation. Serving needs none of this."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

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
"""scikit-learn's C on standardised terms: so little that it only steadies the spline."""

QUANTILES: Final = (0.05, 0.35, 0.65, 0.95)
"""Harrell's places for four knots (Regression Modeling Strategies, 2.4.6)."""

_EXAMPLES: Final = (
    (52.0, MALE, 95.0, 182.0),
    (55.0, FEMALE, 78.0, 165.0),
    (67.0, FEMALE, 55.0, 158.0),
    (90.0, FEMALE, 48.0, 152.0),
)

_LIMITS: Final = (
    "A chance in the population named above; elsewhere it may be wrong, and in a published study "
    "of such models it fell to chance at another hospital.",
    "No decision rests on it alone, and where the bundle has no combined part, none at all.",
    "Complete cases only: people too frail to be measured, or with a fact missing, are not in it.",
)
_SURVEY_LIMITS: Final = (
    "The survey calls everyone of 80 and more 80: at those ages the model tells none apart.",
    "T-scores refer to white women of 20 to 29, for both sexes and for everyone.",
)


class FitError(ProcessingError):
    """These people cannot teach a model; one line says why."""


@dataclass(frozen=True)
class _Fitted:
    knots: tuple[float, ...]
    by: Coefficients

    def logits(self, people: People) -> Float:
        by = self.by
        weights = np.array([*by.age, by.male, by.weight_kg, by.height_cm])
        return np.asarray(_terms(people, self.knots) @ weights + by.intercept, np.float64)


def fit_clinical(people: People) -> ClinicalModel:
    """The model of all these people, with the figures that it reached in cross-validation.

    Raises FitError.
    """
    _check(people)
    figures = measure(people, cross_validated(people), FOLDS)
    fitted = _fit(people)
    model = ClinicalModel(
        about=f"fitted on {people.population} for {LABELS[people.label]}",
        label=LABELS[people.label],
        population=people.population,
        method=(
            f"logistic regression, L2 (C = {PENALTY:g} on standardised terms), on a restricted "
            f"cubic spline of age, sex, weight and height; figures by {FOLDS}-fold "
            "cross-validation over sampling units, pooled"
        ),
        left_out=dict(people.left_out),
        limits=_LIMITS + (_SURVEY_LIMITS if people.age_ceiling is not None else ()),
        inputs=AcceptedInputs(
            age_years=ValueRange(low=YOUNGEST, high=OLDEST),
            weight_kg=_span(people.weight_kg),
            height_cm=_span(people.height_cm),
            age_ceiling=people.age_ceiling,
        ),
        knots=fitted.knots,
        coefficients=fitted.by,
        figures=figures,
        software={
            "scikit-learn": sklearn.__version__,
            "numpy": np.__version__,
            "scipy": scipy.__version__,
        },
    )
    return model.model_copy(update={"golden": _golden(model)})


def cross_validated(people: People) -> Float:
    """Logits, (n,), each from a model that saw nobody of that person's sampling unit.

    Knots and scales are found anew in each fold.
    """
    logits = np.empty(len(people.age))
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=SEED)
    for seen, unseen in folds.split(logits, people.positive, people.cluster):
        logits[unseen] = _fit(_some(people, seen)).logits(_some(people, unseen))
    return logits


def weighted_quantile(values: Float, weight: Float, quantile: float) -> float:
    """The least value that ``quantile`` of the weight does not exceed."""
    order = np.argsort(values)
    reached = np.cumsum(weight[order]) / weight.sum()
    return float(values[order][np.searchsorted(reached, quantile)])


def _fit(people: People) -> _Fitted:
    knots = tuple(weighted_quantile(people.age, people.weight, one) for one in QUANTILES)
    if len(set(knots)) < len(knots):
        raise FitError("ages are too much alike for a spline; the table needs more people")
    terms = _terms(people, knots)
    mean = np.average(terms, axis=0, weights=people.weight)
    scale = np.sqrt(np.average((terms - mean) ** 2, axis=0, weights=people.weight))
    scale[scale == 0] = 1.0  # one sex only, say: a term that says nothing
    found = LogisticRegression(C=PENALTY, tol=1e-8, max_iter=1000)
    found.fit((terms - mean) / scale, people.positive, sample_weight=people.weight)
    slopes = found.coef_[0] / scale
    *age, male, weight_kg, height_cm = slopes.tolist()
    by = Coefficients(
        intercept=float(found.intercept_[0] - slopes @ mean),
        age=tuple(age),
        male=male,
        weight_kg=weight_kg,
        height_cm=height_cm,
    )
    return _Fitted(knots, by)


def _terms(people: People, knots: tuple[float, ...]) -> Float:
    """The columns of the regression in the order of ``Coefficients``, (n, terms)."""
    rest = np.stack([people.male, people.weight_kg, people.height_cm], axis=1)
    return np.concatenate([restricted_cubic_spline(people.age, knots), rest], axis=1)


def _span(values: Float) -> ValueRange:
    return ValueRange(low=float(values.min()), high=float(values.max()))


def _golden(model: ClinicalModel) -> tuple[GoldenPerson, ...]:
    """Invented people whom the model scores, with their logits."""
    scored = [(facts, model.logit(ClinicalFacts(*facts))) for facts in _EXAMPLES]
    return tuple(
        GoldenPerson(age_years=age, sex=sex, weight_kg=weight, height_cm=height, logit=logit)
        for (age, sex, weight, height), logit in scored
        if logit is not None
    )


def _some(people: People, rows: npt.NDArray[np.intp]) -> People:
    """These rows of the people."""
    return replace(
        people,
        age=people.age[rows],
        male=people.male[rows],
        weight_kg=people.weight_kg[rows],
        height_cm=people.height_cm[rows],
        positive=people.positive[rows],
        weight=people.weight[rows],
        cluster=people.cluster[rows],
        stratum=people.stratum[rows],
    )


def _check(people: People) -> None:
    """Raise FitError where cross-validation would have a fold to learn from without a class."""
    positive = people.positive
    if positive.all() or not positive.any():
        which = "everybody" if positive.all() else "nobody"
        raise FitError(f"{which} in the table has osteoporosis; a model needs both classes")
    units = min(len(np.unique(people.cluster[which])) for which in (positive, ~positive))
    if units < FOLDS:
        raise FitError(
            f"only {units} sampling units have people of both classes; {FOLDS}-fold "
            f"cross-validation needs {FOLDS}"
        )
