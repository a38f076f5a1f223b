"""Select one film of a study for scoring, because two reports of a study may disagree.

A film waits for other films of its study. After this wait, the film with the lowest rank is checked
first. The next film is checked only if the first film is unsuitable.
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
    """The rank of a film in its study, and the seconds to wait for other films of the study."""

    rank: str
    wait: float


def rank_of(film: Film) -> str:
    """Return a text that sorts the films of a study in the order of preference.

    First, PA is preferred to AP and to an unknown view, because most training films are PA. Second,
    an original image is preferred to a secondary capture and to a raw image. Third, a film with
    more pixels is preferred.
    """
    stated = view_of_position(film.view_position) or film.coded.view or film.series.view
    view = _BY_VIEW.get(stated, 2) if stated else 2
    side = min(film.rows or 0, film.columns or 0, _LAST)
    return f"{view}{_BY_CLASS.get(film.sop_class_uid, 0)}{_LAST - side:05d}{film.sop_instance_uid}"
