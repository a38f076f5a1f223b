"""A case's results, made by the node's own functions, model included."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from pydicom import dcmread

from node.domain.delivery import ResultKind, Route, SrClass, When
from node.domain.prediction import Case as Scored
from node.domain.prediction import Decision, Finding, Probability, Used, Verdict
from node.films.header import read_film
from node.inference.predictor import BundlePredictor, load
from node.results.build import Built, build_results
from node.results.subject import ResultSettings, Subject
from node.results.typeface import typeface_for
from tests.judges.cases import Case

EVERYTHING = (
    Route("3d", tuple(ResultKind), When.ALWAYS),
    Route("old", (ResultKind.REPORT, ResultKind.HEATMAP), When.ALWAYS, SrClass.COMPREHENSIVE),
)
_THRESHOLD = 0.5


def results_of(case: Case, folder: Path) -> Iterator[Built]:
    """Yield every object that a destination can ask for of this case's film."""
    path = case.write(folder / "film.dcm")
    film = read_film(path, "MODALITY")
    shown = _predictor().decode(path)
    (prediction,) = _predictor().predict([Scored(film, shown)])
    verdict = Verdict(
        _probability(case, prediction.probability), _decision(case), _predictor().identity
    )
    settings = ResultSettings(
        "0.1.0",
        language=case.language,
        typeface=typeface_for(case.language, None),
        assume_charset=case.name.assume_charset,
    )
    source = dcmread(path, stop_before_pixels=True)
    return build_results(Subject(source, film, verdict, settings), prediction, EVERYTHING)


@cache
def _predictor() -> BundlePredictor:
    return load("demo", "cpu", 0)


def _decision(case: Case) -> Decision:
    """The finding that the case is about; the score itself is beside the point here."""
    if case.film.finding is Finding.UNDETERMINED:
        return Decision(case.film.finding, _THRESHOLD, reason="the film is too dark")
    used = Used.IMAGE if case.film.used is Used.CLINICAL else case.film.used
    score = 0.8 if case.film.finding is Finding.PRESENT else 0.2
    return Decision(case.film.finding, _THRESHOLD, score=score, used=used)


def _probability(case: Case, found: Probability) -> Probability:
    """The model's own, and for a case with clinical facts, that they were there."""
    if case.film.used is not Used.IMAGE:
        assert found.clinical is not None, "the case's film was to have clinical facts"
    return found
