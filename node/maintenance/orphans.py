"""Films in the spool that no row knows: acknowledged all the same, and taken in again.

After the job table was restored from a backup, the films received since then lie in the spool
without a row, and their senders have forgotten them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

import structlog

from node.domain.admission.header_rules import AdmissionPolicy, admit
from node.domain.errors import Permanent
from node.domain.radiograph.film import Film
from node.domain.radiograph.pseudonym import Pseudonym, nobody
from node.header.read import read_film
from node.jobs.intake import IntakeStore
from node.jobs.maintenance import MaintenanceStore
from node.spool.store import FileSpool

WHO = "adopt"
FILMS = "films/"
_EVER = float("inf")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Adopted:
    """How many films got a job, had one, and were left where they are because they are damaged."""

    films: int
    known: tuple[str, ...]
    damaged: tuple[str, ...]


class OrphanRecovery:
    """Takes films in from the spool, by the admission that ingest uses."""

    def __init__(
        self,
        care: MaintenanceStore,
        intake: IntakeStore,
        spool: FileSpool,
        policy: AdmissionPolicy,
        clock: Callable[[], datetime],
        pseudonym: Pseudonym = nobody,
    ) -> None:
        self._care = care
        self._intake = intake
        self._spool = spool
        self._policy = policy
        self._clock = clock
        self._pseudonym = pseudonym

    def adopt_all(self) -> Adopted:
        """Give every film that no row knows a job."""
        found = [key for key in self._spool.keys(_EVER) if key.startswith(FILMS)]
        known = self._care.known_keys()
        return self.adopt(key for key in found if key not in known)

    def adopt(self, keys: Iterable[str]) -> Adopted:
        """Give the films of these keys a job each, unless the very film has one already."""
        films, known, damaged = 0, [], []
        for key in keys:
            film = self._read(key)
            if film is None:
                damaged.append(key)
                log.error("stray_damaged", spool_key=key)
            elif self._receive(film, key):
                films += 1
                log.warning("film_adopted", sop_instance_uid=film.sop_instance_uid)
            else:
                known.append(key)
        return Adopted(films, tuple(known), tuple(damaged))

    def _read(self, key: str) -> Film | None:
        """Return a film's facts, None where its bytes are not those that were received.

        Who sent it is not on record with the bytes.
        """
        try:
            film = read_film(self._spool.path(key), "", self._pseudonym)
        except (Permanent, FileNotFoundError):
            return None
        return film if film.digest in key else None

    def _receive(self, film: Film, key: str) -> bool:
        return self._intake.receive(film, admit(film, self._policy), key, self._clock(), WHO)
