"""What happens to one C-STORE: bytes to the spool, facts, decision, job; only then an answer."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import structlog
from pydicom import Dataset

from node.domain.admission import Admission, AdmissionPolicy, Admitted, Refused, admit
from node.domain.errors import Permanent, Transient
from node.domain.film import Film
from node.films.header import read_film
from node.ports import Intake, Spool

SUCCESS = 0x0000
OUT_OF_RESOURCES = 0xA700
CLASS_MISMATCH = 0xA900
CANNOT_UNDERSTAND = 0xC210
ANSWERS = {
    SUCCESS: "bytes and job are on the disk; also for a film that is turned away, or known already",
    OUT_OF_RESOURCES: "no room, or no database: send again later",
    CLASS_MISMATCH: "the data set is not the SOP Instance that the request announced",
    CANNOT_UNDERSTAND: "the data set cannot be read, or lacks a UID that a result needs",
}
"""What each status that we answer means."""
_MAX_COMMENT = 64

log = structlog.get_logger()


class StoreService:
    """Takes films in. Statuses follow PS3.4 Table B.2-1."""

    def __init__(
        self,
        intake: Intake,
        spool: Spool,
        policy: AdmissionPolicy,
        clock: Callable[[], datetime],
    ) -> None:
        self._intake = intake
        self._spool = spool
        self._policy = policy
        self._clock = clock

    def store(self, path: Path, sop_class: str, sop_instance: str, calling_ae: str) -> Dataset:
        """Take over the file at `path` and return the response's status.

        `sop_class` and `sop_instance` are what the request claims the data set to be.
        """
        facts = log.bind(calling_ae=calling_ae, sop_instance_uid=sop_instance)
        try:
            if not self._spool.has_room():
                return self.no_room(calling_ae)
            film = read_film(path, calling_ae)
            if (film.sop_class_uid, film.sop_instance_uid) != (sop_class, sop_instance):
                facts.warning("film_refused_mismatch")
                return _status(CLASS_MISMATCH, "Data set is not the SOP instance announced")
        except Permanent as error:
            facts.warning("film_refused_unreadable", error=str(error))
            return _status(CANNOT_UNDERSTAND, str(error))
        except Transient as error:
            return _refused_for_now(error, facts)
        try:
            self._keep(path, film, facts)
        except (Transient, Permanent) as error:
            # A schema that is not current fails for good until someone upgrades it, but that
            # is our trouble: the film is sound, and the sender is to keep it and try again.
            return _refused_for_now(error, facts)
        return _status(SUCCESS)

    def no_room(self, calling_ae: str) -> Dataset:
        """Return the answer for a film that the disk has no room for."""
        log.error("film_refused_no_room", calling_ae=calling_ae)
        return _status(OUT_OF_RESOURCES, "No room left; send again later")

    def has_room(self) -> bool:
        """Return whether the disk may be written to; not where it cannot even be asked."""
        try:
            return self._spool.has_room()
        except Transient:
            return False

    def _keep(self, path: Path, film: Film, facts: structlog.typing.FilteringBoundLogger) -> None:
        admission = admit(film, self._policy)
        spool_key = self._spool.adopt(path, film.digest)
        new = self._intake.receive(film, admission, spool_key, self._clock())
        facts.info("film_received", new=new, **_told(admission))


def _refused_for_now(error: Exception, facts: structlog.typing.FilteringBoundLogger) -> Dataset:
    facts.error("film_refused_for_now", error=str(error))
    return _status(OUT_OF_RESOURCES, "Cannot keep the film now; send again later")


def _told(admission: Admission) -> dict[str, str]:
    match admission:
        case Admitted():
            return {"admission": "admitted"}
        case Refused(reason=reason):
            return {"admission": "refused", "reason": str(reason)}


def _status(code: int, comment: str = "") -> Dataset:
    status = Dataset()
    status.Status = code
    if comment:
        status.ErrorComment = comment[:_MAX_COMMENT]
    return status
