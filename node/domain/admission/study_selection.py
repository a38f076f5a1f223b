"""One film of a study: which of several frontal ones is scored, chosen the same way every time.

A study with two frontal films, one of them repeated or taken lying, would get two reports that may
not agree. Films of a study wait a little for each other; then the one that stands best is looked
at first, and the others only if it turns out to be none.
"""

from dataclasses import dataclass

from node.domain.radiograph.film import Film
from node.domain.radiograph.view import View, view_stated

_BY_VIEW = {View.PA: 0, View.AP: 1}
_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_RAW = "1.2.840.10008.5.1.4.1.1.1.1.1"
_BY_CLASS = {_CAPTURE: 1, _RAW: 2}
_LAST = 99999


@dataclass(frozen=True, slots=True)
class StudyCandidate:
    """That a film contends with others of its study: the lower `rank`, as text, comes first.

    `wait` is how many seconds it waits for them.
    """

    rank: str
    wait: float


def rank_of(film: Film) -> str:
    """Return a text that sorts before those of films that are to be preferred less.

    PA before AP before films of unknown view, since a model has seen most of the first; an original
    before a secondary capture, and both before a raw image; the larger matrix; then the UID, so
    that there is always one that comes first, whichever has arrived earlier.
    """
    stated = view_stated(film.view_position) or film.coded.view or film.series.view
    view = _BY_VIEW.get(stated, 2) if stated else 2
    side = min(film.rows or 0, film.columns or 0, _LAST)
    return f"{view}{_BY_CLASS.get(film.sop_class_uid, 0)}{_LAST - side:05d}{film.sop_instance_uid}"
