"""Rows to domain objects and back."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

import sqlalchemy as sa

from node.domain.delivery import Delivery, DeliveryState, Reference, ResultKind
from node.domain.film import Film
from node.domain.job import Job, JobState
from node.domain.prediction import (
    Comparison,
    Decision,
    Finding,
    IntendedUse,
    ModelIdentity,
    Probability,
    Used,
    Verdict,
)
from node.domain.prior import PriorResult

MAX_TEXT = 500
_FREE_TEXT = frozenset({"study_description", "series_description"})
_COLUMNS = frozenset({"patient", "taken"})


def film_json(film: Film) -> dict[str, Any]:
    """Return a film's facts for the JSON column.

    Without what has a column of its own, and without its descriptions: people write names into
    them, and admission alone reads them.
    """
    left_out = _FREE_TEXT | _COLUMNS
    return {key: fact for key, fact in asdict(film).items() if key not in left_out}


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict for the JSON column."""
    return asdict(verdict)


def short(text: str) -> str:
    """Return a text fit for the error and event columns; PostgreSQL refuses NUL."""
    return text.replace("\0", "")[:MAX_TEXT]


def job_from(row: sa.Row[Any], reports: Sequence[Reference] = ()) -> Job:
    """Return the job of a row of the job table, and the reports that were built of it before."""
    film = dict(row.film) | {"patient": row.patient, "taken": row.taken}
    film["image_type"] = tuple(film["image_type"])
    return Job(
        id=row.id,
        state=JobState(row.state),
        film=Film(**film),
        spool_key=row.spool_key,
        attempt=row.attempt,
        received_at=row.received_at,
        updated_at=row.updated_at,
        worker=row.worker,
        reason=row.reason,
        error=row.error,
        verdict=_verdict_from(row.verdict) if row.verdict else None,
        reports=tuple(reports),
    )


def _verdict_from(stored: dict[str, Any]) -> Verdict:
    decision, model = stored["decision"], stored["model"]
    return Verdict(
        probability=Probability(**stored["probability"]),
        decision=_decision_from(decision),
        model=ModelIdentity(
            name=model["name"],
            version=model["version"],
            digest=model["digest"],
            intended_use=IntendedUse(model["intended_use"]),
            clinical=model.get("clinical", ""),  # absent from rows of earlier versions
        ),
        seconds=stored["seconds"],
        shadowed=tuple(stored.get("shadowed", ())),  # absent, as above
    )


def _decision_from(stored: dict[str, Any]) -> Decision:
    """Return a decision; what rows of earlier versions lack, they did not have."""
    band, prior = stored.get("band"), stored.get("prior")
    return Decision(
        finding=Finding(stored["finding"]),
        threshold=stored["threshold"],
        score=stored["score"],
        used=Used(stored["used"]) if stored["used"] else None,
        reason=stored["reason"],
        band=(band[0], band[1]) if band else None,
        known=stored.get("known", False),
        prior=Comparison(**prior) if prior else None,
        policy=stored.get("policy", ""),
        rule=stored.get("rule", ""),
    )


def prior_from(
    taken: date, film: dict[str, Any], verdict: dict[str, Any], reported: bool
) -> PriorResult:
    """Return what an earlier film came to; `reported` is whether its results were sent."""
    decision = _decision_from(verdict["decision"])
    return PriorResult(
        taken=taken,
        score=decision.score,
        used=decision.used,
        model_digest=verdict["model"]["digest"],
        reported=bool(reported) and decision.flagged,
        sex=film["sex"],
        age_years=film["age_years"],
    )


def reference_from(row: sa.Row[Any]) -> Reference:
    """Return the result that a row of the delivery table sends."""
    return Reference(row.sop_class_uid, row.sop_instance_uid, row.series_instance_uid)


def delivery_from(row: sa.Row[Any]) -> Delivery:
    """Return the delivery of a row of the delivery table."""
    return Delivery(
        id=row.id,
        job_id=row.job_id,
        destination=row.destination,
        kind=ResultKind(row.kind),
        sop_class_uid=row.sop_class_uid,
        sop_instance_uid=row.sop_instance_uid,
        spool_key=row.spool_key,
        state=DeliveryState(row.state),
        attempt=row.attempt,
        worker=row.worker,
        error=row.error,
        transaction_uid=row.transaction_uid,
        run_after=row.run_after,
    )
