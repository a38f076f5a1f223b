"""States and outcomes of films that the challenger scores, and the choice of its share.

The challenger's scores are compared with those of the serving bundle. They are never sent, and no
decision rests on them.
"""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from node.domain.decision.prediction import Verdict
from node.domain.radiograph.film import Film
from node.domain.workflow.job import NotScored
from node.domain.workflow.retry import Failed, RetryAt

_BYTES = 8
_RANGE = 1 << 8 * _BYTES


class ChallengerState(StrEnum):
    """The state of one film with one bundle. A film without a row has not been claimed yet."""

    SCORING = (
        "SCORING"  # claimed until `due_at`, or to be retried then; any worker may claim it after
    )
    SCORED = "SCORED"  # the scores; final
    REJECTED = "REJECTED"  # a coded reason, for example undecodable pixels; final
    FAILED = "FAILED"  # the error of the last attempt; final
    GONE = "GONE"  # the film was purged before it could be scored; final


@dataclass(frozen=True, slots=True)
class ChallengerFilm:
    """An analysed film that the challenger has claimed. `attempt` is counted at the claim.

    `inverted` is whether the serving bundle's gate found black and white exchanged.
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
    """The challenger has scored the film; the verdict is what the policy would decide."""

    verdict: Verdict


@dataclass(frozen=True, slots=True)
class FilmGone:
    """The film was purged before it could be scored."""


ChallengerOutcome = ChallengerScored | NotScored | RetryAt | Failed | FilmGone


def is_chosen(sop_instance_uid: str, share: float) -> bool:
    """Return whether a film belongs to the share that the challenger scores.

    The choice depends on a SHA-256 of the UID, so it is the same on every machine and in every run.
    The films of a smaller share belong to every larger share.
    """
    prefix = hashlib.sha256(sop_instance_uid.encode()).digest()[:_BYTES]
    return int.from_bytes(prefix, "big") < share * _RANGE
