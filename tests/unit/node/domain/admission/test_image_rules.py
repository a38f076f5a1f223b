"""The image check refuses films, adds notes, and corrects inverted films."""

from dataclasses import replace

import numpy as np
import pytest

from models.gate.image_findings import ImageFindings
from models.images.radiograph import Radiograph
from node.domain.admission.header_rules import (
    Admitted,
    OpenQuestion,
    PixelRule,
    QuestionKind,
    Refused,
)
from node.domain.admission.image_rules import CheckedFilm, apply_image_rules, prepare_film
from node.domain.admission.reasons import AdmissionNote, Reason
from node.domain.radiograph.case import Case
from tests.support.film_facts import film
from tests.support.policies import make_admission_policy

CHEST = ImageFindings(
    frontal=0.99, side=0.005, ap=0.1, turn=0, upright=0.99, inverted=0.01, distance=0.4
)
POLICY = make_admission_policy(pixels=PixelRule.OVERRULE)
NO_PART = OpenQuestion(Reason.BODY_PART, QuestionKind.MISSING, "the header does not name the chest")
A_HAND = OpenQuestion(Reason.BODY_PART, QuestionKind.CONTRADICTED, "Body Part Examined is HAND")
NO_VIEW = OpenQuestion(Reason.VIEW, QuestionKind.MISSING, "the header does not state the view")
LATERAL = OpenQuestion(Reason.VIEW, QuestionKind.CONTRADICTED, "View Position is LL")


@pytest.mark.parametrize(
    ("change", "reason", "text"),
    [
        ({"frontal": 0.2, "side": 0.7}, Reason.VIEW, "lateral chest"),
        ({"frontal": 0.2, "side": 0.1}, Reason.BODY_PART, "20% probable"),
        ({"frontal": 0.02, "side": 0.01, "distance": 5.0}, Reason.BODY_PART, "2% probable"),
        ({"turn": 1}, Reason.ORIENTATION, "90 degrees to the left"),
        ({"turn": 2, "inverted": 0.9}, Reason.ORIENTATION, "180 degrees"),
        ({"turn": 3}, Reason.ORIENTATION, "90 degrees to the right"),
        ({"distance": 1.4}, Reason.UNLIKE, "1.4 times"),
    ],
)
def test_an_unsuitable_image_is_refused(
    change: dict[str, float], reason: Reason, text: str
) -> None:
    """The image check can refuse a film whose header leaves no open question."""
    admission = apply_image_rules(Admitted(), replace(CHEST, **change), POLICY)
    assert isinstance(admission, Refused)
    assert admission.reason is reason
    assert text in admission.text


@pytest.mark.parametrize(
    ("question", "note"),
    [
        (NO_PART, AdmissionNote.BODY_PART_BY_PIXELS),
        (A_HAND, AdmissionNote.BODY_PART_OVERRULED),
        (NO_VIEW, AdmissionNote.VIEW_BY_PIXELS),
        (LATERAL, AdmissionNote.VIEW_OVERRULED),
    ],
)
def test_a_frontal_chest_answers_the_question_and_adds_a_note(
    question: OpenQuestion, note: AdmissionNote
) -> None:
    """The notes on the header are kept when the image check adds its own note."""
    admitted = Admitted((question,), (AdmissionNote.AGE_UNKNOWN,))
    admission = apply_image_rules(admitted, CHEST, POLICY)
    assert admission == Admitted(notes=(AdmissionNote.AGE_UNKNOWN, note))


def test_overruling_the_header_requires_a_higher_probability() -> None:
    """A chest probability of 50 % is enough if the body part is missing; HAND requires 90 %."""
    likely = replace(CHEST, frontal=0.7, side=0.1)
    assert isinstance(apply_image_rules(Admitted((NO_PART,)), likely, POLICY), Admitted)
    refused = apply_image_rules(Admitted((A_HAND,)), likely, POLICY)
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.BODY_PART
    assert refused.text.endswith("; Body Part Examined is HAND")


@pytest.mark.parametrize(("ap", "admitted"), [(0.1, True), (0.8, False)])
def test_the_image_decides_between_pa_and_ap_if_the_view_is_missing(
    ap: float, admitted: bool
) -> None:
    """If the view is missing and the policy accepts only PA, the image must show a PA film."""
    policy = replace(POLICY, views=("PA",))
    findings = replace(CHEST, ap=ap)
    assert (
        isinstance(apply_image_rules(Admitted((NO_VIEW,)), findings, policy), Admitted) is admitted
    )
    assert isinstance(apply_image_rules(Admitted(), findings, policy), Admitted)
    assert isinstance(apply_image_rules(Admitted((NO_VIEW,)), findings, POLICY), Admitted)


@pytest.mark.parametrize("findings", [None, CHEST])
def test_an_open_question_is_refused_without_an_image_check(
    findings: ImageFindings | None,
) -> None:
    """The image is not checked if the bundle has no gate, or the policy does not use the gate."""
    policy = POLICY if findings is None else replace(POLICY, pixels=PixelRule.OFF)
    plain = Admitted(notes=(AdmissionNote.AGE_UNKNOWN,))
    assert apply_image_rules(plain, findings, policy) == plain
    refused = apply_image_rules(Admitted((NO_PART,)), findings, policy)
    assert isinstance(refused, Refused)
    assert "no gate checked the image" in refused.text


def test_an_inverted_film_is_corrected_with_a_note() -> None:
    """The correction of an inverted film does not change the decoded image itself."""
    case = Case(film(), Radiograph(np.array([[0.0, 0.25], [0.5, 1.0]], np.float32), aspect=1.5))
    checked = prepare_film(case, Admitted(), replace(CHEST, inverted=0.9), POLICY)
    assert isinstance(checked, CheckedFilm)
    assert checked.notes == (AdmissionNote.INVERTED,)
    assert np.array_equal(checked.case.radiograph.pixels, [[1.0, 0.75], [0.5, 0.0]])
    assert checked.case.radiograph.aspect == 1.5
    assert case.radiograph.pixels[0, 0] == 0.0


def test_a_film_that_is_not_inverted_is_unchanged() -> None:
    case = Case(film(), Radiograph(np.eye(2, dtype=np.float32)))
    checked = prepare_film(case, Admitted(), CHEST, POLICY)
    assert checked == CheckedFilm(case, (), CHEST)


def test_a_refusal_is_marked_as_reported_if_the_policy_lists_its_reason() -> None:
    """`policy.admit.report` lists the reasons of refusals that are reported."""
    case = Case(film(), Radiograph(np.eye(2, dtype=np.float32)))
    rotated = replace(CHEST, turn=2)
    for report in ((), (Reason.ORIENTATION,)):
        refused = prepare_film(case, Admitted(), rotated, replace(POLICY, report=report))
        assert isinstance(refused, Refused)
        assert refused.reported is bool(report)
