"""The scoring worker, which claims films, scores them, builds results and records outcomes."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from time import perf_counter

import structlog
from pydicom import dcmread

from models.gate.image_findings import ImageFindings
from node.domain.access import Caller, assumed_charset
from node.domain.admission.header_rules import (
    AdmissionPolicy,
    Admitted,
    Refused,
    mark_reported,
    refuse_other_film,
)
from node.domain.admission.reasons import Reason
from node.domain.decision.decide import DecisionPolicy, refused_verdict
from node.domain.decision.prediction import Prediction, Verdict
from node.domain.decision.prior_studies import NO_PRIOR_STUDIES, PriorStudies, look_back_start
from node.domain.errors import Rejected
from node.domain.radiograph.case import Case
from node.domain.workflow.delivery import (
    PlannedDelivery,
    Result,
    Route,
    active_routes,
    plan_deliveries,
    shadow_destinations,
)
from node.domain.workflow.job import Analysed, AnalysisOutcome, Job, NotScored
from node.domain.workflow.retry import Failed, RetryAt
from node.inference.pipeline import PipelineFilm, PipelineResult, ScoredFilm, ScoringPipeline
from node.jobs.scoring_queue import ScoringQueue
from node.ports import Predictor
from node.results.build import build_results
from node.results.encode import to_bytes
from node.results.result_context import ResultContext, ResultSettings
from node.spool.store import FileSpool
from node.workers.loop import ClaimSettings, outcome_of_error, process_batch
from node.workers.read_image import read_pixels

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ScoringConfig:
    """The policies for admission and decision, and the settings of results and destinations."""

    admission: AdmissionPolicy
    decision: DecisionPolicy
    routes: tuple[Route, ...]
    results: ResultSettings
    callers: tuple[Caller, ...] = ()


@dataclass
class ScoringWorker:
    """A scoring worker, which uses one device."""

    queue: ScoringQueue
    spool: FileSpool
    predictor: Predictor
    settings: ClaimSettings
    config: ScoringConfig
    clock: Callable[[], datetime]

    def __post_init__(self) -> None:
        self._pipeline = ScoringPipeline(
            self.predictor, self.config.admission, self.config.decision
        )

    def step(self) -> int:
        """Claim and process one batch; return its number of films."""
        return process_batch(
            self.queue.claim, self.queue.renew, self._process, self.settings, self.clock
        )

    def _process(self, jobs: Sequence[Job]) -> None:
        with ThreadPoolExecutor(len(jobs)) as threads:
            films = [film for film in threads.map(self._decode, jobs) if film is not None]
        for job, result in self._pipeline.run(films):
            match result.outcome:
                case ScoredFilm() as scored:
                    self._report(job, scored, result)
                case Refused() as refused:
                    self._refuse(job, refused, result.image_findings)
                case error:
                    self._fail(job, error)

    def _decode(self, job: Job) -> tuple[Job, PipelineFilm] | None:
        """Return a film for the pipeline, or None if the film is refused or its decoding fails."""
        waited = (self.clock() - job.received_at).total_seconds()
        began = perf_counter()
        try:
            match job.admission:
                case Refused() as refused:
                    self._refuse(job, refused)
                    return None
                case Admitted() as admitted if not job.scored_film_uid:
                    radiograph = read_pixels(self.spool, self.predictor, job.film, job.spool_key)
                    seconds = {"wait": waited, "decode": perf_counter() - began}
                    case = Case(job.film, radiograph)
                    prior_studies = partial(self._prior_studies, job)
                    return job, PipelineFilm(case, admitted, seconds, prior_studies)
            self._refuse(job, refuse_other_film(job.scored_film_uid, self.config.admission))
        except Exception as error:  # noqa: BLE001 - the failure of one film
            self._fail(job, error)
        return None

    def _prior_studies(self, job: Job) -> PriorStudies:
        """Return the stored results of the patient, as far back as the policy requires."""
        first = look_back_start(job.film.exposure_date, self.config.decision.prior)
        if first is None:
            return NO_PRIOR_STUDIES
        return PriorStudies(self.predictor.identity.digest, self.queue.prior_results(job, first))

    def _report(self, job: Job, scored: ScoredFilm, result: PipelineResult) -> None:
        began = perf_counter()
        flagged = scored.decision.flagged
        verdict = Verdict(
            probability=scored.prediction.probability,
            decision=scored.decision,
            model=self.predictor.identity,
            seconds=result.seconds,
            shadow_destinations=shadow_destinations(self.config.routes, flagged),
            notes=result.notes,
        )
        try:
            deliveries = self._plan(job, verdict, scored.prediction)
        except Exception as error:  # noqa: BLE001 - the failure of one film
            self._fail(job, error)
            return
        seconds = verdict.seconds | {"results": perf_counter() - began}
        verdict = replace(verdict, seconds=seconds)
        self._settle(job, Analysed(verdict, deliveries, result.image_findings))

    def _refuse(self, job: Job, refused: Refused, findings: ImageFindings | None = None) -> None:
        """Record a film that is not scored; send a report if the policy requires a report."""
        if not refused.reported:
            self._settle(job, NotScored(refused.reason, refused.text, findings))
            return
        try:
            verdict = refused_verdict(
                job.film, refused, self.config.decision, self.predictor.identity
            )
            shadowed = shadow_destinations(self.config.routes, flagged=False)
            verdict = replace(verdict, shadow_destinations=shadowed)
            deliveries = self._plan(job, verdict)
        except Exception as error:  # noqa: BLE001 - the failure of one film
            self._fail(job, error)
        else:
            self._settle(job, Analysed(verdict, deliveries, findings))

    def _plan(
        self, job: Job, verdict: Verdict, prediction: Prediction | None = None
    ) -> tuple[PlannedDelivery, ...]:
        """Build a film's results and write them to the spool; return their planned deliveries."""
        routes = self.config.routes
        source = dcmread(self.spool.path(job.spool_key), stop_before_pixels=True)
        charset = assumed_charset(self.config.callers, job.film.calling_ae)
        settings = replace(self.config.results, assume_charset=charset)
        context = ResultContext(source, job.film, verdict, settings)
        built = build_results(context, prediction, active_routes(routes), job.reports)
        results = tuple(
            Result(
                kind=result.kind,
                sop_class_uid=result.content.SOPClassUID,
                sop_instance_uid=result.content.SOPInstanceUID,
                spool_key=self.spool.store_result(to_bytes(result.content)),
                series_instance_uid=result.content.SeriesInstanceUID,
                variant=result.variant,
            )
            for result in built
        )
        return tuple(plan_deliveries(results, routes, verdict.decision.flagged))

    def _fail(self, job: Job, error: Exception) -> None:
        if isinstance(error, Rejected):
            refused = Refused(Reason(error.reason), error.text)
            self._refuse(job, mark_reported(refused, self.config.admission))
        else:
            now, policy = self.clock(), self.settings.retry
            self._settle(job, outcome_of_error(error, job.attempt, now, policy))

    def _settle(self, job: Job, outcome: AnalysisOutcome) -> None:
        job_log = log.bind(job_id=job.id, attempt=job.attempt)
        if not self.queue.settle(job, outcome, self.clock()):
            job_log.info("lease_lost")
            return
        match outcome:
            case Analysed(verdict=verdict):
                job_log.info(
                    "analysis_finished",
                    flagged=verdict.decision.flagged,
                    notes=[str(note) for note in verdict.notes],
                    reason=str(verdict.refusal_reason or ""),
                )
            case NotScored(reason=reason):
                job_log.info("film_refused", reason=str(reason))
            case RetryAt(at=at, error=error):
                job_log.warning("analysis_retry_scheduled", error=error, retry_at=at.isoformat())
            case Failed(error=error):
                job_log.error("analysis_failed", error=error)
