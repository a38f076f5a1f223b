"""A job with its deliveries and its history, and a summary of the job for JSON."""

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from node.domain.admission.header_rules import Admitted
from node.domain.admission.reasons import AdmissionNote
from node.domain.decision.prediction import Decision, Probability
from node.domain.workflow.delivery import Delivery
from node.domain.workflow.job import Job, JobEvent


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One line of a job's history."""

    at: datetime
    event: str
    state: str
    actor: str
    reason: str
    delivery_id: int | None


@dataclass(frozen=True, slots=True)
class JobDetail:
    """A job with its deliveries and its history, oldest first."""

    job: Job
    deliveries: tuple[Delivery, ...]
    history: tuple[HistoryEntry, ...]


def summarise(detail: JobDetail) -> dict[str, Any]:
    """Return the summary of a job for `summary.json` and `jobs show --json`."""
    job, verdict = detail.job, detail.job.verdict
    decision = verdict.decision if verdict else None
    probability = verdict.probability if verdict else Probability()
    return {
        "id": job.id,
        "state": str(job.state),
        "reason": job.reason or None,
        "error": job.error or None,
        "attempt": job.attempt,
        "sop_instance_uid": job.film.sop_instance_uid,
        "study_instance_uid": job.film.study_instance_uid,
        "probability": asdict(probability),
        **_decision_summary(decision),
        "model": asdict(verdict.model) if verdict else None,
        "shadowed": list(verdict.shadow_destinations) if verdict else [],
        "notes": list(_notes(job)),
        "seen": asdict(job.image_findings) if job.image_findings else None,
        "seconds": _seconds(detail),
        "deliveries": [_delivery_summary(delivery) for delivery in detail.deliveries],
    }


def _notes(job: Job) -> tuple[AdmissionNote, ...]:
    """Return the notes of the verdict, or of the admission if there is no verdict."""
    if job.verdict is not None:
        return job.verdict.notes
    return job.admission.notes if isinstance(job.admission, Admitted) else ()


def _decision_summary(decision: Decision | None) -> dict[str, Any]:
    """Return the summary of a decision; without a decision, each value is None."""
    if decision is None:
        keys = ("used", "threshold", "finding", "undetermined", "flagged", "prior")
        return dict.fromkeys((*keys, "policy", "rule"))
    return {
        "used": _text(decision.score_kind),
        "threshold": decision.threshold,
        "finding": str(decision.finding),
        "undetermined": _text(decision.undetermined),
        "flagged": decision.flagged,
        "prior": asdict(decision.prior) | {"known": decision.already_reported}
        if decision.prior
        else None,
        "policy": decision.policy or None,
        "rule": decision.rule or None,
    }


def _text(code: StrEnum | None) -> str | None:
    return None if code is None else str(code)


def _delivery_summary(delivery: Delivery) -> dict[str, Any]:
    return {
        "destination": delivery.destination,
        "kind": str(delivery.kind),
        "state": str(delivery.state),
        "sop_instance_uid": delivery.sop_instance_uid,
        "attempt": delivery.attempt,
        "error": delivery.error or None,
    }


def _seconds(detail: JobDetail) -> dict[str, float]:
    """Return the seconds of each stage of the analysis, of the delivery, and in total."""
    verdict = detail.job.verdict
    seconds = dict(verdict.seconds) if verdict else {}
    at = {entry.event: entry.at for entry in detail.history}
    analysed, finished = at.get(JobEvent.ANALYSE), at.get(JobEvent.FINISH)
    if analysed and finished:
        seconds["deliver"] = (finished - analysed).total_seconds()
        seconds["total"] = (finished - detail.job.received_at).total_seconds()
    return {stage: round(value, 4) for stage, value in seconds.items()}
