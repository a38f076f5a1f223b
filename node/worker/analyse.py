"""The analyse role: claim films, score them, build their results once, settle."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter

import structlog
from pydicom import dcmread

from node.domain import policy, retry
from node.domain.callers import Caller, charset_of
from node.domain.delivery import Reference, Result, Route, lit, parcels, shadowed
from node.domain.errors import Rejected
from node.domain.job import Analysed, AnalysisOutcome, Job, NotScored
from node.domain.policy import ThresholdPolicy
from node.domain.prediction import Case, Prediction, Radiograph, Verdict
from node.domain.prior import NOTHING_BEFORE, Past, since
from node.domain.retry import RetryPolicy
from node.films.header import require_intact
from node.ports import Predictor, Queue, Spool
from node.results.build import build_results
from node.results.encode import to_bytes
from node.results.subject import ResultSettings, Subject
from node.worker.loop import as_known, kept_leases, told

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class AnalysisSettings:
    """How an analyst works: `lease` in seconds, `batch` in films."""

    worker: str
    batch: int
    lease: float
    retry: RetryPolicy


@dataclass(frozen=True, slots=True)
class Rules:
    """What is made of a score, and what is sent where. The next film may meet other ones; what is
    done with one film is done by the same.
    """

    thresholds: ThresholdPolicy
    routes: tuple[Route, ...]
    results: ResultSettings
    callers: tuple[Caller, ...] = ()


@dataclass(frozen=True, slots=True)
class _Decoded:
    job: Job
    shown: Radiograph
    seconds: dict[str, float]


class Analyst:
    """One analysing worker on one device."""

    def __init__(
        self,
        queue: Queue,
        spool: Spool,
        predictor: Predictor,
        settings: AnalysisSettings,
        rules: Callable[[], Rules],
        clock: Callable[[], datetime],
    ) -> None:
        self._queue = queue
        self._spool = spool
        self._predictor = predictor
        self._settings = settings
        self._rules = rules
        self._clock = clock

    def step(self) -> int:
        """Claim and work off one batch; return how many films it held."""
        now, lease = self._clock(), self._settings.lease
        until = now + timedelta(seconds=lease)
        jobs = self._queue.claim(self._settings.worker, now, until, self._settings.batch)
        if jobs:
            renew = lambda until: self._queue.renew(jobs, until)  # noqa: E731
            with kept_leases(renew, lease, self._clock):
                self._work(jobs)
        return len(jobs)

    def _work(self, jobs: Sequence[Job]) -> None:
        with ThreadPoolExecutor(len(jobs)) as waiting:
            decoded = [one for one in waiting.map(self._decode, jobs) if one is not None]
        if decoded:
            self._score(decoded)

    def _decode(self, job: Job) -> _Decoded | None:
        waited = (self._clock() - job.received_at).total_seconds()
        began = perf_counter()
        try:
            path = self._spool.path(job.spool_key)
            require_intact(path, job.film)  # a damaged film must not be scored as if it were none
            shown = self._predictor.decode(path)
        except Exception as error:  # noqa: BLE001 - one film's failure is that film's alone
            self._fail(job, error)
            return None
        return _Decoded(job, shown, {"wait": waited, "decode": perf_counter() - began})

    def _score(self, batch: Sequence[_Decoded]) -> None:
        began = perf_counter()
        try:
            predictions = self._predictor.predict([Case(one.job.film, one.shown) for one in batch])
        except Exception as error:  # noqa: BLE001 - as above
            if len(batch) == 1:
                self._fail(batch[0].job, error)
            else:  # find out whose fault it is
                for one in batch:
                    self._score([one])
            return
        share = (perf_counter() - began) / len(batch)
        for one, prediction in zip(batch, predictions, strict=True):
            one.seconds["predict"] = share
            self._report(one, prediction)

    def _report(self, one: _Decoded, prediction: Prediction) -> None:
        try:
            outcome = self._results(one, prediction)
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(one.job, error)
        else:
            self._settle(one.job, outcome)

    def _results(self, one: _Decoded, prediction: Prediction) -> Analysed:
        """Build and spool the results of one film; what they are sent as is these very bytes."""
        began = perf_counter()
        rules = self._rules()
        decision = policy.decide(
            prediction.probability,
            one.job.film,
            rules.thresholds,
            self._past(one.job, rules.thresholds),
        )
        verdict = Verdict(
            probability=prediction.probability,
            decision=decision,
            model=self._predictor.identity,
            seconds=one.seconds,
            shadowed=shadowed(rules.routes, decision.flagged),
        )
        path = self._spool.path(one.job.spool_key)
        subject = _subject(path, one.job, verdict, rules)
        results = self._build(subject, prediction, lit(rules.routes), one.job.reports)
        one.seconds["results"] = perf_counter() - began
        sent = parcels(results, rules.routes, decision.flagged)
        return Analysed(verdict, tuple(sent))

    def _past(self, job: Job, rules: ThresholdPolicy) -> Past:
        """Return what is on record of the patient, as far back as policy looks."""
        first = since(job.film.taken, rules.prior)
        if first is None:
            return NOTHING_BEFORE
        return Past(self._predictor.identity.digest, self._queue.earlier(job, first))

    def _build(
        self,
        subject: Subject,
        prediction: Prediction,
        routes: Sequence[Route],
        earlier: Sequence[Reference],
    ) -> tuple[Result, ...]:
        built = build_results(subject, prediction, routes, earlier)
        return tuple(
            Result(
                kind=one.kind,
                sop_class_uid=one.content.SOPClassUID,
                sop_instance_uid=one.content.SOPInstanceUID,
                spool_key=self._spool.write(to_bytes(one.content)),
                series_instance_uid=one.content.SeriesInstanceUID,
                form=one.form,
            )
            for one in built
        )

    def _fail(self, job: Job, error: Exception) -> None:
        match error:
            case Rejected(reason=reason, text=text):
                self._settle(job, NotScored(reason, text))
            case _:
                now, plan = self._clock(), self._settings.retry
                known = as_known(error)
                self._settle(job, retry.decide(known, job.attempt, now, plan, retry.draw_jitter()))

    def _settle(self, job: Job, outcome: AnalysisOutcome) -> None:
        kept = self._queue.settle(job, outcome, self._clock())
        log.info(
            "film_settled" if kept else "lease_lost",
            job_id=job.id,
            attempt=job.attempt,
            **told(outcome),
        )


def _subject(path: Path, job: Job, verdict: Verdict, rules: Rules) -> Subject:
    source = dcmread(path, stop_before_pixels=True)
    charset = charset_of(rules.callers, job.film.calling_ae)
    return Subject(source, job.film, verdict, replace(rules.results, assume_charset=charset))
