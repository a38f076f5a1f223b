"""The challenger role: score analysed films again with a second bundle, for a later comparison.

It reads jobs and the spool, writes only its own rows, and builds no results.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import perf_counter

import structlog

from models.images.radiograph import Radiograph
from node.challenger.score_queue import ChallengerQueue
from node.challenger.states import ChallengerFilm, ChallengerOutcome, Gone, Scored
from node.domain.admission.image_rules import negative
from node.domain.decision import decide as policy
from node.domain.decision.decide import DecisionPolicy
from node.domain.decision.prediction import Prediction, Verdict
from node.domain.errors import Rejected
from node.domain.radiograph.case import Case
from node.domain.workflow import retry
from node.domain.workflow.job import NotScored
from node.ports import Predictor
from node.spool.store import FileSpool
from node.workers.loop import ScoringSettings, as_known, kept_leases, retry_individually, told
from node.workers.read_image import read_pixels

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Decoded:
    film: ChallengerFilm
    shown: Radiograph
    seconds: float


class ChallengerWorker:
    """One worker that scores films by the challenger's bundle."""

    def __init__(
        self,
        queue: ChallengerQueue,
        spool: FileSpool,
        predictor: Predictor,
        settings: ScoringSettings,
        policy: DecisionPolicy,
        clock: Callable[[], datetime],
    ) -> None:
        self._queue = queue
        self._spool = spool
        self._predictor = predictor
        self._settings = settings
        self._policy = policy
        self._clock = clock

    def step(self) -> int:
        """Claim and work off one batch; return how many films it held."""
        now, lease = self._clock(), self._settings.lease
        until = now + timedelta(seconds=lease)
        films = self._queue.claim(self._settings.worker, now, until, self._settings.batch)
        if films:
            renew = lambda until: self._queue.renew(films, until)  # noqa: E731
            with kept_leases(renew, lease, self._clock):
                decoded = [one for one in map(self._decode, films) if one is not None]
                if decoded:
                    self._score(decoded)
        return len(films)

    def _decode(self, film: ChallengerFilm) -> _Decoded | None:
        began = perf_counter()
        try:
            shown = read_pixels(self._spool, self._predictor, film.film, film.spool_key)
        except Exception as error:  # noqa: BLE001 - one film's failure is that film's alone
            self._fail(film, error)
            return None
        shown = negative(shown) if film.inverted else shown
        return _Decoded(film, shown, perf_counter() - began)

    def _score(self, batch: Sequence[_Decoded]) -> None:
        began = perf_counter()
        try:
            cases = [Case(one.film.film, one.shown) for one in batch]
            predictions = self._predictor.predict(cases)
        except Exception as error:  # noqa: BLE001 - as above
            retry_individually(
                batch,
                self._score,
                lambda one, error: self._fail(one.film, error),
                error,
            )
            return
        share = (perf_counter() - began) / len(batch)
        for one, prediction in zip(batch, predictions, strict=True):
            seconds = {"decode": one.seconds, "predict": share}
            self._settle(one.film, Scored(self._verdict(one.film, prediction, seconds)))

    def _verdict(
        self,
        film: ChallengerFilm,
        prediction: Prediction,
        seconds: dict[str, float],
    ) -> Verdict:
        """Return what policy would make of the score. It looks at no earlier film: those of the
        patient have another bundle's findings.
        """
        decision = policy.decide(prediction.probability, film.film, self._policy)
        return Verdict(prediction.probability, decision, self._predictor.identity, seconds)

    def _fail(self, film: ChallengerFilm, error: Exception) -> None:
        self._settle(film, self._failure(film, error))

    def _failure(self, film: ChallengerFilm, error: Exception) -> ChallengerOutcome:
        match error:
            case Rejected(reason=reason, text=text):
                return NotScored(reason, text)
            case _ if not film.spool_key:  # maintenance has purged it since its first try
                return Gone()
            case _:
                now, plan = self._clock(), self._settings.retry
                known = as_known(error)
                return retry.decide(known, film.attempt, now, plan, retry.draw_jitter())

    def _settle(self, film: ChallengerFilm, outcome: ChallengerOutcome) -> None:
        kept = self._queue.settle(film, outcome, self._clock())
        log.info(
            "challenger_settled" if kept else "lease_lost",
            job_id=film.job_id,
            attempt=film.attempt,
            **told(outcome),
        )
