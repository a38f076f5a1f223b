"""What a node keeps in its job table and its spool, against what retention says."""

from collections.abc import Sequence
from dataclasses import dataclass

_FILES_OF_A_FILM = 3  # the film, its report, its heatmap


@dataclass(frozen=True, slots=True)
class Moment:
    """A look at the node: seconds, films begun and finished so far, rows and files kept.

    Films finished are counted before the look and films begun after it, so that no film that is
    kept is missed among those that may be.
    """

    at: float
    begun: int
    finished: int
    rows: int
    files: int


def surplus_rows(moments: Sequence[Moment], kept: float) -> int:
    """Return the most rows beyond those of films unfinished, or finished less than `kept` s ago."""
    return max(now.rows - _owed(moments, now, kept) for now in moments)


def surplus_files(moments: Sequence[Moment], kept: float) -> int:
    """Return the most files beyond those of such films."""
    return max(now.files - _FILES_OF_A_FILM * _owed(moments, now, kept) for now in moments)


def _owed(moments: Sequence[Moment], now: Moment, kept: float) -> int:
    old = max((one.finished for one in moments if one.at <= now.at - kept), default=0)
    return now.begun - old
