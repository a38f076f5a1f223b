"""The challenger's worker, which scores analysed films again with the second bundle."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter

import structlog

from node.challenger.score_queue import ChallengerQueue
from node.challenger.states import ChallengerFilm, ChallengerOutcome, ChallengerScored, FilmGone
from node.domain.admission.header_rules import Admitted
from node.domain.admission.image_rules import invert
from node.domain.decision.decide import DecisionPolicy
from node.domain.decision.prediction import Verdict
from node.domain.errors import Rejected
from node.domain.radiograph.case import Case
from node.domain.workflow.job import NotScored
from node.domain.workflow.retry import Failed, RetryAt
from node.inference.pipeline import PipelineFilm, PipelineResult, ScoredFilm, ScoringPipeline
from node.ports import Predictor
from node.spool.store import FileSpool
from node.workers.loop import ClaimSettings, outcome_of_error, process_batch
from node.workers.read_image import read_pixels

log = structlog.get_logger()


@dataclass
class ChallengerWorker:
    """One worker that scores films with the challenger's bundle.

    The decision ignores prior studies, because another bundle has scored these studies.
    """

    queue: ChallengerQueue
    spool: FileSpool
    predictor: Predictor
    settings: ClaimSettings
    policy: DecisionPolicy
    clock: Callable[[], datetime]

    def __post_init__(self) -> None:
        self._pipeline = ScoringPipeline(self.predictor, None, self.policy)

    def step(self) -> int:
        """Claim and score one batch; return its number of films."""
        return process_batch(
            self.queue.claim, self.queue.renew, self._score, self.settings, self.clock
        )

    def _score(self, films: Sequence[ChallengerFilm]) -> None:
        decoded = [film for film in map(self._decode, films) if film is not None]
        for film, result in self._pipeline.run(decoded):
            self._settle(film, self._outcome(film, result))

    def _decode(self, film: ChallengerFilm) -> tuple[ChallengerFilm, PipelineFilm] | None:
        """Return a film for the pipeline, or None if its decoding failed."""
        began = perf_counter()
        try:
            radiograph = read_pixels(self.spool, self.predictor, film.film, film.spool_key)
        except Exception as error:  # noqa: BLE001 - the failure of one film
            self._settle(film, self._failure(film, error))
            return None
        case = Case(film.film, invert(radiograph) if film.inverted else radiograph)
        return film, PipelineFilm(case, Admitted(), {"decode": perf_counter() - began})

    def _outcome(self, film: ChallengerFilm, result: PipelineResult) -> ChallengerOutcome:
        match result.outcome:
            case ScoredFilm(prediction=prediction, decision=decision):
                identity = self.predictor.identity
                verdict = Verdict(prediction.probability, decision, identity, result.seconds)
                return ChallengerScored(verdict)
            case Exception() as error:
                return self._failure(film, error)
            case refused:
                return NotScored(refused.reason, refused.text)

    def _failure(self, film: ChallengerFilm, error: Exception) -> ChallengerOutcome:
        if isinstance(error, Rejected):
            return NotScored(error.reason, error.text)
        if not film.spool_key:  # the film was purged after its first attempt
            return FilmGone()
        return outcome_of_error(error, film.attempt, self.clock(), self.settings.retry)

    def _settle(self, film: ChallengerFilm, outcome: ChallengerOutcome) -> None:
        film_log = log.bind(job_id=film.job_id, attempt=film.attempt)
        if not self.queue.settle(film, outcome, self.clock()):
            film_log.info("lease_lost")
            return
        match outcome:
            case ChallengerScored():
                film_log.info("challenger_finished")
            case NotScored(reason=reason):
                film_log.info("challenger_film_refused", reason=str(reason))
            case FilmGone():
                film_log.info("challenger_film_purged")
            case RetryAt(at=at, error=error):
                film_log.warning("challenger_retry_scheduled", error=error, retry_at=at.isoformat())
            case Failed(error=error):
                film_log.error("challenger_failed", error=error)
