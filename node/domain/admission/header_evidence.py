"""Combine all statements of a header about body part and view into one piece of evidence.

The order of priority is attribute, code, series descriptions, study descriptions. A description
that names several parts or views is ignored, because it belongs to an order for several films.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from node.domain.radiograph.body_part import BodyPart, parts_in_text
from node.domain.radiograph.film import Film, HeaderStatements
from node.domain.radiograph.view import FRONTALS, View, view_of_position
from node.domain.radiograph.vocabulary import split_words


class HeaderAgreement(StrEnum):
    """How well the header agrees with the accepted values."""

    FITS = "fits"
    NOTHING = "nothing"  # neither attribute nor text states a value
    UNKNOWN_WORD = "unknown word"  # the attribute has an unknown word
    CONTRADICTS = "contradicts"  # the first statement fits, and a later statement does not fit
    OTHER = "other"  # the first statement does not fit


@dataclass(frozen=True, slots=True)
class Evidence:
    """How well a header agrees with the policy; `text` explains each agreement except FITS."""

    agreement: HeaderAgreement
    text: str = ""


@dataclass(frozen=True, slots=True)
class _Statement:
    """A statement of the header; `fits` is None if the statement names no value."""

    fits: bool | None
    text: str
    strong: bool = True  # False for an order, which may be for several films


_WORDS_WITHOUT_MEANING = frozenset(
    split_words(
        "unknown unspecified undefined other none n/a na default general routine body trunk misc "
        "test erect upright standing supine sitting prone portable mobile stretcher"
    )
)
"""Words that devices write in place of a body part or view."""


def body_part_evidence(film: Film, accepted: Sequence[str]) -> Evidence:
    """Return the evidence for the body part; `accepted` contains values of Body Part Examined."""
    parts = {part for word in accepted for part in parts_in_text(word)}

    def fits(named: Sequence[BodyPart]) -> bool | None:
        return bool(parts.issuperset(named)) if named else None

    def fits_text(named: Sequence[BodyPart]) -> bool | None:
        several = bool(parts & set(named)) and not parts.issuperset(named)
        return None if several else fits(named)

    stated = _stated(film.body_part_examined)
    attribute_fits = True if _is_listed(stated, accepted) else fits(parts_in_text(stated))
    statements = [
        _Statement(attribute_fits, f"Body Part Examined is {stated}"),
        _Statement(fits(film.coded.parts), f"Anatomic Region is {_and(film.coded.parts)}"),
        *_descriptions(film, lambda text: fits_text(text.parts), lambda text: _and(text.parts)),
    ]
    named = film.series.parts or film.study.parts
    no_statement = (
        f"the header names {_and(named)}, but not which of them this film shows"
        if named
        else "the header does not name the chest"
    )
    unknown_word = _unknown_word("Body Part Examined", stated, "body_parts")
    return _evidence(statements, accepted, unknown_word, no_statement)


def view_evidence(film: Film, accepted: Sequence[str]) -> Evidence:
    """Return the evidence for the view; `accepted` contains values of View Position."""
    views = {view for word in accepted if (view := view_of_position(word.upper()))}
    if {View.PA, View.AP} <= views:
        views |= FRONTALS

    def fits(view: View | None) -> bool | None:
        undecided = view is View.FRONTAL and bool(views & FRONTALS) and view not in views
        return None if view is None or undecided else view in views

    stated = _stated(film.view_position)
    attribute_fits = True if _is_listed(stated, accepted) else fits(view_of_position(stated))
    statements = [
        _Statement(attribute_fits, f"View Position is {stated}"),
        _Statement(fits(film.coded.view), f"View Code is {film.coded.view}"),
        *_descriptions(film, lambda text: fits(text.view), lambda text: str(text.view)),
        _Statement(fits(film.orientation_view), f"Patient Orientation is {film.orientation_view}"),
    ]
    unknown_word = _unknown_word("View Position", stated, "views")
    return _evidence(statements, accepted, unknown_word, "the header does not state the view")


def _descriptions(
    film: Film,
    fits: Callable[[HeaderStatements], bool | None],
    describe: Callable[[HeaderStatements], str],
) -> Iterable[_Statement]:
    yield _Statement(fits(film.series), f"the series description names {describe(film.series)}")
    yield _Statement(
        fits(film.study), f"the study description names {describe(film.study)}", strong=False
    )


def _evidence(
    statements: Sequence[_Statement], accepted: Sequence[str], unknown_word: str, no_statement: str
) -> Evidence:
    decisive = [statement for statement in statements if statement.fits is not None]
    if not decisive:
        if unknown_word:
            return Evidence(HeaderAgreement.UNKNOWN_WORD, unknown_word)
        return Evidence(HeaderAgreement.NOTHING, no_statement)
    first = decisive[0]
    if not first.fits:
        return Evidence(HeaderAgreement.OTHER, f"{first.text}, not {' or '.join(accepted)}")
    contrary = next((item for item in decisive if item.strong and not item.fits), None)
    if contrary:
        return Evidence(HeaderAgreement.CONTRADICTS, f"{first.text}, but {contrary.text}")
    return Evidence(HeaderAgreement.FITS)


def _stated(value: str) -> str:
    meaningful = {word for word in split_words(value) if not word.isdecimal()}
    return "" if meaningful <= _WORDS_WITHOUT_MEANING else value


def _is_listed(stated: str, accepted: Sequence[str]) -> bool:
    return stated in [word.upper() for word in accepted]


def _unknown_word(attribute: str, stated: str, key: str) -> str:
    if not stated:
        return ""
    return f"{attribute} is {stated}, an unknown word; add it to policy.admit.{key} if it fits"


def _and(parts: Sequence[BodyPart]) -> str:
    return " and ".join(parts)
