"""Recovery of orphaned films: acknowledged films in the spool without a row in the job table.

A job table restored from a backup lacks the films received after the backup, and the senders may
have deleted these films.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

import structlog

from node.domain.admission.header_rules import AdmissionPolicy, admit
from node.domain.errors import Permanent
from node.domain.radiograph.film import Film
from node.domain.radiograph.pseudonym import Pseudonym, no_pseudonym
from node.header.read import read_film
from node.jobs.intake import IntakeStore
from node.jobs.maintenance import MaintenanceStore
from node.spool.store import FileSpool

ACTOR = "adopt"
FILMS = "films/"
_ANY_AGE = float("inf")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RecoveredFilms:
    """The number of new jobs, and the keys of films that already had a job or are damaged."""

    films: int
    existing: tuple[str, ...]
    damaged: tuple[str, ...]


@dataclass
class OrphanRecovery:
    """Creates jobs for orphaned films, with the same admission rules as ingest."""

    jobs: MaintenanceStore
    intake: IntakeStore
    spool: FileSpool
    policy: AdmissionPolicy
    clock: Callable[[], datetime]
    pseudonym: Pseudonym = no_pseudonym

    def recover_all(self) -> RecoveredFilms:
        """Create a job for every film in the spool without a row in the job table."""
        keys = [key for key in self.spool.keys(_ANY_AGE) if key.startswith(FILMS)]
        referenced = self.jobs.referenced_keys()
        return self.recover(key for key in keys if key not in referenced)

    def recover(self, keys: Iterable[str]) -> RecoveredFilms:
        """Create a job for each film with one of these keys, unless the film already has a job."""
        films, existing, damaged = 0, [], []
        for key in keys:
            film = self._read(key)
            if film is None:
                damaged.append(key)
                log.error("orphaned_film_damaged", spool_key=key)
            elif self._receive(film, key):
                films += 1
                log.warning("film_adopted", sop_instance_uid=film.sop_instance_uid)
            else:
                existing.append(key)
        return RecoveredFilms(films, tuple(existing), tuple(damaged))

    def _read(self, key: str) -> Film | None:
        """Return the film of a key, without calling AE title, or None if its file is damaged."""
        try:
            film = read_film(self.spool.path(key), "", self.pseudonym)
        except (Permanent, FileNotFoundError):
            return None
        return film if film.digest in key else None

    def _receive(self, film: Film, key: str) -> bool:
        admission = admit(film, self.policy)
        return self.intake.receive(film, admission, key, self.clock(), ACTOR)
