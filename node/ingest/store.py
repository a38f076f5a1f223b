"""What happens to one C-STORE: bytes to the spool, facts, decision, job; only then an answer."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import structlog
from pydicom import Dataset

from node.domain.admission.header_rules import Admission, AdmissionPolicy, Admitted, Refused, admit
from node.domain.audit_events import FilmReceived, Instance, Outcome, Peer
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
    SUCCESS: "bytes and job are on the disk; also for a film that is turned away, or known already",
    OUT_OF_RESOURCES: "no room, or no database: send again later",
    CLASS_MISMATCH: "the data set is not the SOP Instance that the request announced",
    CANNOT_UNDERSTAND: "the data set is missing, cannot be read, or lacks a UID for a result",
}
"""What each status that we answer means."""
_OUTCOMES = {
    SUCCESS: Outcome.SUCCESS,
    OUT_OF_RESOURCES: Outcome.SERIOUS,
    PROCESSING_FAILURE: Outcome.SERIOUS,
    CLASS_MISMATCH: Outcome.MINOR,
    CANNOT_UNDERSTAND: Outcome.MINOR,
}
_MAX_COMMENT = 64

log = structlog.get_logger()


class StoreService:
    """Takes films in. Statuses follow PS3.4 Table B.2-1."""

    def __init__(
        self,
        intake: IntakeStore,
        spool: FileSpool,
        policy: AdmissionPolicy,
        audit: Audit,
        clock: Callable[[], datetime],
        pseudonym: Pseudonym = no_pseudonym,
    ) -> None:
        self._intake = intake
        self._spool = spool
        self._policy = policy
        self._audit = audit
        self._clock = clock
        self._pseudonym = pseudonym

    def store(
        self, path: Path | None, announced: Instance, peer: Peer, *, fits: bool = True
    ) -> Dataset:
        """Take over the file at `path` and return the response's status.

        There is no file where the request came without a data set. `announced` is what the request
        claims the data set to be; a file that had no room on the disk does not fit. Whatever is
        answered is in the audit trail before.
        """
        try:
            answer = self._take(path, announced, peer.ae_title, fits)
        except Exception:
            self._tell(announced, peer, _Answer(PROCESSING_FAILURE, "unforeseen error"))
            raise
        self._tell(announced, peer, answer)
        return answer.as_status()

    def _take(
        self, path: Path | None, announced: Instance, calling_ae: str, fits: bool
    ) -> "_Answer":
        sop_class, sop_instance = announced.sop_class_uid, announced.sop_instance_uid
        facts = log.bind(calling_ae=calling_ae, sop_instance_uid=sop_instance)
        try:
            if path is None:
                raise Permanent("the request has no data set: have the film sent whole")
            if not fits or not self._spool.has_space():
                facts.error("film_refused_no_room")
                return _Answer(OUT_OF_RESOURCES, "No room left; send again later")
            film = read_film(path, calling_ae, self._pseudonym)
            study = film.study_instance_uid
            if (film.sop_class_uid, film.sop_instance_uid) != (sop_class, sop_instance):
                facts.warning("film_refused_mismatch")
                return _Answer(CLASS_MISMATCH, "Data set is not the SOP instance announced", study)
        except Permanent as error:
            facts.warning("film_refused_unreadable", error=str(error))
            return _Answer(CANNOT_UNDERSTAND, str(error))
        except Transient as error:
            return _refused_for_now(error, facts)
        try:
            new = self._keep(path, film, facts)
        except (Transient, Permanent) as error:
            # A schema that is not current fails for good until someone upgrades it, but that
            # is our trouble: the film is sound, and the sender is to keep it and try again.
            return _refused_for_now(error, facts, study)
        return _Answer(SUCCESS, study=study, known=not new)

    def has_room(self) -> bool:
        """Return whether the disk may be written to; not where it cannot even be asked."""
        try:
            return self._spool.has_space()
        except Transient:
            return False

    def _keep(self, path: Path, film: Film, facts: structlog.typing.FilteringBoundLogger) -> bool:
        admission = admit(film, self._policy)
        spool_key = self._spool.store_film(path, film.digest)
        new = self._intake.receive(film, admission, spool_key, self._clock())
        facts.info("film_received", new=new, **_told(admission))
        return new

    def _tell(self, announced: Instance, peer: Peer, answer: "_Answer") -> None:
        film = replace(announced, study_instance_uid=answer.study)
        outcome = _OUTCOMES[answer.code]
        self._audit.record(FilmReceived(peer, film, answer.known, outcome, answer.comment))


@dataclass(frozen=True, slots=True)
class _Answer:
    """The status of a response, and of which study the film was, if that could be read."""

    code: int
    comment: str = ""
    study: str = ""
    known: bool = False

    def as_status(self) -> Dataset:
        status = Dataset()
        status.Status = self.code
        if self.comment:
            status.ErrorComment = self.comment[:_MAX_COMMENT]
        return status


def _refused_for_now(
    error: Exception, facts: structlog.typing.FilteringBoundLogger, study: str = ""
) -> _Answer:
    facts.error("film_refused_for_now", error=str(error))
    return _Answer(OUT_OF_RESOURCES, "Cannot keep the film now; send again later", study)


def _told(admission: Admission) -> dict[str, str | list[str]]:
    match admission:
        case Admitted(open_questions=questions, notes=notes):
            open_questions = [f"{question.reason}-{question.kind}" for question in questions]
            return {"admission": "admitted", "open_questions": open_questions, "notes": list(notes)}
        case Refused(reason=reason):
            return {"admission": "refused", "reason": str(reason)}
