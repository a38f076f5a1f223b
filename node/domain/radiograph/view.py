"""Recognise views in words and codes of headers.

PS3.3 defines View Position (C.8.1.2 and C.8.11.5) and Patient Orientation (C.7.6.1.1.1). Codes are
from PS3.16, CID 4010, in SNOMED CT and, for older films, SNOMED RT.
"""

from collections.abc import Sequence
from enum import StrEnum

from node.domain.radiograph.vocabulary import build_lexicon, meanings_in


class View(StrEnum):
    """Projection of a film."""

    PA = "PA"
    AP = "AP"
    FRONTAL = "frontal"  # PA or AP, unspecified
    LATERAL = "lateral"
    OBLIQUE = "oblique"
    LORDOTIC = "lordotic"
    DECUBITUS = "lateral decubitus"
    OTHER = "other"  # axial, tangential, swimmer's


FRONTALS = frozenset({View.PA, View.AP, View.FRONTAL})

_POSITIONS = {
    "LL": View.LATERAL,
    "RL": View.LATERAL,
    "LLD": View.DECUBITUS,
    "RLD": View.DECUBITUS,
    "RLO": View.OBLIQUE,
    "LLO": View.OBLIQUE,
    "AL": View.LORDOTIC,
    "CC": View.OTHER,
    "MLO": View.OTHER,
    "ML": View.OTHER,
    "LM": View.OTHER,
}
"""Values of View Position that are ambiguous in free text."""

_WORDS = {
    View.PA: (
        "pa, p a, palat, posteroanterior, postero anterior, posterior anterior, dorsoventral, "
        "dorso ventral, dv, d v, chestpa, 后前位, 后前正位, 後前位, 후전, 후전면"
    ),
    View.AP: (
        "ap, a p, aplat, anteroposterior, antero posterior, anterior posterior, ventrodorsal, "
        "ventro dorsal, vd, v d, chestap, 前后位, 前后正位, 前後位, 전후, 전후면"
    ),
    View.FRONTAL: ("frontal, frontale, frente, face, de face, 正位, 正面, 正侧位, 正側位, 정면"),
    View.LATERAL: (
        "lat, lateral, laterals, laterale, lateralis, latero lateral, latero laterale, llat, rlat, "
        "chestlat, palat, aplat, profil, de profil, perfil, profilo, seitlich, seitl, "
        "seitenaufnahme, 侧位, 側位, 侧面, 側面, 正侧位, 正側位, 측면"
    ),
    View.OBLIQUE: (
        "oblique, obliques, obl, schraeg, schrag, oblicua, obliqua, obliquo, rao, lao, rpo, lpo, "
        "斜位, 사위"
    ),
    View.LORDOTIC: (
        "lordotic, apical lordotic, ap lordotic, lordotica, lordotique, 前凸位, 前弓位"
    ),
    View.DECUBITUS: (
        "lateral decubitus, left decubitus, right decubitus, lat decub, decubitus lateral, "
        "decubito lateral, seitenlage, linksseitenlage, rechtsseitenlage, 侧卧位, 側臥位"
    ),
    View.OTHER: "axial, tangential, swimmers, swimmer, craniocaudal, cranio caudal",
}
# Supine is not a view, and PA or AP may mean pulmonary artery or aortopulmonary window.
_IGNORED_PHRASES = (
    "decubitus dorsal, dorsal decubitus, decubito supino, decubito dorsal, pa catheter, pa line, "
    "pa pressure, ap window"
)
_LEXICON = build_lexicon(_WORDS, _IGNORED_PHRASES)

_CODES = {
    "272479007": View.PA,
    "R-40888": View.PA,
    "R-10214": View.PA,
    "399348003": View.AP,
    "R-10206": View.AP,
    "399033003": View.FRONTAL,
    "R-10202": View.FRONTAL,
    "399067008": View.LATERAL,
    "R-102CD": View.LATERAL,
    "399173006": View.LATERAL,
    "R-10236": View.LATERAL,
    "399198007": View.LATERAL,
    "R-10232": View.LATERAL,
    "399182000": View.OBLIQUE,
    "R-102C1": View.OBLIQUE,
    "399356000": View.OBLIQUE,
    "R-40985": View.OBLIQUE,
    "399135007": View.OBLIQUE,
    "R-10220": View.OBLIQUE,
    "399038007": View.OBLIQUE,
    "R-10210": View.OBLIQUE,
    "399006002": View.OBLIQUE,
    "R-10212": View.OBLIQUE,
    "399061009": View.OTHER,
    "R-10241": View.OTHER,
    "260450008": View.LORDOTIC,
    "32185000": View.DECUBITUS,
    "102536004": View.DECUBITUS,
    "102535000": View.DECUBITUS,
}
"""Views of CID 4010, and modifiers (CID 4011, 20) that change a view."""


def view_of_position(position: str) -> View | None:
    """Return the view of a View Position, or None if it is absent, unknown or ambiguous.

    `AP LORDOTIC` is one view, because a modifier replaces PA and AP. `PA/LAT` is ambiguous.
    """
    if position in _POSITIONS:
        return _POSITIONS[position]
    views = meanings_in(position, _LEXICON)
    modified = [view for view in views if view not in FRONTALS | {View.LATERAL}]
    return _single(modified or views)


def view_in_text(text: str) -> View | None:
    """Return the single view that a text names, or None for several, as in `PA and lateral`."""
    return _single(meanings_in(text, _LEXICON))


def view_of_code(value: str, meaning: str) -> View | None:
    """Return the view of an item of View Code Sequence or its modifiers, by code or meaning."""
    return _CODES.get(value) or view_of_position(meaning.upper())


def view_of_orientation(orientation: Sequence[str]) -> View | None:
    """Return LATERAL if Patient Orientation is lateral, otherwise None.

    `L\\F` is ignored, because devices also write this value into lateral films.
    """
    axes = {value[:1] for value in orientation}
    lateral = len(orientation) == 2 and bool(axes & set("AP")) and bool(axes & set("HF"))
    return View.LATERAL if lateral else None


def _single(views: Sequence[View]) -> View | None:
    if len(views) == 1:
        return views[0]
    return View.FRONTAL if views and set(views) <= FRONTALS else None
