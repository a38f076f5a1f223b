"""Tests of the clinical fit: optimum, independent folds, metrics, and the real survey."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize

from models.calibration import clinical_fit
from models.calibration.clinical_cohort import Label, People, read_people
from models.calibration.clinical_fit import (
    FitError,
    cross_validate,
    fit_clinical,
    weighted_quantile,
)
from models.calibration.clinical_metrics import measure, resample
from models.clinical.model import (
    ClinicalFacts,
    ClinicalModel,
    restricted_cubic_spline,
)
from models.io.yaml_text import parse_yaml
from tests.support.paths import ROOT
from tests.support.people import make_people

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _few_draws(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use few resamples, except in the comparison with the shipped metrics."""
    if not request.node.get_closest_marker("shared_data"):
        monkeypatch.setattr("models.calibration.clinical_metrics.DRAWS", 20)


@pytest.fixture(scope="module")
def people() -> People:
    """Return synthetic people."""
    return make_people()


def _facts(people: People, index: int) -> ClinicalFacts:
    sex = "M" if people.male[index] else "F"
    age, weight = float(people.age[index]), float(people.weight_kg[index])
    return ClinicalFacts(age, sex, weight, float(people.height_cm[index]))


def test_the_fit_is_the_optimum_of_the_weighted_penalised_likelihood(people: People) -> None:
    """A different minimiser of the likelihood finds the same optimum."""
    model = fit_clinical(people)
    linear = np.stack([people.male, people.weight_kg, people.height_cm], axis=1)
    terms = np.concatenate([restricted_cubic_spline(people.age, model.knots), linear], axis=1)
    share = people.weight / people.weight.sum()
    mean = share @ terms
    scaled = (terms - mean) / np.sqrt(share @ (terms - mean) ** 2)

    def cost(point: np.ndarray) -> float:
        logit = scaled @ point[1:] + point[0]
        loss = np.logaddexp(0, logit) - people.positive * logit
        return float((people.weight * loss).sum() + (point[1:] ** 2).sum() / 2)

    optimum = minimize(cost, np.zeros(terms.shape[1] + 1), method="BFGS", options={"gtol": 1e-5}).x
    logits = [model.logit(_facts(people, index)) for index in range(len(people.age))]
    np.testing.assert_allclose(logits, scaled @ optimum[1:] + optimum[0], atol=1e-3)


def test_a_person_of_double_weight_counts_as_two(people: People) -> None:
    twice = np.arange(0, len(people.age), 3)
    weight = np.ones(len(people.age))
    weight[twice] = 2
    weighted = clinical_fit._fit(replace(people, weight=weight))
    rows = np.append(np.arange(len(people.age)), twice)
    doubled = clinical_fit._fit(
        replace(clinical_fit._select(people, rows), weight=np.ones(len(rows)))
    )
    assert weighted.knots == doubled.knots
    np.testing.assert_allclose(weighted.logits(people), doubled.logits(people), atol=1e-5)


def test_a_sampling_unit_is_never_in_the_fit_and_in_the_test_of_a_fold(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every person gets one score."""
    fitted: list[set[int]] = []
    scored: list[tuple[set[int], int]] = []
    fit = clinical_fit._fit

    class Recording(clinical_fit._Regression):
        def logits(self, people: People) -> np.ndarray:
            scored.append((set(people.cluster.tolist()), len(people.age)))
            return super().logits(people)

    def record(people: People) -> Recording:
        fitted.append(set(people.cluster.tolist()))
        regression = fit(people)
        return Recording(regression.knots, regression.coefficients)

    monkeypatch.setattr(clinical_fit, "_fit", record)
    cross_validate(people)
    assert len(fitted) == len(scored) == 10
    assert all(train.isdisjoint(test) for train, (test, _) in zip(fitted, scored, strict=True))
    assert sum(count for _, count in scored) == len(people.age)


def test_shuffled_labels_give_an_auc_near_one_half(people: People) -> None:
    """A higher AUC would indicate a leak between the folds."""
    shuffled = np.random.default_rng(1).permutation(people.positive)
    figures = fit_clinical(replace(people, positive=shuffled)).figures
    assert 0.4 < figures.auc.value < 0.57


def test_metrics_are_weighted_and_agree_with_their_definitions(people: People) -> None:
    logits = cross_validate(people)
    figures = measure(people, logits, 10)
    cases, controls = people.positive, ~people.positive
    pairs = people.weight[cases][:, None] * people.weight[controls]
    ordered = logits[cases][:, None] > logits[controls]
    assert figures.auc.value == pytest.approx((pairs * ordered).sum() / pairs.sum(), abs=1e-6)
    probability = 1 / (1 + np.exp(-logits))
    brier = np.average((probability - people.positive) ** 2, weights=people.weight)
    assert figures.brier == pytest.approx(brier)
    raised = measure(people, 2 * logits + 1, 10)
    assert raised.calibration_slope.value == pytest.approx(
        figures.calibration_slope.value / 2, 1e-3
    )
    assert measure(people, logits + 1, 10).calibration_intercept == pytest.approx(
        figures.calibration_intercept - 1
    )
    assert figures.auc.low < figures.auc.value < figures.auc.high


def test_resamples_contain_complete_units_of_every_stratum(people: People) -> None:
    """In a stratum of two units, one unit counts twice and the other unit is absent."""
    for counts in resample(people, 5):
        assert set(counts.tolist()) == {0.0, 2.0}
        for stratum in range(15):
            units = {2 * stratum, 2 * stratum + 1}
            drawn = {int(unit) for unit in people.cluster[counts > 0]} & units
            assert len(drawn) == 1


def test_quantiles_are_weighted() -> None:
    values, weight = np.array([3.0, 1.0, 2.0]), np.array([1.0, 8.0, 1.0])
    quantiles = [weighted_quantile(values, weight, share) for share in (0.05, 0.8, 0.85, 0.95)]
    assert quantiles == [1.0, 1.0, 2.0, 3.0]


@pytest.mark.parametrize("label", [True, False])
def test_people_of_one_class_are_refused(people: People, label: bool) -> None:
    with pytest.raises(FitError, match="needs both classes"):
        fit_clinical(replace(people, positive=np.full(len(people.age), label)))


def test_too_few_units_or_ages_are_refused(people: People) -> None:
    with pytest.raises(FitError, match="only 1 sampling units"):
        fit_clinical(replace(people, cluster=np.zeros(len(people.age), np.intp)))
    with pytest.raises(FitError, match="too similar"):
        fit_clinical(replace(people, age=np.full(len(people.age), 60.0)))


def test_the_model_describes_the_people_of_the_fit(people: People) -> None:
    model = fit_clinical(people)
    assert "synthetic people" in model.about
    assert model.left_out == {"of another split": 3}
    assert (model.figures.people, model.figures.folds) == (600, 10)
    assert model.inputs.weight_kg.low == people.weight_kg.min()
    assert model.drift() == 0


@pytest.mark.shared_data
class TestSurvey:
    """The real survey, on which the shipped model was fitted."""

    @pytest.fixture(scope="class")
    def fitted(self, shared_data: Path) -> dict[Label, ClinicalModel]:
        """Return the models that are fitted to each of the two labels."""
        table = shared_data / "nhanes" / "nhanes_2013_2014_bmd.csv"
        labels = (Label.FEMORAL_NECK, Label.ANY_SITE)
        return {label: fit_clinical(read_people(table, label)) for label in labels}

    def test_the_metrics_are_sufficient(self, fitted: dict[Label, ClinicalModel]) -> None:
        for model, cases in zip(fitted.values(), (133, 216), strict=True):
            figures = model.figures
            assert figures.auc.value >= 0.80
            assert 0.9 <= figures.calibration_slope.value <= 1.1
            assert abs(figures.calibration_intercept) < 0.1
            assert (figures.people, figures.positives) == (2052, cases)
            assert model.left_out["no survey weight"] == 9

    def test_the_fit_reproduces_the_shipped_model(self, fitted: dict[Label, ClinicalModel]) -> None:
        bundle = ROOT / "models" / "bundles" / "demo"
        shipped = parse_yaml((bundle / "clinical.yaml").read_text(), ClinicalModel)
        model = fitted[Label.FEMORAL_NECK]
        assert model.knots == shipped.knots
        for person in shipped.golden:
            facts = ClinicalFacts(person.age_years, person.sex, person.weight_kg, person.height_cm)
            assert model.logit(facts) == pytest.approx(person.logit, abs=1e-3)
        assert model.figures.auc.value == pytest.approx(shipped.figures.auc.value, abs=1e-3)
