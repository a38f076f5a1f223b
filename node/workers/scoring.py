"""The analyse role: claim films, score them, build their results once, settle."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter

import structlog
from pydicom import dcmread

from models.gate.image_findings import ImageFindings
from models.images.radiograph import Radiograph
from node.domain.access import Caller, charset_of
from node.domain.admission.header_rules import (
    AdmissionPolicy,
    Admitted,
    Refused,
    as_policy_has_it,
    not_chosen,
)
from node.domain.admission.image_rules import Examined, asks, examine
from node.domain.admission.reasons import Reason
from node.domain.decision import decide
from node.domain.decision.decide import DecisionPolicy, unscored
from node.domain.decision.prediction import Prediction, Verdict
from node.domain.decision.prior_studies import NOTHING_BEFORE, Past, since
from node.domain.errors import Rejected
from node.domain.radiograph.case import Case
from node.domain.workflow import retry
from node.domain.workflow.delivery import (
    PlannedDelivery,
    Reference,
    Result,
    Route,
    active_routes,
    plan_deliveries,
    shadow_destinations,
)
from node.domain.workflow.job import Analysed, AnalysisOutcome, Job, NotScored
from node.jobs.scoring_queue import ScoringQueue
from node.ports import Predictor
from node.results.build import build_results
from node.results.encode import to_bytes
from node.results.result_context import ResultSettings, Subject
from node.spool.store import FileSpool
from node.workers.loop import ScoringSettings, as_known, kept_leases, retry_individually, told
from node.workers.read_image import read_pixels

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ScoringConfig:
    """How films are admitted by their pixels, how scores are decided, and what is sent where."""

    admission: AdmissionPolicy
    thresholds: DecisionPolicy
    routes: tuple[Route, ...]
    results: ResultSettings
    callers: tuple[Caller, ...] = ()


@dataclass(frozen=True, slots=True)
class _Decoded:
    job: Job
    admitted: Admitted
    shown: Radiograph
    seconds: dict[str, float]


@dataclass(frozen=True, slots=True)
class _Ready:
    """A film that its pixels have let through, and the rules that it met then."""

    job: Job
    examined: Examined
    rules: ScoringConfig
    seconds: dict[str, float]


class ScoringWorker:
    """One analysing worker on one device."""

    def __init__(
        self,
        queue: ScoringQueue,
        spool: FileSpool,
        predictor: Predictor,
        settings: ScoringSettings,
        rules: ScoringConfig,
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
            self._look(decoded)

    def _decode(self, job: Job) -> _Decoded | None:
        waited = (self._clock() - job.received_at).total_seconds()
        began = perf_counter()
        try:
            match job.admission:
                case Refused() as refused:
                    self._turn_away(job, refused)
                    return None
                case Admitted() as admitted if not job.chosen:
                    shown = read_pixels(self._spool, self._predictor, job.film, job.spool_key)
                    seconds = {"wait": waited, "decode": perf_counter() - began}
                    return _Decoded(job, admitted, shown, seconds)
            self._turn_away(job, not_chosen(job.chosen, self._rules.admission))
        except Exception as error:  # noqa: BLE001 - one film's failure is that film's alone
            self._fail(job, error)
        return None

    def _look(self, batch: Sequence[_Decoded]) -> None:
        """See what the films show, and have those scored that are what they should be."""
        began, rules = perf_counter(), self._rules
        seen: Sequence[ImageFindings | None]
        asked = asks(self._predictor.has_gate, rules.admission)
        try:
            films = [one.shown for one in batch]
            seen = self._predictor.check_images(films) if asked else [None] * len(films)
        except Exception as error:  # noqa: BLE001 - as above
            retry_individually(batch, self._look, self._fail_one, error)
            return
        share = (perf_counter() - began) / len(batch)
        ready = []
        for one, sight in zip(batch, seen, strict=True):
            one.seconds["look"] = share
            case = Case(one.job.film, one.shown)
            match examine(case, one.admitted, sight, rules.admission):
                case Refused() as refused:
                    self._turn_away(one.job, refused, sight)
                case Examined() as examined:
                    ready.append(_Ready(one.job, examined, rules, one.seconds))
        if ready:
            self._score(ready)

    def _score(self, batch: Sequence[_Ready]) -> None:
        began = perf_counter()
        try:
            predictions = self._predictor.predict([one.examined.case for one in batch])
        except Exception as error:  # noqa: BLE001 - as above
            retry_individually(batch, self._score, self._fail_one, error)
            return
        share = (perf_counter() - began) / len(batch)
        for one, prediction in zip(batch, predictions, strict=True):
            one.seconds["predict"] = share
            self._report(one, prediction)

    def _report(self, one: _Ready, prediction: Prediction) -> None:
        began, rules, job = perf_counter(), one.rules, one.job
        try:
            decision = decide.decide(
                prediction.probability,
                job.film,
                rules.thresholds,
                self._past(job, rules.thresholds),
            )
            verdict = Verdict(
                probability=prediction.probability,
                decision=decision,
                model=self._predictor.identity,
                seconds=one.seconds,
                shadowed=shadow_destinations(rules.routes, decision.flagged),
                notes=one.examined.notes,
            )
            sent = self._parcels(job, verdict, rules, prediction)
            one.seconds["results"] = perf_counter() - began
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(job, error)
        else:
            self._settle(job, Analysed(verdict, sent, one.examined.seen))

    def _turn_away(self, job: Job, refused: Refused, seen: ImageFindings | None = None) -> None:
        """Keep a film that is not scored with its reason; report it where policy asks for it."""
        if not refused.reported:
            self._settle(job, NotScored(refused.reason, refused.text, seen))
            return
        rules = self._rules
        try:
            verdict = unscored(job.film, refused, rules.thresholds, self._predictor.identity)
            verdict = replace(verdict, shadowed=shadow_destinations(rules.routes, flagged=False))
            sent = self._parcels(job, verdict, rules)
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(job, error)
        else:
            self._settle(job, Analysed(verdict, sent, seen))

    def _parcels(
        self, job: Job, verdict: Verdict, rules: ScoringConfig, prediction: Prediction | None = None
    ) -> tuple[PlannedDelivery, ...]:
        """Build and spool the results of one film; what they are sent as is these very bytes."""
        subject = _subject(self._spool.path(job.spool_key), job, verdict, rules)
        results = self._build(subject, prediction, active_routes(rules.routes), job.reports)
        return tuple(plan_deliveries(results, rules.routes, verdict.decision.flagged))

    def _past(self, job: Job, rules: DecisionPolicy) -> Past:
        """Return what is on record of the patient, as far back as policy looks."""
        first = since(job.film.taken, rules.prior)
        if first is None:
            return NOTHING_BEFORE
        return Past(self._predictor.identity.digest, self._queue.prior_results(job, first))

    def _build(
        self,
        subject: Subject,
        prediction: Prediction | None,
        routes: Sequence[Route],
        earlier: Sequence[Reference],
    ) -> tuple[Result, ...]:
        built = build_results(subject, prediction, routes, earlier)
        return tuple(
            Result(
                kind=one.kind,
                sop_class_uid=one.content.SOPClassUID,
                sop_instance_uid=one.content.SOPInstanceUID,
                spool_key=self._spool.store_result(to_bytes(one.content)),
                series_instance_uid=one.content.SeriesInstanceUID,
                form=one.form,
            )
            for one in built
        )

    def _fail_one(self, one: _Decoded | _Ready, error: Exception) -> None:
        self._fail(one.job, error)

    def _fail(self, job: Job, error: Exception) -> None:
        match error:
            case Rejected(reason=reason, text=text):
                refused = Refused(Reason(reason), text)
                self._turn_away(job, as_policy_has_it(refused, self._rules.admission))
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


def _subject(path: Path, job: Job, verdict: Verdict, rules: ScoringConfig) -> Subject:
    source = dcmread(path, stop_before_pixels=True)
    charset = charset_of(rules.callers, job.film.calling_ae)
    return Subject(source, job.film, verdict, replace(rules.results, assume_charset=charset))
