"""Select the one film of a study that is scored.

A study with two frontal films would get two reports that may disagree. Films of a study wait for
each other. The film with the lowest rank is then checked first, and the next one only if that film
is unsuitable.
"""

from dataclasses import dataclass

from node.domain.radiograph.film import Film
from node.domain.radiograph.view import View, view_of_position
from node.domain.sop_class import SopClass

_BY_VIEW = {View.PA: 0, View.AP: 1}
_BY_CLASS: dict[str, int] = {
    SopClass.SECONDARY_CAPTURE: 1,
    SopClass.DIGITAL_X_RAY_FOR_PROCESSING: 2,
}
_LAST = 99999


@dataclass(frozen=True, slots=True)
class StudyCandidate:
    """A film that competes with others of its study. The lowest `rank`, as text, is first.

    `wait` is the time in seconds to wait for the others.
    """

    rank: str
    wait: float


def rank_of(film: Film) -> str:
    """Return a text that sorts in the order of preference.

    The order is: PA, AP, unknown view, as most training films are PA. Then: original, secondary
    capture, raw image. Then: the larger matrix. Then: the UID, so that the order of arrival does
    not matter.
    """
    stated = view_of_position(film.view_position) or film.coded.view or film.series.view
    view = _BY_VIEW.get(stated, 2) if stated else 2
    side = min(film.rows or 0, film.columns or 0, _LAST)
    return f"{view}{_BY_CLASS.get(film.sop_class_uid, 0)}{_LAST - side:05d}{film.sop_instance_uid}"
