"""Which films are scored, and with which reason the others are not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.admission import (
    RADIOGRAPH_CLASSES,
    AdmissionPolicy,
    Admitted,
    Reason,
    Refused,
    admit,
)
from tests.unit.domain.films import film

POLICY = AdmissionPolicy()
CT = "1.2.840.10008.5.1.4.1.1.2"
COMPREHENSIVE_3D_SR = "1.2.840.10008.5.1.4.1.1.88.34"


def reason(policy: AdmissionPolicy = POLICY, **facts: Any) -> Reason | None:
    """Return why the chest film with these facts is refused, None where it is admitted."""
    admission = admit(film(**facts), policy)
    return admission.reason if isinstance(admission, Refused) else None


class TestAdmitted:
    def test_a_frontal_chest_film_of_an_older_person(self) -> None:
        """What the product is for."""
        assert admit(film(), POLICY) == Admitted()

    @pytest.mark.parametrize("sop_class_uid", RADIOGRAPH_CLASSES)
    def test_every_radiograph_class(self, sop_class_uid: str) -> None:
        """CR, DX for presentation and for processing, and the Secondary Capture that archives
        turn films into.
        """
        assert reason(sop_class_uid=sop_class_uid) is None

    @pytest.mark.parametrize("modality", ["CR", "DX", "RG"])
    def test_every_modality_that_makes_films(self, modality: str) -> None:
        """RG is what digitised films are labelled with."""
        assert reason(modality=modality) is None

    def test_a_film_labelled_ribcage(self) -> None:
        """Some exporters write RIBCAGE for a plain chest film."""
        assert reason(body_part_examined="RIBCAGE", view_position="") is None

    @pytest.mark.parametrize(
        "described",
        [
            {"study_description": "THORAX"},
            {"study_description": "xr chest 2 views"},
            {"series_description": "Thorax pa"},
            {"series_description": "CXR"},
            {"study_description": "胸部単純"},
        ],
    )
    def test_a_film_whose_descriptions_name_the_chest(self, described: dict[str, str]) -> None:
        """Body Part Examined is type 2 or 3 in these classes and often empty."""
        assert reason(body_part_examined="", **described) is None

    def test_a_film_that_states_neither_view_nor_age(self) -> None:
        """Both are unknown on many films; the defaults give those the benefit of the doubt."""
        assert reason(view_position="", age_years=None) is None

    def test_someone_as_old_as_the_limit(self) -> None:
        """The limit itself is in."""
        assert reason(age_years=50.0) is None

    @pytest.mark.parametrize("side", [256, 12000])
    def test_a_matrix_at_the_limits(self, side: int) -> None:
        """The limits themselves are in."""
        assert reason(rows=side, columns=side) is None

    def test_colour_is_left_to_the_pixels(self) -> None:
        """Archives save grey films as RGB; whether it is grey, the pixels tell."""
        assert reason(samples_per_pixel=3) is None


class TestRefused:
    @pytest.mark.parametrize(
        ("facts", "expected"),
        [
            ({"sop_class_uid": CT}, Reason.SOP_CLASS),
            ({"sop_class_uid": COMPREHENSIVE_3D_SR}, Reason.SOP_CLASS),
            ({"modality": "MG"}, Reason.MODALITY),
            ({"modality": ""}, Reason.MODALITY),
            ({"rows": None}, Reason.NO_PIXELS),
            ({"columns": None}, Reason.NO_PIXELS),
            ({"rows": 0}, Reason.NO_PIXELS),
            ({"number_of_frames": 2}, Reason.FRAMES),
            ({"samples_per_pixel": 4}, Reason.COLOUR),
            ({"rows": 255}, Reason.MATRIX),
            ({"columns": 12001}, Reason.MATRIX),
            ({"body_part_examined": "HIP"}, Reason.BODY_PART),
            ({"body_part_examined": "EXTREMITY"}, Reason.BODY_PART),
            ({"body_part_examined": ""}, Reason.BODY_PART),
            ({"body_part_examined": "", "study_description": "HIP JOINT"}, Reason.BODY_PART),
            ({"view_position": "LL"}, Reason.VIEW),
            ({"age_years": 49.9}, Reason.AGE),
        ],
    )
    def test_each_for_its_own_reason(self, facts: dict[str, Any], expected: Reason) -> None:
        """One fact out of line is enough, and the code says which."""
        assert reason(**facts) is expected

    def test_a_stated_body_part_outweighs_a_description(self) -> None:
        """A hip film of a "chest and hip" study is a hip film."""
        facts = {"body_part_examined": "HIP", "study_description": "CHEST AND HIP"}
        assert reason(**facts) is Reason.BODY_PART

    def test_our_own_heatmap_coming_back(self) -> None:
        """A PACS that forwards whatever it stores must not make the node score its own picture."""
        heatmap = {
            "sop_class_uid": "1.2.840.10008.5.1.4.1.1.7",
            "image_type": ("DERIVED", "SECONDARY"),
            "manufacturer": "OsteoScreen",
            "samples_per_pixel": 3,
        }
        assert reason(**heatmap) is Reason.OWN_RESULT

    def test_not_a_derived_film_of_another_maker(self) -> None:
        """Modalities label processed films DERIVED too: the label alone refuses nothing."""
        assert reason(image_type=("DERIVED", "SECONDARY")) is None
        assert reason(manufacturer="OsteoScreen") is None

    def test_a_slice_of_a_chest_ct_by_its_class(self) -> None:
        """A coronal reformat looks frontal and is labelled CHEST; its class gives it away."""
        slice_ = {"sop_class_uid": CT, "modality": "CT", "view_position": ""}
        assert reason(**slice_) is Reason.SOP_CLASS

    def test_the_text_names_what_was_found(self) -> None:
        """The sentence is for the person who wonders where the score is."""
        refused = admit(film(modality="MG"), POLICY)
        assert refused == Refused(Reason.MODALITY, "Modality is MG, not CR or DX or RG")

    def test_an_absent_value_is_called_absent(self) -> None:
        """An empty word in the sentence would read as a mistake of ours."""
        refused = admit(film(modality=""), POLICY)
        assert isinstance(refused, Refused)
        assert refused.text.startswith("Modality is absent")


class TestPolicy:
    def test_what_the_site_does_not_want_is_refused(self) -> None:
        """Each list and limit of the policy is the site's to set."""
        assert reason(AdmissionPolicy(modalities=("DX",))) is Reason.MODALITY
        assert reason(AdmissionPolicy(body_parts=("LUNG",))) is Reason.BODY_PART
        assert reason(AdmissionPolicy(views=("AP",))) is Reason.VIEW
        assert reason(AdmissionPolicy(min_age=68.0)) is Reason.AGE
        assert reason(AdmissionPolicy(min_matrix=1842)) is Reason.MATRIX
        assert reason(AdmissionPolicy(max_matrix=1954)) is Reason.MATRIX

    def test_doubt_may_be_refused(self) -> None:
        """A site that screens strictly takes no film of unknown view or age."""
        assert reason(AdmissionPolicy(unknown_view=False), view_position="") is Reason.VIEW
        assert reason(AdmissionPolicy(unknown_age=False), age_years=None) is Reason.AGE

    @given(st.one_of(st.none(), st.floats(0, 120)), st.floats(0, 120))
    def test_a_known_age_is_admitted_from_the_limit_up(
        self, age: float | None, min_age: float
    ) -> None:
        """Whatever the limit; an unknown age passes by default."""
        expected = None if age is None or age >= min_age else Reason.AGE
        assert reason(AdmissionPolicy(min_age=min_age), age_years=age) is expected


def test_the_codes_are_the_interface() -> None:
    """Programs count and filter by these words: a new one may come, none may change."""
    assert {str(code) for code in Reason} >= {
        "sop-class",
        "modality",
        "own-result",
        "no-pixels",
        "frames",
        "colour",
        "matrix",
        "body-part",
        "view",
        "age",
        "pixels",
    }
