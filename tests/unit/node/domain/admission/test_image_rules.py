"""What pixels make of an admission by header: refused, let through, set right, noted."""

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
NO_PART = OpenQuestion(Reason.BODY_PART, QuestionKind.MISSING, "nothing names the chest")
A_HAND = OpenQuestion(Reason.BODY_PART, QuestionKind.CONTRADICTED, "Body Part Examined is HAND")
NO_VIEW = OpenQuestion(Reason.VIEW, QuestionKind.MISSING, "nothing tells the view")
LATERAL = OpenQuestion(Reason.VIEW, QuestionKind.CONTRADICTED, "View Position is LL")


@pytest.mark.parametrize(
    ("change", "reason", "words"),
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
def test_pixels_refuse_what_a_header_has_let_through(
    change: dict[str, float], reason: Reason, words: str
) -> None:
    """Whatever its tags say, and also where they leave nothing open."""
    found = apply_image_rules(Admitted(), replace(CHEST, **change), POLICY)
    assert isinstance(found, Refused)
    assert found.reason is reason
    assert words in found.text


@pytest.mark.parametrize(
    ("doubt", "note"),
    [
        (NO_PART, AdmissionNote.BODY_PART_BY_PIXELS),
        (A_HAND, AdmissionNote.BODY_PART_OVERRULED),
        (NO_VIEW, AdmissionNote.VIEW_BY_PIXELS),
        (LATERAL, AdmissionNote.VIEW_OVERRULED),
    ],
)
def test_a_frontal_chest_settles_a_doubt_and_that_is_noted(
    doubt: OpenQuestion, note: AdmissionNote
) -> None:
    found = apply_image_rules(Admitted((doubt,), (AdmissionNote.AGE_UNKNOWN,)), CHEST, POLICY)
    assert found == Admitted(notes=(AdmissionNote.AGE_UNKNOWN, note))


def test_a_tag_that_says_otherwise_is_overruled_by_what_is_sure() -> None:
    """A missing one is filled in by what is likely."""
    likely = replace(CHEST, frontal=0.7, side=0.1)
    assert isinstance(apply_image_rules(Admitted((NO_PART,)), likely, POLICY), Admitted)
    refused = apply_image_rules(Admitted((A_HAND,)), likely, POLICY)
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.BODY_PART
    assert refused.text.endswith("; Body Part Examined is HAND")


@pytest.mark.parametrize(("ap", "admitted"), [(0.1, True), (0.8, False)])
def test_of_an_unstated_view_the_pixels_tell_pa_from_ap(ap: float, admitted: bool) -> None:
    """Where policy wants one of them alone; a view that is stated is believed."""
    policy = replace(POLICY, views=("PA",))
    seen = replace(CHEST, ap=ap)
    assert isinstance(apply_image_rules(Admitted((NO_VIEW,)), seen, policy), Admitted) is admitted
    assert isinstance(apply_image_rules(Admitted(), seen, policy), Admitted)
    assert isinstance(apply_image_rules(Admitted((NO_VIEW,)), seen, POLICY), Admitted)


@pytest.mark.parametrize("seen", [None, CHEST])
def test_where_nobody_looks_what_is_open_stays_open(seen: ImageFindings | None) -> None:
    """No gate in the bundle, or one that policy does not ask: a doubt refuses, no more."""
    policy = POLICY if seen is None else replace(POLICY, pixels=PixelRule.OFF)
    plain = Admitted(notes=(AdmissionNote.AGE_UNKNOWN,))
    assert apply_image_rules(plain, seen, policy) == plain
    refused = apply_image_rules(Admitted((NO_PART,)), seen, policy)
    assert isinstance(refused, Refused)
    assert "no gate checked the image" in refused.text


def test_an_inverted_film_is_set_right_and_that_is_noted() -> None:
    case = Case(film(), Radiograph(np.array([[0.0, 0.25], [0.5, 1.0]], np.float32), aspect=1.5))
    found = prepare_film(case, Admitted(), replace(CHEST, inverted=0.9), POLICY)
    assert isinstance(found, CheckedFilm)
    assert found.notes == (AdmissionNote.INVERTED,)
    assert np.array_equal(found.case.radiograph.pixels, [[1.0, 0.75], [0.5, 0.0]])
    assert found.case.radiograph.aspect == 1.5
    assert case.radiograph.pixels[0, 0] == 0.0  # the decoder's own picture stays


def test_any_other_film_stays_as_it_is() -> None:
    case = Case(film(), Radiograph(np.eye(2, dtype=np.float32)))
    found = prepare_film(case, Admitted(), CHEST, POLICY)
    assert found == CheckedFilm(case, (), CHEST)


def test_a_refusal_by_pixels_is_reported_where_policy_asks_for_it() -> None:
    case = Case(film(), Radiograph(np.eye(2, dtype=np.float32)))
    turned = replace(CHEST, turn=2)
    for report in ((), (Reason.ORIENTATION,)):
        found = prepare_film(case, Admitted(), turned, replace(POLICY, report=report))
        assert isinstance(found, Refused)
        assert found.reported is bool(report)
