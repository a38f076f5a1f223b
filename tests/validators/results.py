"""A case's results, made by the node's own functions, model included."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from pydicom import dcmread

from node.domain.decision.prediction import Prediction, Probability, ScoreKind
from node.domain.radiograph.case import Case as Scored
from node.domain.radiograph.film import Film
from node.domain.workflow.delivery import ResultKind, Route, SendCondition, SrClass
from node.header.read import read_film
from node.inference.predictor import BundlePredictor, load
from node.results.build import BuiltResult, build_results
from node.results.fonts import typeface_for
from node.results.result_context import ResultSettings, Subject
from tests.validators.cases import Case

EVERYTHING = (
    Route("3d", tuple(ResultKind), SendCondition.ALWAYS),
    Route(
        "old", (ResultKind.REPORT, ResultKind.HEATMAP), SendCondition.ALWAYS, SrClass.COMPREHENSIVE
    ),
)


def results_of(case: Case, folder: Path) -> Iterator[BuiltResult]:
    """Yield every object that a destination can ask for of this case's film."""
    path = case.write(folder / "film.dcm")
    film = read_film(path, "MODALITY")
    prediction = None if case.film.said.refused else _predicted(case, film, path)
    found = prediction.probability if prediction else Probability()
    verdict = case.film.said.verdict(film, found, _predictor().identity)
    settings = ResultSettings(
        "0.1.0",
        language=case.language,
        typeface=typeface_for(case.language, None),
        assume_charset=case.name.assume_charset,
    )
    source = dcmread(path, stop_before_pixels=True)
    return build_results(Subject(source, film, verdict, settings), prediction, EVERYTHING)


def _predicted(case: Case, film: Film, path: Path) -> Prediction:
    """Return what the model makes of the film, which has clinical facts where they decide."""
    (found,) = _predictor().predict([Scored(film, _predictor().decode(path))])
    assert case.film.said.used is ScoreKind.IMAGE or found.probability.clinical is not None
    return found


@cache
def _predictor() -> BundlePredictor:
    return load("demo", "cpu", 0)
