"""What a header as a whole says of body part and view, where its tags and texts may differ.

A tag weighs more than a code, a code more than what is written of the series, that more than what
is written of the study: an order for "chest and hip" makes no chest film of a hip. A text that
names several parts, or several views, is of several films, and says nothing of this one.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from node.domain.radiograph.body_part import BodyPart, parts_named
from node.domain.radiograph.film import Film, HeaderStatements
from node.domain.radiograph.view import FRONTALS, View, view_stated
from node.domain.radiograph.vocabulary import words_of


class HeaderAgreement(StrEnum):
    """How a header stands to what the administrator wants."""

    FITS = "fits"
    NOTHING = "nothing"  # neither tag nor text tells
    UNKNOWN_WORD = "unknown word"  # the tag holds a word that we do not understand
    CONTRADICTS = "contradicts"  # what weighs most fits, and another plainly does not
    OTHER = "other"  # what weighs most does not fit


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the header says, with a sentence for people; none where it fits."""

    says: HeaderAgreement
    text: str = ""


@dataclass(frozen=True, slots=True)
class _Claim:
    """What one source says, and whether that fits; None where it does not tell."""

    fits: bool | None
    text: str
    strong: bool = True  # worth a contradiction: no order, which may be for several films


_NO_WORDS = frozenset(
    words_of(
        "unknown unspecified undefined other none n/a na default general routine body trunk misc "
        "test erect upright standing supine sitting prone portable mobile stretcher"
    )
)
"""What consoles write where a body part or a view should stand; it says neither."""


def of_body_part(film: Film, wanted: Sequence[str]) -> Evidence:
    """Return what the header says of the body part; `wanted` in words of Body Part Examined."""
    parts = {part for word in wanted for part in parts_named(word)}

    def fits(said: Sequence[BodyPart]) -> bool | None:
        return bool(parts.issuperset(said)) if said else None

    def fits_text(said: Sequence[BodyPart]) -> bool | None:
        several = bool(parts & set(said)) and not parts.issuperset(said)
        return None if several else fits(said)

    stated = _stated(film.body_part_examined)
    in_tag = True if _is_listed(stated, wanted) else fits(parts_named(stated))
    claims = [
        _Claim(in_tag, f"Body Part Examined is {stated}"),
        _Claim(fits(film.coded.parts), f"Anatomic Region says {_and(film.coded.parts)}"),
        *_of_texts(film, lambda said: fits_text(said.parts), lambda said: _and(said.parts)),
    ]
    named = film.series.parts or film.study.parts
    nothing = (
        f"the header names {_and(named)}, and not which of them this film shows"
        if named
        else "nothing in the header says that this is a chest film"
    )
    return _weighed(claims, wanted, _unknown("Body Part Examined", stated, "body_parts"), nothing)


def of_view(film: Film, wanted: Sequence[str]) -> Evidence:
    """Return what the header says of the view; `wanted` in words of View Position."""
    views = {view for word in wanted if (view := view_stated(word.upper()))}
    if {View.PA, View.AP} <= views:
        views |= FRONTALS

    def fits(view: View | None) -> bool | None:
        undecided = view is View.FRONTAL and bool(views & FRONTALS) and view not in views
        return None if view is None or undecided else view in views

    stated = _stated(film.view_position)
    in_tag = True if _is_listed(stated, wanted) else fits(view_stated(stated))
    oriented = film.oriented
    claims = [
        _Claim(in_tag, f"View Position is {stated}"),
        _Claim(fits(film.coded.view), f"View Code says {film.coded.view}"),
        *_of_texts(film, lambda said: fits(said.view), lambda said: str(said.view)),
        _Claim(fits(oriented), f"Patient Orientation says {oriented}"),
    ]
    nothing = "nothing in the header tells the view"
    return _weighed(claims, wanted, _unknown("View Position", stated, "views"), nothing)


def _of_texts(
    film: Film,
    fits: Callable[[HeaderStatements], bool | None],
    words: Callable[[HeaderStatements], str],
) -> Iterable[_Claim]:
    yield _Claim(fits(film.series), f"what is written of the series names {words(film.series)}")
    yield _Claim(
        fits(film.study), f"what is written of the study names {words(film.study)}", strong=False
    )


def _weighed(
    claims: Sequence[_Claim], wanted: Sequence[str], unknown: str, nothing: str
) -> Evidence:
    telling = [claim for claim in claims if claim.fits is not None]
    if not telling:
        return (
            Evidence(HeaderAgreement.UNKNOWN_WORD, unknown)
            if unknown
            else Evidence(HeaderAgreement.NOTHING, nothing)
        )
    first = telling[0]
    if not first.fits:
        return Evidence(HeaderAgreement.OTHER, f"{first.text}, not {' or '.join(wanted)}")
    against = next((one for one in telling if one.strong and not one.fits), None)
    if against:
        return Evidence(HeaderAgreement.CONTRADICTS, f"{first.text}, but {against.text}")
    return Evidence(HeaderAgreement.FITS)


def _stated(value: str) -> str:
    words = {word for word in words_of(value) if not word.isdecimal()}
    return "" if words <= _NO_WORDS else value


def _is_listed(stated: str, wanted: Sequence[str]) -> bool:
    return stated in [word.upper() for word in wanted]


def _unknown(attribute: str, stated: str, key: str) -> str:
    if not stated:
        return ""
    return f"{attribute} is {stated}, which is not known; policy.admit.{key} can name it"


def _and(parts: Sequence[BodyPart]) -> str:
    return " and ".join(parts)
