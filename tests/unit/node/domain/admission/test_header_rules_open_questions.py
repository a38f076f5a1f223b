"""What a header leaves open, and what it does not: by the rule on pixels."""

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
from tests.support.findings import CHEST_AND_ABDOMEN, FRONTAL, HIP, POLICY
from tests.support.policies import make_admission_policy

LATERAL = HeaderStatements(view=View.LATERAL)
REFUSED, MISSING, CONTRADICTED = "refused", "missing", "contradicted"
PART_NOTED, VIEWS_NOTED = "body-part-contradicted", "view-contradicted"
VIEW_NOTED = "view-unknown"
CT = "1.2.840.10008.5.1.4.1.1.2"


def reason(policy: AdmissionPolicy = POLICY, **facts: Any) -> Reason | None:
    """Return why the chest film with these facts is refused, None where it is admitted."""
    admission = admit(film(**facts), policy)
    return admission.reason if isinstance(admission, Refused) else None


def outcome_of(facts: dict[str, Any], rule: PixelRule) -> str | None:
    """Return what becomes of a film in one word; None where it is admitted without more ado."""
    admission = admit(film(**facts), make_admission_policy(pixels=rule))
    if isinstance(admission, Refused):
        return REFUSED
    told = [*(doubt.kind for doubt in admission.open_questions), *admission.notes]
    assert len(told) <= 1
    return str(told[0]) if told else None


class TestLeftToThePixels:
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
    def test_what_the_header_leaves_open(
        self, facts: dict[str, Any], off: str, confirm: str, overrule: str
    ) -> None:
        """The table of `docs/explanation/admission.md`, case by case."""
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
    def test_nothing_else_is_ever_left_to_them(self, facts: dict[str, Any]) -> None:
        """No picture of a chest makes a child older, or a copy of our own result a film."""
        assert reason(make_admission_policy(pixels=PixelRule.OVERRULE), **facts) is not None

    def test_a_doubt_says_what_it_is_about(self) -> None:
        """In words that the refusal would have had."""
        doubtful = film(body_part_examined="HIP", view_position="")
        admission = admit(doubtful, make_admission_policy(pixels=PixelRule.OVERRULE))
        assert isinstance(admission, Admitted)
        assert [(doubt.reason, doubt.kind) for doubt in admission.open_questions] == [
            (Reason.BODY_PART, QuestionKind.CONTRADICTED),
            (Reason.VIEW, QuestionKind.MISSING),
        ]
        assert admission.open_questions[0].text.startswith(
            "Body Part Examined is HIP, not CHEST or"
        )

    def test_what_only_a_strict_site_refuses_is_asked_of_the_pixels(self) -> None:
        """They tell the view that no tag told: there is nothing unknown left to refuse."""
        strict = make_admission_policy(unknown_view=False, pixels=PixelRule.CONFIRM)
        assert reason(strict, view_position="") is None


def test_what_is_refused_anyway_is_refused_for_what_it_is_said_to_be() -> None:
    """A child's hand is a hand first: its pixels are not asked, and its tag stands."""
    overruling = make_admission_policy(pixels=PixelRule.OVERRULE)
    hand = film(body_part_examined="HAND", age_years=12.0)
    unsaid = film(body_part_examined="", age_years=12.0)
    assert reason(overruling, body_part_examined="HAND", age_years=12.0) is Reason.BODY_PART
    assert isinstance(admit(hand, overruling), Refused)
    refused = admit(unsaid, overruling)
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.AGE
