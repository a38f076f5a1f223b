"""Processing of a C-STORE: read the header, decide on admission, store film and job, answer."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import structlog
from pydicom import Dataset

from node.domain.admission.header_rules import Admission, AdmissionPolicy, Admitted, Refused, admit
from node.domain.audit_events import AuditOutcome, FilmReceived, Instance, Peer
from node.domain.errors import Permanent, Transient
from node.domain.radiograph.film import Film
from node.domain.radiograph.pseudonym import Pseudonym, no_pseudonym
from node.header.read import read_film
from node.jobs.intake import IntakeStore
from node.ports import Audit
from node.spool.store import FileSpool

SUCCESS = 0x0000
OUT_OF_RESOURCES = 0xA700
CLASS_MISMATCH = 0xA900
CANNOT_UNDERSTAND = 0xC210
PROCESSING_FAILURE = 0x0110
ANSWERS = {
    SUCCESS: "the film and its job are durable, even if the node refuses or already has the film",
    OUT_OF_RESOURCES: "the disk is full or the database does not answer: send again later",
    CLASS_MISMATCH: "the data set is not the SOP Instance of the request",
    CANNOT_UNDERSTAND: "the data set is missing, cannot be read, or lacks a UID for a result",
}
"""The meaning of each status in the answer to a C-STORE."""
_OUTCOMES = {
    SUCCESS: AuditOutcome.SUCCESS,
    OUT_OF_RESOURCES: AuditOutcome.SERIOUS,
    PROCESSING_FAILURE: AuditOutcome.SERIOUS,
    CLASS_MISMATCH: AuditOutcome.MINOR,
    CANNOT_UNDERSTAND: AuditOutcome.MINOR,
}
_MAX_COMMENT = 64

log = structlog.get_logger()


@dataclass
class StoreService:
    """Receives films and answers with the statuses of PS3.4 Table B.2-1."""

    intake: IntakeStore
    spool: FileSpool
    policy: AdmissionPolicy
    audit: Audit
    clock: Callable[[], datetime]
    pseudonym: Pseudonym = no_pseudonym

    def store(
        self, path: Path | None, announced: Instance, peer: Peer, *, complete: bool = True
    ) -> Dataset:
        """Move the film at `path` into the spool, create its job, and return the answer's status.

        `path` is None for a request without a data set. `announced` contains the UIDs of the
        request. `complete` is False if the disk had no space for the file.
        """
        try:
            answer = self._receive(path, announced, peer.ae_title, complete)
        except Exception:
            self._record(announced, peer, _StoreAnswer(PROCESSING_FAILURE, "unforeseen error"))
            raise
        self._record(announced, peer, answer)
        return answer.as_status()

    def _receive(
        self, path: Path | None, announced: Instance, calling_ae: str, complete: bool
    ) -> "_StoreAnswer":
        sop_class, sop_instance = announced.sop_class_uid, announced.sop_instance_uid
        context = log.bind(calling_ae=calling_ae, sop_instance_uid=sop_instance)
        try:
            if path is None:
                raise Permanent("the request has no data set; send the complete film")
            if not complete or not self.spool.has_space():
                context.error(
                    "transfer_refused", status=_hex(OUT_OF_RESOURCES), error="the disk is full"
                )
                return _StoreAnswer(OUT_OF_RESOURCES, "Disk full; send again later")
            film = read_film(path, calling_ae, self.pseudonym)
            study = film.study_instance_uid
            if (film.sop_class_uid, film.sop_instance_uid) != (sop_class, sop_instance):
                comment = "Data set is not the SOP instance announced"
                context.warning("transfer_refused", status=_hex(CLASS_MISMATCH), error=comment)
                return _StoreAnswer(CLASS_MISMATCH, comment, study)
        except Permanent as error:
            context.warning("transfer_refused", status=_hex(CANNOT_UNDERSTAND), error=str(error))
            return _StoreAnswer(CANNOT_UNDERSTAND, str(error))
        except Transient as error:
            return _unavailable(error, context)
        try:
            new = self._store(path, film, context)
        except (Transient, Permanent) as error:
            # Even a permanent error, such as an old database schema, is not a fault of the film.
            # The sender keeps the film and sends it again.
            return _unavailable(error, context, study)
        return _StoreAnswer(SUCCESS, study=study, duplicate=not new)

    def has_space(self) -> bool:
        """Return whether the disk has space for films; return False if the spool cannot be read."""
        try:
            return self.spool.has_space()
        except Transient:
            return False

    def _store(
        self, path: Path, film: Film, context: structlog.typing.FilteringBoundLogger
    ) -> bool:
        admission = admit(film, self.policy)
        spool_key = self.spool.store_film(path, film.digest)
        new = self.intake.receive(film, admission, spool_key, self.clock())
        context.info("film_received", new=new, **_admission_fields(admission))
        return new

    def _record(self, announced: Instance, peer: Peer, answer: "_StoreAnswer") -> None:
        film = replace(announced, study_instance_uid=answer.study)
        outcome = _OUTCOMES[answer.code]
        self.audit.record(FilmReceived(peer, film, answer.duplicate, outcome, answer.comment))


@dataclass(frozen=True, slots=True)
class _StoreAnswer:
    """The answer to a C-STORE, with the film's Study Instance UID if the header was readable."""

    code: int
    comment: str = ""
    study: str = ""
    duplicate: bool = False

    def as_status(self) -> Dataset:
        status = Dataset()
        status.Status = self.code
        if self.comment:
            status.ErrorComment = self.comment[:_MAX_COMMENT]
        return status


def _unavailable(
    error: Exception, context: structlog.typing.FilteringBoundLogger, study: str = ""
) -> _StoreAnswer:
    context.error("transfer_refused", status=_hex(OUT_OF_RESOURCES), error=str(error))
    return _StoreAnswer(OUT_OF_RESOURCES, "Cannot store the film now; send again later", study)


def _hex(status: int) -> str:
    return f"0x{status:04X}"


def _admission_fields(admission: Admission) -> dict[str, str | list[str]]:
    """Return the log fields of an admission."""
    match admission:
        case Admitted(open_questions=questions, notes=notes):
            return {
                "admission": "admitted",
                "open_questions": [f"{question.reason}-{question.kind}" for question in questions],
                "notes": [str(note) for note in notes],
            }
        case Refused(reason=reason):
            return {"admission": "refused", "reason": str(reason)}
