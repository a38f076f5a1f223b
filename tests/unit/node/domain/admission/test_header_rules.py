"""Which films are scored, and with which reason the others are not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.images import dicom as decoder
from node.domain.admission.header_rules import (
    PHOTOMETRIC_INTERPRETATIONS,
    AdmissionPolicy,
    Admitted,
    Refused,
    admit,
)
from node.domain.admission.reasons import AdmissionNote, Reason
from node.domain.radiograph.derivation import Derivation
from node.domain.radiograph.film import HeaderStatements
from node.domain.radiograph.view import View
from node.domain.sop_class import RADIOGRAPH_CLASSES, SopClass
from tests.support.film_facts import film
from tests.support.findings import CHEST, CHEST_AND_ABDOMEN, HIP, POLICY
from tests.support.policies import make_admission_policy

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

    @pytest.mark.parametrize("source", ["coded", "series", "study"])
    def test_a_film_without_a_body_part_whose_codes_or_texts_name_the_chest(
        self, source: str
    ) -> None:
        """Body Part Examined is type 2 or 3 in these classes and often empty."""
        for stated in ("", "UNKNOWN", "DEFAULT", "ROOM_1"):
            assert reason(body_part_examined=stated, **{source: CHEST}) is None

    def test_a_film_that_states_neither_view_nor_age(self) -> None:
        """Both are unknown on many films; the defaults give those the benefit of the doubt."""
        admission = admit(film(view_position="", age_years=None), POLICY)
        assert admission == Admitted(notes=(AdmissionNote.VIEW_UNKNOWN, AdmissionNote.AGE_UNKNOWN))

    def test_raw_film_with_a_note(self) -> None:
        """For Processing is what the detector saw, before it was made for the eye."""
        raw = film(sop_class_uid=SopClass.DIGITAL_X_RAY_FOR_PROCESSING)
        assert admit(raw, POLICY) == Admitted(notes=(AdmissionNote.FOR_PROCESSING,))

    def test_somebody_of_two_ages_with_a_note(self) -> None:
        """Both are above the limit, and one of them is wrong."""
        admission = admit(film(age_contradicted=True), POLICY)
        assert admission == Admitted(notes=(AdmissionNote.AGE_CONTRADICTED,))

    def test_a_digitised_film_by_its_modality(self) -> None:
        """Whoever admits RG wants what was digitised; the same print as CR is a copy."""
        assert reason(derivation=Derivation.DIGITISED, modality="RG") is None
        assert reason(derivation=Derivation.DIGITISED) is Reason.DERIVED

    @pytest.mark.parametrize("bits", [None, 8, 10, 12, 15, 16])
    def test_every_depth_of_a_detector(self, bits: int | None) -> None:
        """One that is not stated is the decoder's to judge."""
        assert reason(bits_allocated=16, bits_stored=bits) is None

    def test_a_film_resized_without_its_spacing(self) -> None:
        """An exporter that halves the matrix and leaves the spacing makes a chest of 17 cm."""
        assert reason(height_mm=172.0, width_mm=172.0) is None

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
            ({"photometric_interpretation": "PALETTE COLOR"}, Reason.COLOUR),
            ({"has_pixel_data": False}, Reason.NO_PIXELS),
            ({"bits_allocated": 1, "bits_stored": 1}, Reason.BIT_DEPTH),
            ({"bits_allocated": 32, "bits_stored": 32}, Reason.BIT_DEPTH),
            ({"bits_allocated": 16, "bits_stored": 7}, Reason.BIT_DEPTH),
            ({"height_mm": 60.0, "width_mm": 45.0}, Reason.SIZE),
            ({"is_own_result": True}, Reason.OWN_RESULT),
            ({"is_own_result": True, "modality": "OT"}, Reason.OWN_RESULT),
            *(({"derivation": derivation}, Reason.DERIVED) for derivation in Derivation),
            ({"rows": 255}, Reason.MATRIX),
            ({"columns": 12001}, Reason.MATRIX),
            ({"body_part_examined": "HIP"}, Reason.BODY_PART),
            ({"body_part_examined": "EXTREMITY"}, Reason.BODY_PART),
            ({"body_part_examined": ""}, Reason.BODY_PART),
            ({"body_part_examined": "", "study": HIP}, Reason.BODY_PART),
            ({"body_part_examined": "", "series": CHEST_AND_ABDOMEN}, Reason.BODY_PART),
            ({"body_part_examined": "CHESTABDOMEN"}, Reason.BODY_PART),
            ({"body_part_examined": "RIB"}, Reason.BODY_PART),
            ({"body_part_examined": "ROOM_1"}, Reason.BODY_PART),
            ({"view_position": "LL"}, Reason.VIEW),
            ({"view_position": "RLO"}, Reason.VIEW),
            ({"view_position": "AP LORDOTIC"}, Reason.VIEW),
            ({"view_position": "V7Q"}, Reason.VIEW),
            ({"view_position": "", "coded": HeaderStatements(view=View.LATERAL)}, Reason.VIEW),
            ({"view_position": "", "series": HeaderStatements(view=View.LATERAL)}, Reason.VIEW),
            ({"view_position": "", "orientation_view": View.LATERAL}, Reason.VIEW),
            ({"age_years": 49.9}, Reason.AGE),
        ],
    )
    def test_each_for_its_own_reason(self, facts: dict[str, Any], expected: Reason) -> None:
        """One fact out of line is enough, and the code says which."""
        assert reason(**facts) is expected

    def test_a_stated_body_part_outweighs_a_description(self) -> None:
        """A hip film of a "chest and hip" study is a hip film."""
        assert reason(body_part_examined="HIP", series=CHEST, study=CHEST) is Reason.BODY_PART

    def test_a_series_text_outweighs_a_studys(self) -> None:
        """The order was for a chest film, and this one of its films is a hip."""
        assert reason(body_part_examined="", series=HIP, study=CHEST) is Reason.BODY_PART

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

    def test_the_younger_of_two_ages_is_named_in_the_text(self) -> None:
        """Whoever sees 67 on the console is to know why."""
        refused = admit(film(age_years=30.0, age_contradicted=True), POLICY)
        text = "by the lower of two ages, the patient is younger than 50 years"
        assert refused == Refused(Reason.AGE, text)

    def test_an_unknown_word_comes_with_its_remedy(self) -> None:
        """A console's own word for a frontal view is admitted once the policy names it."""
        refused = admit(film(view_position="V7Q"), POLICY)
        assert isinstance(refused, Refused)
        assert refused.text.endswith("an unknown word; add it to policy.admit.views if it fits")
        for named in ("V7Q", "v7q"):
            assert reason(make_admission_policy(views=("PA", named)), view_position="V7Q") is None

    def test_the_first_check_gives_the_reason(self) -> None:
        """A leg of a child is a leg."""
        assert reason(body_part_examined="LEG", age_years=13.0) is Reason.BODY_PART


class TestPolicy:
    def test_a_word_stands_for_its_synonyms(self) -> None:
        """Whoever wants THORAX wants CHEST; whoever adds RIB gets ribs."""
        assert reason(make_admission_policy(body_parts=("THORAX",))) is None
        assert reason(make_admission_policy(views=("POSTERO-ANTERIOR",))) is None
        assert reason(make_admission_policy(body_parts=("RIB",)), body_part_examined="RIBS") is None

    def test_frontal_is_no_answer_where_only_one_of_the_two_is_wanted(self) -> None:
        """A site that takes PA alone has not been told by a text that says frontal."""
        frontal = {"view_position": "FRONTAL"}
        assert reason(**frontal) is None
        only_pa = make_admission_policy(views=("PA",), unknown_view=False)
        assert reason(only_pa, **frontal) is Reason.VIEW

    def test_what_the_site_does_not_want_is_refused(self) -> None:
        """Each list and limit of the policy is the site's to set."""
        assert reason(make_admission_policy(modalities=("DX",))) is Reason.MODALITY
        assert reason(make_admission_policy(body_parts=("LUNG",))) is Reason.BODY_PART
        assert reason(make_admission_policy(views=("AP",))) is Reason.VIEW
        assert reason(make_admission_policy(min_age=68.0)) is Reason.AGE
        assert reason(make_admission_policy(min_matrix=1842)) is Reason.MATRIX
        assert reason(make_admission_policy(max_matrix=1954)) is Reason.MATRIX

    def test_doubt_may_be_refused(self) -> None:
        """A site that screens strictly takes no film of unknown view or age."""
        assert reason(make_admission_policy(unknown_view=False), view_position="") is Reason.VIEW
        assert reason(make_admission_policy(unknown_age=False), age_years=None) is Reason.AGE

    @given(st.one_of(st.none(), st.floats(0, 120)), st.floats(0, 120))
    def test_a_known_age_is_admitted_from_the_limit_up(
        self, age: float | None, min_age: float
    ) -> None:
        """Whatever the limit; an unknown age passes by default."""
        expected = None if age is None or age >= min_age else Reason.AGE
        assert reason(make_admission_policy(min_age=min_age), age_years=age) is expected


def test_what_the_decoder_reads_is_admitted() -> None:
    """And nothing that it would refuse: both lists are one."""
    assert set(PHOTOMETRIC_INTERPRETATIONS) == {*decoder._GREY, *decoder._COLOUR}


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
        "derived",
        "bit-depth",
        "size",
    }
    assert {str(code) for code in AdmissionNote} >= {
        "age-unknown",
        "age-contradicted",
        "view-unknown",
        "view-contradicted",
        "body-part-contradicted",
        "for-processing",
    }
