"""The scoring pipeline: check the image of a film, predict its scores, and decide on the scores."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import TypeVar

from models.gate.image_findings import ImageFindings
from node.domain.admission.header_rules import AdmissionPolicy, Admitted, Refused
from node.domain.admission.image_rules import CheckedFilm, prepare_film, uses_gate
from node.domain.admission.reasons import AdmissionNote
from node.domain.decision.decide import DecisionPolicy, decide
from node.domain.decision.prediction import Decision, Prediction
from node.domain.decision.prior_studies import NO_PRIOR_STUDIES, PriorStudies
from node.domain.radiograph.case import Case
from node.ports import Predictor

Key = TypeVar("Key")
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class PipelineFilm:
    """A decoded film, admitted by its header; `seconds` are the durations of earlier steps."""

    case: Case
    admission: Admitted
    seconds: dict[str, float] = field(default_factory=dict)
    prior_studies: Callable[[], PriorStudies] = lambda: NO_PRIOR_STUDIES


@dataclass(frozen=True, slots=True)
class ScoredFilm:
    """The model's output for a film, and the policy's decision on this output."""

    prediction: Prediction
    decision: Decision


@dataclass(frozen=True, slots=True)
class PipelineResult:
    """The outcome for one film: scored, refused because of its image, or an error.

    `image_findings` is None if no gate checked the image. In `seconds`, `gate` and `predict` are
    the duration of the batch divided by the number of films.
    """

    outcome: ScoredFilm | Refused | Exception
    notes: tuple[AdmissionNote, ...] = ()
    image_findings: ImageFindings | None = None
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass
class ScoringPipeline:
    """The pipeline of one bundle; without an admission policy, images are not checked."""

    predictor: Predictor
    admission: AdmissionPolicy | None
    decision: DecisionPolicy

    def run(
        self, films: Sequence[tuple[Key, PipelineFilm]]
    ) -> Iterator[tuple[Key, PipelineResult]]:
        """Yield each film's key and result; films that are not scored come first.

        If a batch fails, its films are tried individually, so that only the faulty film has an
        error. The decision is made when the caller requests the result. Prior studies therefore
        include earlier films of the same batch, if the caller has recorded their results.
        """
        admitted = []
        for (key, film), (findings, seconds) in zip(films, self._check(films), strict=True):
            if isinstance(findings, Exception):
                yield key, PipelineResult(findings, film.admission.notes, None, seconds)
                continue
            examined = self._apply(film, findings)
            if isinstance(examined, Refused):
                yield key, PipelineResult(examined, (), findings, seconds)
            else:
                film = replace(film, case=examined.case)
                admitted.append((key, film, (examined.notes, findings, seconds)))
        predictions = run_isolated(self.predictor.predict, [film.case for _, film, _ in admitted])
        for (key, film, (notes, findings, seconds)), (prediction, share) in zip(
            admitted, predictions, strict=True
        ):
            outcome = self._decide(film, prediction)
            yield key, PipelineResult(outcome, notes, findings, seconds | {"predict": share})

    def _apply(self, film: PipelineFilm, findings: ImageFindings | None) -> CheckedFilm | Refused:
        if self.admission is None:
            return CheckedFilm(film.case, film.admission.notes)
        return prepare_film(film.case, film.admission, findings, self.admission)

    def _check(
        self, films: Sequence[tuple[object, PipelineFilm]]
    ) -> list[tuple[ImageFindings | Exception | None, dict[str, float]]]:
        """Return the gate's findings and the durations of the steps so far, for each film."""
        if self.admission is None or not uses_gate(self.predictor.has_gate, self.admission):
            return [(None, film.seconds) for _, film in films]
        radiographs = [film.case.radiograph for _, film in films]
        checked = run_isolated(self.predictor.check_images, radiographs)
        return [
            (findings, film.seconds | {"gate": share})
            for (_, film), (findings, share) in zip(films, checked, strict=True)
        ]

    def _decide(
        self, film: PipelineFilm, prediction: Prediction | Exception
    ) -> ScoredFilm | Exception:
        if isinstance(prediction, Exception):
            return prediction
        try:
            prior = film.prior_studies()
            decision = decide(prediction.probability, film.case.film, self.decision, prior)
        except Exception as error:  # noqa: BLE001 - the failure of one film
            return error
        return ScoredFilm(prediction, decision)


def run_isolated(
    work: Callable[[Sequence[Item]], Sequence[Result]], batch: Sequence[Item]
) -> list[tuple[Result | Exception, float]]:
    """Run `work` on a batch; if the batch fails, run `work` on each item separately.

    Returns the result or the error of each item, and the item's share of the time in seconds.
    """
    if not batch:
        return []
    began = perf_counter()
    try:
        results = work(batch)
    except Exception as error:  # noqa: BLE001 - the failure of one item
        if len(batch) == 1:
            return [(error, perf_counter() - began)]
        return [pair for item in batch for pair in run_isolated(work, [item])]
    share = (perf_counter() - began) / len(batch)
    return [(result, share) for result in results]
