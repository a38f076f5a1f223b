"""Fitting: the right optimum, figures that nobody helped to make, and the real survey."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize

from models.calibration import clinical_fit
from models.calibration.clinical_cohort import Label, People, read_people
from models.calibration.clinical_fit import (
    FitError,
    cross_validated,
    fit_clinical,
    weighted_quantile,
)
from models.calibration.clinical_metrics import drawn, measure
from models.clinical.model import (
    ClinicalFacts,
    ClinicalModel,
    parse_clinical,
    restricted_cubic_spline,
)
from tests.support.paths import ROOT
from tests.support.people import make_people

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _few_draws(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Intervals of few draws, but where the figures are compared with the shipped ones."""
    if not request.node.get_closest_marker("shared_data"):
        monkeypatch.setattr("models.calibration.clinical_metrics.DRAWS", 20)


@pytest.fixture(scope="module")
def people() -> People:
    """Return people who do not exist."""
    return make_people()


def _facts(people: People, index: int) -> ClinicalFacts:
    sex = "M" if people.male[index] else "F"
    age, weight = float(people.age[index]), float(people.weight_kg[index])
    return ClinicalFacts(age, sex, weight, float(people.height_cm[index]))


def test_the_fit_is_the_optimum_of_the_weighted_penalised_likelihood(people: People) -> None:
    """Found a second time, by another minimiser, from the definition."""
    model = fit_clinical(people)
    rest = np.stack([people.male, people.weight_kg, people.height_cm], axis=1)
    terms = np.concatenate([restricted_cubic_spline(people.age, model.knots), rest], axis=1)
    share = people.weight / people.weight.sum()
    mean = share @ terms
    scaled = (terms - mean) / np.sqrt(share @ (terms - mean) ** 2)

    def cost(point: np.ndarray) -> float:
        logit = scaled @ point[1:] + point[0]
        loss = np.logaddexp(0, logit) - people.positive * logit
        return float((people.weight * loss).sum() + (point[1:] ** 2).sum() / 2)

    found = minimize(cost, np.zeros(terms.shape[1] + 1), method="BFGS", options={"gtol": 1e-5}).x
    ours = [model.logit(_facts(people, index)) for index in range(len(people.age))]
    np.testing.assert_allclose(ours, scaled @ found[1:] + found[0], atol=1e-3)


def test_a_person_of_double_weight_counts_as_two(people: People) -> None:
    """What a survey weight means."""
    twice = np.arange(0, len(people.age), 3)
    weight = np.ones(len(people.age))
    weight[twice] = 2
    weighted = clinical_fit._fit(replace(people, weight=weight))
    rows = np.append(np.arange(len(people.age)), twice)
    doubled = clinical_fit._fit(
        replace(clinical_fit._some(people, rows), weight=np.ones(len(rows)))
    )
    assert weighted.knots == doubled.knots
    np.testing.assert_allclose(weighted.logits(people), doubled.logits(people), atol=1e-5)


def test_nobody_is_scored_by_a_model_that_saw_their_sampling_unit(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And everybody is scored once."""
    seen: list[set[int]] = []
    scored: list[tuple[set[int], int]] = []
    fit = clinical_fit._fit

    class Watched(clinical_fit._Fitted):
        def logits(self, people: People) -> np.ndarray:
            scored.append((set(people.cluster.tolist()), len(people.age)))
            return super().logits(people)

    def watched(some: People) -> Watched:
        seen.append(set(some.cluster.tolist()))
        made = fit(some)
        return Watched(made.knots, made.by)

    monkeypatch.setattr(clinical_fit, "_fit", watched)
    cross_validated(people)
    assert len(seen) == len(scored) == 10
    assert all(taught.isdisjoint(asked) for taught, (asked, _) in zip(seen, scored, strict=True))
    assert sum(count for _, count in scored) == len(people.age)


def test_facts_that_say_nothing_are_not_made_to_say_something(people: People) -> None:
    """With labels shuffled, cross-validation finds chance; a leak would find more."""
    shuffled = np.random.default_rng(1).permutation(people.positive)
    figures = fit_clinical(replace(people, positive=shuffled)).figures
    assert 0.4 < figures.auc.value < 0.57


def test_figures_are_weighted_and_their_definitions_hold(people: People) -> None:
    """AUC by counting pairs; of true logits the slope is one; bias is found in the large."""
    logits = cross_validated(people)
    figures = measure(people, logits, 10)
    cases, others = people.positive, ~people.positive
    pairs = people.weight[cases][:, None] * people.weight[others]
    ordered = logits[cases][:, None] > logits[others]
    assert figures.auc.value == pytest.approx((pairs * ordered).sum() / pairs.sum(), abs=1e-6)
    chance = 1 / (1 + np.exp(-logits))
    brier = np.average((chance - people.positive) ** 2, weights=people.weight)
    assert figures.brier == pytest.approx(brier)
    raised = measure(people, 2 * logits + 1, 10)
    assert raised.calibration_slope.value == pytest.approx(
        figures.calibration_slope.value / 2, 1e-3
    )
    assert measure(people, logits + 1, 10).calibration_intercept == pytest.approx(
        figures.calibration_intercept - 1
    )
    assert figures.auc.low < figures.auc.value < figures.auc.high


def test_draws_take_whole_units_of_every_stratum(people: People) -> None:
    """Of two units one, counted twice: the other's people are out together."""
    for times in drawn(people, 5):
        assert set(times.tolist()) == {0.0, 2.0}
        for stratum in range(15):
            units = {2 * stratum, 2 * stratum + 1}
            taken = {int(unit) for unit in people.cluster[times > 0]} & units
            assert len(taken) == 1


def test_a_quantile_is_reached_by_weight() -> None:
    values, weight = np.array([3.0, 1.0, 2.0]), np.array([1.0, 8.0, 1.0])
    quantiles = [weighted_quantile(values, weight, one) for one in (0.05, 0.8, 0.85, 0.95)]
    assert quantiles == [1.0, 1.0, 2.0, 3.0]


@pytest.mark.parametrize("everyone", [True, False])
def test_people_of_one_class_teach_nothing(people: People, everyone: bool) -> None:
    with pytest.raises(FitError, match="needs both classes"):
        fit_clinical(replace(people, positive=np.full(len(people.age), everyone)))


def test_too_few_people_or_ages_are_refused(people: People) -> None:
    with pytest.raises(FitError, match="only 1 sampling units"):
        fit_clinical(replace(people, cluster=np.zeros(len(people.age), np.intp)))
    with pytest.raises(FitError, match="too much alike"):
        fit_clinical(replace(people, age=np.full(len(people.age), 60.0)))


def test_the_model_says_on_whom_it_was_fitted(people: People) -> None:
    model = fit_clinical(people)
    assert "people who do not exist" in model.about
    assert model.left_out == {"of another split": 3}
    assert (model.figures.people, model.figures.folds) == (600, 10)
    assert model.inputs.weight_kg.low == people.weight_kg.min()
    assert model.drift() == 0


@pytest.mark.shared_data
class TestSurvey:
    """The real table; the shipped coefficients come from it."""

    @pytest.fixture(scope="class")
    def fitted(self, shared_data: Path) -> dict[Label, ClinicalModel]:
        """Return the models of both labels."""
        table = shared_data / "nhanes" / "nhanes_2013_2014_bmd.csv"
        both = (Label.FEMORAL_NECK, Label.ANY_SITE)
        return {label: fit_clinical(read_people(table, label)) for label in both}

    def test_it_reaches_what_was_asked_of_it(self, fitted: dict[Label, ClinicalModel]) -> None:
        """Weighted and cross-validated, at 50 and more."""
        for model, cases in zip(fitted.values(), (133, 216), strict=True):
            figures = model.figures
            assert figures.auc.value >= 0.80
            assert 0.9 <= figures.calibration_slope.value <= 1.1
            assert abs(figures.calibration_intercept) < 0.1
            assert (figures.people, figures.positives) == (2052, cases)
            assert model.left_out["no survey weight"] == 9

    def test_the_shipped_model_is_this_one(self, fitted: dict[Label, ClinicalModel]) -> None:
        """Whoever has the survey can make the shipped coefficients anew."""
        bundle = ROOT / "models" / "bundles" / "demo"
        shipped = parse_clinical((bundle / "clinical.yaml").read_text())
        ours = fitted[Label.FEMORAL_NECK]
        assert ours.knots == shipped.knots
        for one in shipped.golden:
            facts = ClinicalFacts(one.age_years, one.sex, one.weight_kg, one.height_cm)
            assert ours.logit(facts) == pytest.approx(one.logit, abs=1e-3)
        assert ours.figures.auc.value == pytest.approx(shipped.figures.auc.value, abs=1e-3)
