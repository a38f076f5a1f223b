"""The clinical model has the correct terms, and gives no score if a value is missing."""

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from models.clinical.model import (
    ClinicalFacts,
    ClinicalModel,
    restricted_cubic_spline,
)
from models.io.yaml_text import YamlError, dump_yaml, parse_yaml
from tests.support.paths import ROOT

CLINICAL = ROOT / "models" / "bundles" / "demo" / "clinical.yaml"
WOMAN = ClinicalFacts(age_years=67.0, sex="F", weight_kg=55.0, height_cm=158.0)
KNOTS = (51.0, 58.0, 66.0, 80.0)


@pytest.fixture(scope="module")
def shipped() -> ClinicalModel:
    """Return the clinical model of the demonstration bundle."""
    return parse_yaml(CLINICAL.read_text(), ClinicalModel)


@pytest.mark.parametrize("knots", [KNOTS, (50.0, 60.0, 90.0), (1.0, 2.0, 4.0, 8.0, 16.0)])
def test_the_spline_is_a_natural_cubic_spline(knots: tuple[float, ...]) -> None:
    """Each column equals SciPy's natural spline through the column's values at the knots."""
    at = np.array(knots)
    fine = np.linspace(at[0], at[-1], 101)
    natural = CubicSpline(at, restricted_cubic_spline(at, knots), bc_type="natural")
    np.testing.assert_allclose(restricted_cubic_spline(fine, knots), natural(fine), atol=1e-9)
    assert np.linalg.matrix_rank(restricted_cubic_spline(fine, knots)) == len(knots) - 1


def test_the_spline_is_straight_beyond_the_outer_knots() -> None:
    for low in (20.0, 80.0):
        terms = restricted_cubic_spline(np.array([low, low + 10, low + 20]), KNOTS)
        np.testing.assert_allclose(terms[1] - terms[0], terms[2] - terms[1], atol=1e-9)


def test_a_logit_is_the_sum_of_its_terms(shipped: ClinicalModel) -> None:
    """The expected value is computed with Harrell's formula for one age."""
    by, (a, b, c, d) = shipped.coefficients, shipped.knots
    bent = [
        (
            (67 - knot) ** 3 * (knot < 67)
            - (67 - c) ** 3 * (c < 67) * (d - knot) / (d - c)
            + (67 - d) ** 3 * (d < 67) * (c - knot) / (d - c)
        )
        / (d - a) ** 2
        for knot in (a, b)
    ]
    expected = by.intercept + by.age[0] * 67 + by.age[1] * bent[0] + by.age[2] * bent[1]
    expected += by.weight_kg * 55 + by.height_cm * 158
    logit = shipped.logit(WOMAN)
    assert logit == pytest.approx(expected)
    man = shipped.logit(replace(WOMAN, sex="M"))
    assert man == pytest.approx(expected + by.male)
    assert shipped.probability(WOMAN) == pytest.approx(1 / (1 + math.exp(-expected)))


@pytest.mark.parametrize(
    "missing",
    [{"age_years": None}, {"weight_kg": None}, {"height_cm": None}, {"sex": ""}, {"sex": "O"}],
)
def test_a_missing_value_gives_no_score(shipped: ClinicalModel, missing: dict[str, None]) -> None:
    facts = replace(WOMAN, **missing)
    assert shipped.logit(facts) is None
    assert shipped.probability(facts) is None


@pytest.mark.parametrize("name", ["age_years", "weight_kg", "height_cm"])
def test_a_value_out_of_range_gives_no_score(shipped: ClinicalModel, name: str) -> None:
    """Examples are a height in metres, a weight in grams, and an age outside of the fit."""
    span = getattr(shipped.inputs, name)
    for inside in (span.low, span.high):
        assert shipped.logit(replace(WOMAN, **{name: inside})) is not None
    for outside in (span.low - 0.01, span.high + 0.01, math.nan, math.inf, -1.0):
        assert shipped.logit(replace(WOMAN, **{name: outside})) is None


def test_ages_above_the_surveys_ceiling_give_the_same_score(shipped: ClinicalModel) -> None:
    """The survey records ages above 80 as 80."""
    eighty, ninety, younger = (
        shipped.logit(replace(WOMAN, age_years=age)) for age in (80.0, 90.0, 79.0)
    )
    assert eighty == ninety
    assert eighty != younger
    free = shipped.model_copy(
        update={"inputs": shipped.inputs.model_copy(update={"age_ceiling": None})}
    )
    assert free.logit(replace(WOMAN, age_years=90.0)) != eighty


def test_age_weight_and_sex_change_the_risk_in_the_known_direction(shipped: ClinicalModel) -> None:
    """The risk increases with age, decreases with weight, and is lower for men."""
    ages = [shipped.logit(replace(WOMAN, age_years=float(age))) for age in range(50, 81)]
    assert ages == sorted(ages)
    assert shipped.coefficients.weight_kg < 0
    assert shipped.coefficients.male < 0


def test_the_model_is_written_and_read_without_loss(shipped: ClinicalModel) -> None:
    assert parse_yaml(dump_yaml(shipped), ClinicalModel) == shipped


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("- 51.0\n", "- 58.0\n", "knots must rise"),
        ("- 66.0\n", "", "one coefficient fewer"),
        ("weight_kg: -0.05", "weight: -0.05", "coefficients.weight"),
        ("intercept: 1.7", "intercept: .nan\n  x: 1.7", "intercept"),
        ("about: ", "about: {", "not YAML"),
    ],
)
def test_an_invalid_model_is_refused_in_one_line(old: str, new: str, message: str) -> None:
    text = CLINICAL.read_text()
    assert old in text
    with pytest.raises(YamlError, match=message) as error:
        parse_yaml(text.replace(old, new), ClinicalModel)
    assert "\n" not in str(error.value)


def test_golden_persons_detect_a_changed_model(shipped: ClinicalModel) -> None:
    """Changed coefficients give a drift; ranges that exclude a person give an infinite drift."""
    assert len(shipped.golden) >= 3
    assert shipped.drift() < 1e-9
    coefficients = shipped.coefficients.model_copy(update={"male": -0.1})
    assert shipped.model_copy(update={"coefficients": coefficients}).drift() > 0.1
    age = shipped.inputs.age_years.model_copy(update={"low": 60.0})
    inputs = shipped.inputs.model_copy(update={"age_years": age})
    assert shipped.model_copy(update={"inputs": inputs}).drift() == math.inf


def test_serving_imports_neither_scikit_learn_nor_the_compiler_of_torch() -> None:
    """A node has no extra `research`, and the import of the compiler would take two seconds."""
    script = (
        "import sys; sys.modules['sklearn'] = sys.modules['torch._dynamo'] = None\n"
        "from node.inference.predictor import load\n"
        "from models.clinical.model import ClinicalFacts\n"
        "bundle = load('demo', 'cpu', 1)._bundle\n"
        "print(bundle.clinical.probability(ClinicalFacts(67.0, 'F', 55.0, 158.0)))"
    )
    process = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    assert 0 < float(process.stdout) < 1
