"""Build the results of a case with the node's own functions and the demonstration bundle."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from pydicom import dcmread

from node.domain.decision.prediction import Prediction, Probability, ScoreKind
from node.domain.radiograph.case import Case as ScoringCase
from node.domain.radiograph.film import Film
from node.domain.workflow.delivery import ResultKind, Route, SendCondition, SrClass
from node.header.read import read_film
from node.inference.predictor import BundlePredictor, load
from node.results.build import BuiltResult, build_results
from node.results.fonts import typeface_for
from node.results.result_context import ResultContext, ResultSettings
from tests.validators.cases import Case

ROUTES = (
    Route("3d", tuple(ResultKind), SendCondition.ALWAYS),
    Route(
        "old", (ResultKind.REPORT, ResultKind.HEATMAP), SendCondition.ALWAYS, SrClass.COMPREHENSIVE
    ),
)
"""Two destinations that together receive every kind of result."""


def build_case_results(case: Case, folder: Path) -> Iterator[BuiltResult]:
    """Yield every kind of result for the film of a case."""
    path = case.write(folder / "film.dcm")
    film = read_film(path, "MODALITY")
    outcome = case.film.outcome
    prediction = None if outcome.refused else _predict(case, film, path)
    probability = prediction.probability if prediction else Probability()
    verdict = outcome.verdict(film, probability, _predictor().identity)
    settings = ResultSettings(
        "0.1.0",
        language=case.language,
        typeface=typeface_for(case.language, None),
        assume_charset=case.name.assume_charset,
    )
    source = dcmread(path, stop_before_pixels=True)
    return build_results(ResultContext(source, film, verdict, settings), prediction, ROUTES)


def _predict(case: Case, film: Film, path: Path) -> Prediction:
    """Score the film; the film must have clinical inputs if its score is clinical or combined."""
    (prediction,) = _predictor().predict([ScoringCase(film, _predictor().decode(path))])
    image_only = case.film.outcome.score_kind is ScoreKind.IMAGE
    assert image_only or prediction.probability.clinical is not None
    return prediction


@cache
def _predictor() -> BundlePredictor:
    return load("demo", "cpu", 0)
