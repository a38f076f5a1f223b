"""Mapping of rows to domain objects and back.

The keys of stored JSON never change. Rows of earlier and of later releases are readable.
"""

from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from datetime import date
from enum import StrEnum
from typing import Any, TypeVar

import sqlalchemy as sa

from models.bundle.intended_use import IntendedUse
from models.gate.image_findings import ImageFindings
from node.domain.admission.header_rules import (
    Admission,
    Admitted,
    OpenQuestion,
    QuestionKind,
    Refused,
)
from node.domain.admission.reasons import AdmissionNote, Reason
from node.domain.decision.prediction import (
    Decision,
    Finding,
    ModelIdentity,
    PriorComparison,
    Probability,
    ScoreKind,
    Verdict,
)
from node.domain.decision.prior_studies import PriorResult
from node.domain.radiograph.body_part import BodyPart
from node.domain.radiograph.derivation import Derivation
from node.domain.radiograph.film import Film, HeaderStatements
from node.domain.radiograph.view import View
from node.domain.workflow.delivery import Delivery, DeliveryState, ResultKind, ResultReference
from node.domain.workflow.job import Job, JobState

MAX_TEXT = 500
_FILM_FIELDS = frozenset(field.name for field in fields(Film))
_COLUMNS = frozenset({"patient", "exposure_date"})
_STORED_NAMES = {"is_own_result": "ours", "orientation_view": "oriented"}
"""Maps film fields that were renamed after the first release to their stored keys."""
_Code = TypeVar("_Code", bound=StrEnum)


def film_json(film: Film) -> dict[str, Any]:
    """Return a film's attributes for the JSON column, except those that have their own column."""
    return {
        _STORED_NAMES.get(name, name): value
        for name, value in asdict(film).items()
        if name not in _COLUMNS
    }


def admission_json(admission: Admission) -> dict[str, Any]:
    """Return an admission for the JSON column, with the keys of the first release."""
    if isinstance(admission, Refused):
        return asdict(admission)
    candidate = admission.candidate
    return {
        "doubts": [asdict(question) for question in admission.open_questions],
        "notes": list(admission.notes),
        "contest": {"standing": candidate.rank, "wait": candidate.wait} if candidate else None,
    }


def admission_from(stored: dict[str, Any] | None) -> Admission:
    """Return the admission in a JSON column; without a value, the film counts as admitted."""
    if not stored:
        return Admitted()
    if "reason" in stored:
        return Refused(Reason(stored["reason"]), stored["text"], stored["reported"])
    questions = (
        OpenQuestion(Reason(question["reason"]), QuestionKind(question["kind"]), question["text"])
        for question in stored["doubts"]
    )
    return Admitted(tuple(questions), notes_from(stored))


def notes_from(stored: dict[str, Any]) -> tuple[AdmissionNote, ...]:
    """Return the notes of a stored admission or verdict; ignore codes of later releases."""
    notes = (_code_or_none(AdmissionNote, code) for code in stored.get("notes", ()))
    return tuple(note for note in notes if note)


def findings_json(findings: ImageFindings | None) -> dict[str, Any] | None:
    """Return the gate's findings for the JSON column."""
    return None if findings is None else asdict(findings)


def film_of(row: sa.Row[Any]) -> Film:
    """Return the film of a row of the job table."""
    return replace(film_from(row.film), patient=row.patient, exposure_date=row.taken)


def film_from(stored: dict[str, Any]) -> Film:
    """Return the film of a JSON column, written by any release of this product.

    An attribute that the row lacks gets its default value. An unknown attribute is ignored.
    """
    keys = {name: _STORED_NAMES.get(name, name) for name in _FILM_FIELDS}
    values = {name: stored[key] for name, key in keys.items() if key in stored}
    values["image_type"] = tuple(values["image_type"])
    for source in ("coded", "series", "study"):
        values[source] = _statements_from(values.get(source) or {})
    values["orientation_view"] = _code_or_none(View, values.get("orientation_view"))
    values["derivation"] = _code_or_none(Derivation, values.get("derivation"))
    return Film(**values)


def _statements_from(stored: dict[str, Any]) -> HeaderStatements:
    parts = (_code_or_none(BodyPart, part) for part in stored.get("parts", ()))
    view = _code_or_none(View, stored.get("view"))
    return HeaderStatements(tuple(part for part in parts if part), view)


def _code_or_none(codes: type[_Code], stored: str | None) -> _Code | None:
    """Return a stored code, or None for a code of a later release."""
    return codes(stored) if stored in [str(code) for code in codes] else None


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict for the JSON column."""
    return {
        "probability": asdict(verdict.probability),
        "decision": verdict.decision.as_dict(),
        "model": asdict(verdict.model),
        "seconds": verdict.seconds,
        "shadowed": list(verdict.shadow_destinations),
        "notes": list(verdict.notes),
        "refused": verdict.refusal_reason,
    }


def short(text: str) -> str:
    """Return a text without NUL, which PostgreSQL refuses, and with at most MAX_TEXT characters."""
    return text.replace("\0", "")[:MAX_TEXT]


def job_from(row: sa.Row[Any], reports: Sequence[ResultReference] = (), chosen: str = "") -> Job:
    """Return the job of a row of the job table.

    `reports` are the reports of earlier analyses. `chosen` is the SOP Instance UID of a film of
    the same study that was scored instead of this film.
    """
    return Job(
        id=row.id,
        state=JobState(row.state),
        film=film_of(row),
        spool_key=row.spool_key,
        attempt=row.attempt,
        received_at=row.received_at,
        updated_at=row.updated_at,
        worker=row.worker,
        reason=row.reason,
        error=row.error,
        verdict=_verdict_from(row.verdict) if row.verdict else None,
        reports=tuple(reports),
        admission=admission_from(row.admission),
        image_findings=ImageFindings(**row.seen) if row.seen else None,
        scored_film_uid=chosen,
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
            clinical=model.get("clinical", ""),  # rows of early releases have no value
        ),
        seconds=stored["seconds"],
        shadow_destinations=tuple(stored.get("shadowed", ())),
        notes=notes_from(stored),
        refusal_reason=_code_or_none(Reason, stored.get("refused")),
    )


def _decision_from(stored: dict[str, Any]) -> Decision:
    """Return a decision; rows of early releases lack band, prior studies and policy."""
    band, prior = stored.get("band"), stored.get("prior")
    return Decision(
        finding=Finding(stored["finding"]),
        threshold=stored["threshold"],
        score=stored["score"],
        score_kind=ScoreKind(stored["used"]) if stored["used"] else None,
        reason=stored["reason"],
        band=(band[0], band[1]) if band else None,
        already_reported=stored.get("known", False),
        prior=PriorComparison(**prior) if prior else None,
        policy=stored.get("policy", ""),
        rule=stored.get("rule", ""),
    )


def prior_from(
    exposure_date: date, film: dict[str, Any], verdict: dict[str, Any], reported: bool
) -> PriorResult:
    """Return the result of an earlier film; `reported` is true if its results were sent."""
    decision = _decision_from(verdict["decision"])
    return PriorResult(
        exposure_date=exposure_date,
        score=decision.score,
        score_kind=decision.score_kind,
        model_digest=verdict["model"]["digest"],
        reported=bool(reported) and decision.flagged,
        sex=film["sex"],
        age_years=film["age_years"],
        study=film["study_instance_uid"],
    )


def reference_from(row: sa.Row[Any]) -> ResultReference:
    """Return the UIDs of the result in a row of the delivery table."""
    return ResultReference(row.sop_class_uid, row.sop_instance_uid, row.series_instance_uid)


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
