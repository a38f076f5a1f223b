"""States and outcomes of films that the challenger scores, and the choice of these films.

The challenger's scores are only compared with the scores of the serving bundle, and never sent.
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
    """The state of a film for one bundle; a film without a row has not been claimed yet."""

    SCORING = "SCORING"  # claimed; from `due_at` on, any worker may claim the film again
    SCORED = "SCORED"  # the scores; final
    REJECTED = "REJECTED"  # a coded reason, for example undecodable pixels; final
    FAILED = "FAILED"  # the error of the last attempt; final
    GONE = "GONE"  # the film was purged before it could be scored; final


@dataclass(frozen=True, slots=True)
class ChallengerFilm:
    """An analysed film that the challenger has claimed; `attempt` includes this claim.

    `inverted` is true if the serving bundle's gate found that black and white are exchanged.
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
    """The challenger has scored the film; the verdict contains the policy's decision."""

    verdict: Verdict


@dataclass(frozen=True, slots=True)
class FilmGone:
    """The film was purged before it could be scored."""


ChallengerOutcome = ChallengerScored | NotScored | RetryAt | Failed | FilmGone


def is_chosen(sop_instance_uid: str, share: float) -> bool:
    """Return whether a film belongs to the share that the challenger scores.

    A SHA-256 of the UID decides, so that the choice is reproducible and a larger share contains all
    films of a smaller share.
    """
    prefix = hashlib.sha256(sop_instance_uid.encode()).digest()[:_BYTES]
    return int.from_bytes(prefix, "big") < share * _RANGE
