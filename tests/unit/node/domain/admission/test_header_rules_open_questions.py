"""A header may leave questions for the image check, depending on the setting `pixels`."""

from typing import Any

import pytest

from node.domain.admission.header_rules import (
    AdmissionPolicy,
    Admitted,
    PixelRule,
    QuestionKind,
    Refused,
    admit,
)
from node.domain.admission.reasons import Reason
from node.domain.radiograph.derivation import Derivation
from node.domain.radiograph.film import HeaderStatements
from node.domain.radiograph.view import View
from tests.support.film_facts import film
from tests.support.header_statements import CHEST_AND_ABDOMEN, FRONTAL, HIP, POLICY
from tests.support.policies import make_admission_policy

LATERAL = HeaderStatements(view=View.LATERAL)
REFUSED, MISSING, CONTRADICTED = "refused", "missing", "contradicted"
PART_NOTED, VIEWS_NOTED = "body-part-contradicted", "view-contradicted"
VIEW_NOTED = "view-unknown"
CT = "1.2.840.10008.5.1.4.1.1.2"


def reason(policy: AdmissionPolicy = POLICY, **facts: Any) -> Reason | None:
    """Return why the chest film with these attributes is refused, or None if it is admitted."""
    admission = admit(film(**facts), policy)
    return admission.reason if isinstance(admission, Refused) else None


def outcome_of(facts: dict[str, Any], rule: PixelRule) -> str | None:
    """Return "refused", the kind of the question for the image check, the note, or None."""
    admission = admit(film(**facts), make_admission_policy(pixels=rule))
    if isinstance(admission, Refused):
        return REFUSED
    remarks = [*(question.kind for question in admission.open_questions), *admission.notes]
    assert len(remarks) <= 1
    return str(remarks[0]) if remarks else None


class TestOpenQuestions:
    @pytest.mark.parametrize(
        ("facts", "off", "confirm", "overrule"),
        [
            ({}, None, None, None),
            ({"body_part_examined": ""}, REFUSED, MISSING, MISSING),
            ({"body_part_examined": "", "study": CHEST_AND_ABDOMEN}, REFUSED, MISSING, MISSING),
            ({"body_part_examined": "ROOM_1"}, REFUSED, MISSING, MISSING),
            ({"body_part_examined": "HIP"}, REFUSED, REFUSED, CONTRADICTED),
            ({"body_part_examined": "CHESTABDOMEN"}, REFUSED, REFUSED, CONTRADICTED),
            ({"body_part_examined": "", "series": HIP}, REFUSED, REFUSED, CONTRADICTED),
            ({"series": HIP}, PART_NOTED, CONTRADICTED, CONTRADICTED),
            ({"coded": HIP}, PART_NOTED, CONTRADICTED, CONTRADICTED),
            ({"series": CHEST_AND_ABDOMEN}, None, None, None),
            ({"study": HIP}, None, None, None),
            ({"view_position": ""}, VIEW_NOTED, MISSING, MISSING),
            ({"view_position": "ERECT"}, VIEW_NOTED, MISSING, MISSING),
            ({"view_position": "1"}, VIEW_NOTED, MISSING, MISSING),
            ({"view_position": "V7Q"}, REFUSED, MISSING, MISSING),
            ({"view_position": "LL"}, REFUSED, REFUSED, CONTRADICTED),
            ({"view_position": "LL", "series": FRONTAL}, REFUSED, REFUSED, CONTRADICTED),
            ({"view_position": "", "series": FRONTAL}, None, None, None),
            ({"series": LATERAL}, VIEWS_NOTED, CONTRADICTED, CONTRADICTED),
            ({"coded": LATERAL}, VIEWS_NOTED, CONTRADICTED, CONTRADICTED),
            ({"orientation_view": View.LATERAL}, VIEWS_NOTED, CONTRADICTED, CONTRADICTED),
            ({"study": LATERAL}, None, None, None),
            ({"series": HeaderStatements(view=View.AP)}, None, None, None),
        ],
    )
    def test_outcomes_for_each_rule(
        self, facts: dict[str, Any], off: str, confirm: str, overrule: str
    ) -> None:
        """The cases are the rows of the table in `docs/explanation/admission.md`."""
        expected = {PixelRule.OFF: off, PixelRule.CONFIRM: confirm, PixelRule.OVERRULE: overrule}
        for rule, outcome in expected.items():
            assert outcome_of(facts, rule) == outcome, rule

    @pytest.mark.parametrize(
        "facts",
        [
            {"sop_class_uid": CT},
            {"modality": "MG"},
            {"is_own_result": True},
            {"derivation": Derivation.BONE_SUPPRESSED},
            {"number_of_frames": 2},
            {"samples_per_pixel": 4},
            {"has_pixel_data": False},
            {"bits_stored": 32},
            {"age_years": 40.0},
            {"rows": 100},
            {"width_mm": 40.0, "height_mm": 40.0},
        ],
    )
    def test_other_reasons_leave_no_open_question(self, facts: dict[str, Any]) -> None:
        """The image check decides only on body part and view."""
        assert reason(make_admission_policy(pixels=PixelRule.OVERRULE), **facts) is not None

    def test_a_question_has_the_reason_and_text_of_the_refusal(self) -> None:
        """An open question has the reason and text of the refusal that may follow."""
        ambiguous = film(body_part_examined="HIP", view_position="")
        admission = admit(ambiguous, make_admission_policy(pixels=PixelRule.OVERRULE))
        assert isinstance(admission, Admitted)
        assert [(question.reason, question.kind) for question in admission.open_questions] == [
            (Reason.BODY_PART, QuestionKind.CONTRADICTED),
            (Reason.VIEW, QuestionKind.MISSING),
        ]
        assert admission.open_questions[0].text.startswith(
            "Body Part Examined is HIP, not CHEST or"
        )

    def test_a_missing_view_is_left_to_the_image_even_if_unknown_views_are_refused(self) -> None:
        """The header check admits a film without a view, because the image may show the view."""
        strict = make_admission_policy(unknown_view=False, pixels=PixelRule.CONFIRM)
        assert reason(strict, view_position="") is None


def test_a_stated_body_part_has_priority_over_the_age() -> None:
    """If body part and age are both unsuitable, a stated body part is the reason of the refusal."""
    overruling = make_admission_policy(pixels=PixelRule.OVERRULE)
    hand = film(body_part_examined="HAND", age_years=12.0)
    unlabelled = film(body_part_examined="", age_years=12.0)
    assert reason(overruling, body_part_examined="HAND", age_years=12.0) is Reason.BODY_PART
    assert isinstance(admit(hand, overruling), Refused)
    refused = admit(unlabelled, overruling)
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.AGE
