"""What a film's pixels show, and what that makes of an admission by header: a pure decision.

The header says what a film is said to be, the pixels what it is. A film that shows no frontal
chest is refused whatever its tags say; one whose tags are missing, or say otherwise, is admitted
where its pixels settle that. Each decision keeps what it rests on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.gate.image_findings import ImageFindings
from models.images.radiograph import Radiograph
from node.domain.admission.header_rules import (
    Admission,
    AdmissionPolicy,
    Admitted,
    DoubtKind,
    OpenQuestion,
    PixelRule,
    Refused,
    as_policy_has_it,
)
from node.domain.admission.reasons import AdmissionNote, Reason
from node.domain.radiograph.case import Case
from node.domain.radiograph.view import View, view_stated

LIKELY = 0.5
SURE = 0.9
"""How probable a frontal chest must be where a tag states something else."""

_DEGREES = {1: "90 degrees to the left", 2: "180 degrees", 3: "90 degrees to the right"}


@dataclass(frozen=True, slots=True)
class Examined:
    """A film that the model may have, set right where it was inverted, and what is noted of it."""

    case: Case
    notes: tuple[AdmissionNote, ...] = ()
    seen: ImageFindings | None = None


def asks(looks: bool, policy: AdmissionPolicy) -> bool:
    """Return whether pixels are asked before films are scored, by a bundle that `looks` or not."""
    return looks and policy.pixels is not PixelRule.OFF


def judge(admitted: Admitted, seen: ImageFindings | None, policy: AdmissionPolicy) -> Admission:
    """Return what becomes of a film that its header has let through, given its pixels.

    `seen` is None where no gate has looked. What the header leaves open stays open then, and the
    film is refused for it.
    """
    if seen is None or policy.pixels is PixelRule.OFF:
        return _unlooked(admitted)
    contradicted = any(one.kind is DoubtKind.CONTRADICTED for one in admitted.doubts)
    for refused in (
        _no_chest(seen, SURE if contradicted else LIKELY, admitted.doubts),
        _turned(seen),
        _unlike(seen),
        _other_view(seen, admitted.doubts, policy),
    ):
        if refused is not None:
            return refused
    return Admitted(notes=(*admitted.notes, *_noted(seen, admitted.doubts)))


def examine(
    case: Case, admitted: Admitted, seen: ImageFindings | None, policy: AdmissionPolicy
) -> Examined | Refused:
    """Return the film as the model may have it, or why not."""
    match judge(admitted, seen, policy):
        case Refused() as refused:
            return as_policy_has_it(refused, policy)
        case Admitted(notes=notes):
            upside = AdmissionNote.INVERTED in notes
            return Examined(
                replace(case, radiograph=negative(case.radiograph)) if upside else case, notes, seen
            )


def negative(shown: Radiograph) -> Radiograph:
    """Return a film set right that came inverted."""
    return replace(shown, pixels=np.float32(1) - shown.pixels)


def _unlooked(admitted: Admitted) -> Admission:
    if not admitted.doubts:
        return admitted
    first = admitted.doubts[0]
    return Refused(first.reason, f"{first.text}, and no gate has looked at the pixels")


def _no_chest(seen: ImageFindings, least: float, doubts: Sequence[OpenQuestion]) -> Refused | None:
    if seen.frontal >= least:
        return None
    percent = f"{seen.frontal:.0%} probable"
    stated = f"; {doubts[0].text}" if doubts else ""
    if seen.side >= 1 - seen.frontal - seen.side:
        return Refused(
            Reason.VIEW,
            f"the pixels show a chest from the side, a frontal one is {percent}{stated}",
        )
    return Refused(Reason.BODY_PART, f"by the pixels, a frontal chest is {percent}{stated}")


def _turned(seen: ImageFindings) -> Refused | None:
    if not seen.turn:
        return None
    return Refused(
        Reason.ORIENTATION,
        f"the picture is turned by {_DEGREES[seen.turn]}: have it sent upright",
    )


def _unlike(seen: ImageFindings) -> Refused | None:
    if seen.distance <= 1:
        return None
    return Refused(
        Reason.UNLIKE,
        "the picture is unlike the chest films that the gate has learned: "
        f"{seen.distance:.1f} times as far from their middle as 995 of 1,000 of them are",
    )


def _other_view(
    seen: ImageFindings, doubts: Sequence[OpenQuestion], policy: AdmissionPolicy
) -> Refused | None:
    """Refuse the frontal view that is not wanted, where the header leaves it to the pixels."""
    if not any(one.reason is Reason.VIEW for one in doubts):
        return None
    wanted = {view_stated(word) for word in policy.views}
    view = View.AP if seen.ap >= LIKELY else View.PA
    if view in wanted or View.FRONTAL in wanted:
        return None
    return Refused(
        Reason.VIEW, f"the pixels show a film taken {view}, not {' or '.join(policy.views)}"
    )


def _noted(seen: ImageFindings, doubts: Sequence[OpenQuestion]) -> Sequence[AdmissionNote]:
    notes = []
    if seen.inverted >= LIKELY:
        notes.append(AdmissionNote.INVERTED)
    for doubt in doubts:
        notes.append(_SETTLED[doubt.reason, doubt.kind])
    return notes


_SETTLED = {
    (Reason.BODY_PART, DoubtKind.MISSING): AdmissionNote.BODY_PART_BY_PIXELS,
    (Reason.BODY_PART, DoubtKind.CONTRADICTED): AdmissionNote.BODY_PART_OVERRULED,
    (Reason.VIEW, DoubtKind.MISSING): AdmissionNote.VIEW_BY_PIXELS,
    (Reason.VIEW, DoubtKind.CONTRADICTED): AdmissionNote.VIEW_OVERRULED,
}
