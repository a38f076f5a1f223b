"""The challenger: a second bundle that scores the same films in the background.

Its scores are only compared with those of the serving bundle. They are not sent and decide nothing.
"""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from node.domain.decision.prediction import Verdict
from node.domain.radiograph.film import Film
from node.domain.workflow.job import NotScored
from node.domain.workflow.retry import Failed, RetryAt

_BYTES = 8
_ALL = 1 << 8 * _BYTES


class ChallengerState(StrEnum):
    """Where one film stands with one bundle; a film without a row has not been looked at."""

    SCORING = "SCORING"  # held until `due_at`, then anybody's: also what is to be tried again
    SCORED = "SCORED"  # the verdict; final
    REJECTED = "REJECTED"  # a coded reason: the bundle, or the pixels, turn the film away; final
    FAILED = "FAILED"  # the error, attempts spent; final
    GONE = "GONE"  # its bytes were purged before it was scored; final


@dataclass(frozen=True, slots=True)
class ChallengerFilm:
    """A scored film that the challenger has claimed. `attempt` is counted at the claim.

    One that came `inverted` was set right before it was scored.
    """

    id: int
    job_id: int
    film: Film
    spool_key: str
    attempt: int
    worker: str
    inverted: bool = False


@dataclass(frozen=True, slots=True)
class ChallengerScored:
    """What the second bundle says of the film, and what policy would make of it."""

    verdict: Verdict


@dataclass(frozen=True, slots=True)
class FilmGone:
    """The film's bytes are not there any more."""


ChallengerOutcome = ChallengerScored | NotScored | RetryAt | Failed | FilmGone


def is_chosen(sop_instance_uid: str, share: float) -> bool:
    """Return whether a film is of the share that the challenger scores.

    By a SHA-256 of its UID: the same films on every machine and in every run, and those of a
    smaller share are among those of a larger one.
    """
    drawn = hashlib.sha256(sop_instance_uid.encode()).digest()[:_BYTES]
    return int.from_bytes(drawn, "big") < share * _ALL
