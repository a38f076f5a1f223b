"""Films are admitted or refused by their header, and each refusal has a reason."""

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
from tests.support.header_statements import CHEST, CHEST_AND_ABDOMEN, HIP, POLICY
from tests.support.policies import make_admission_policy

CT = "1.2.840.10008.5.1.4.1.1.2"


def reason(policy: AdmissionPolicy = POLICY, **facts: Any) -> Reason | None:
    """Return why the chest film with these attributes is refused, or None if it is admitted."""
    admission = admit(film(**facts), policy)
    return admission.reason if isinstance(admission, Refused) else None


class TestAdmitted:
    def test_a_frontal_chest_film_of_an_older_person(self) -> None:
        """The default film is admitted without notes and without questions for the image check."""
        assert admit(film(), POLICY) == Admitted()

    @pytest.mark.parametrize("sop_class_uid", RADIOGRAPH_CLASSES)
    def test_every_radiograph_class(self, sop_class_uid: str) -> None:
        """The classes are CR, DX for presentation, DX for processing, and Secondary Capture."""
        assert reason(sop_class_uid=sop_class_uid) is None

    @pytest.mark.parametrize("modality", ["CR", "DX", "RG"])
    def test_every_modality_that_makes_films(self, modality: str) -> None:
        """RG is the modality of digitised films."""
        assert reason(modality=modality) is None

    def test_a_film_labelled_ribcage(self) -> None:
        """Some exporters write RIBCAGE for a plain chest film."""
        assert reason(body_part_examined="RIBCAGE", view_position="") is None

    @pytest.mark.parametrize("source", ["coded", "series", "study"])
    def test_a_film_without_body_part_if_its_codes_or_texts_name_the_chest(
        self, source: str
    ) -> None:
        """Body Part Examined has type 2 or 3 in these SOP Classes and is often empty."""
        for stated in ("", "UNKNOWN", "DEFAULT", "ROOM_1"):
            assert reason(body_part_examined=stated, **{source: CHEST}) is None

    def test_a_film_that_states_neither_view_nor_age(self) -> None:
        """The default policy admits films without a stated view or age, and adds notes."""
        admission = admit(film(view_position="", age_years=None), POLICY)
        assert admission == Admitted(notes=(AdmissionNote.VIEW_UNKNOWN, AdmissionNote.AGE_UNKNOWN))

    def test_a_raw_film_with_a_note(self) -> None:
        """A raw film ("For Processing") has not been prepared for display."""
        raw = film(sop_class_uid=SopClass.DIGITAL_X_RAY_FOR_PROCESSING)
        assert admit(raw, POLICY) == Admitted(notes=(AdmissionNote.FOR_PROCESSING,))

    def test_a_contradicted_age_with_a_note(self) -> None:
        """Both stated ages are above the limit, but at least one of the two ages is wrong."""
        admission = admit(film(age_contradicted=True), POLICY)
        assert admission == Admitted(notes=(AdmissionNote.AGE_CONTRADICTED,))

    def test_a_digitised_film_by_its_modality(self) -> None:
        """A digitised film is admitted with modality RG, but is refused with modality CR."""
        assert reason(derivation=Derivation.DIGITISED, modality="RG") is None
        assert reason(derivation=Derivation.DIGITISED) is Reason.DERIVED

    @pytest.mark.parametrize("bits", [None, 8, 10, 12, 15, 16])
    def test_every_depth_of_a_detector(self, bits: int | None) -> None:
        """If the header does not state the bit depth, the decoder checks it."""
        assert reason(bits_allocated=16, bits_stored=bits) is None

    def test_a_film_resized_without_its_spacing(self) -> None:
        """An exporter may halve the matrix but not the spacing, so the chest seems 17 cm wide."""
        assert reason(height_mm=172.0, width_mm=172.0) is None

    def test_an_age_at_the_limit(self) -> None:
        """The age limit is inclusive."""
        assert reason(age_years=50.0) is None

    @pytest.mark.parametrize("side", [256, 12000])
    def test_a_matrix_at_the_limits(self, side: int) -> None:
        """The limits of rows and columns are inclusive."""
        assert reason(rows=side, columns=side) is None

    def test_a_colour_image(self) -> None:
        """Archives save grey films as RGB, and the decoder checks whether the image is grey."""
        assert reason(samples_per_pixel=3) is None


class TestRefused:
    @pytest.mark.parametrize(
        ("facts", "expected"),
        [
            ({"sop_class_uid": CT}, Reason.SOP_CLASS),
            ({"sop_class_uid": SopClass.COMPREHENSIVE_3D_SR}, Reason.SOP_CLASS),
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
    def test_each_fault_has_its_own_reason(self, facts: dict[str, Any], expected: Reason) -> None:
        """A single unsuitable attribute refuses the film, and the code names that attribute."""
        assert reason(**facts) is expected

    def test_a_stated_body_part_outweighs_a_description(self) -> None:
        """A hip film of a "chest and hip" study is refused."""
        assert reason(body_part_examined="HIP", series=CHEST, study=CHEST) is Reason.BODY_PART

    def test_a_series_description_outweighs_a_study_description(self) -> None:
        """The study description names the chest, but the series description names the hip."""
        assert reason(body_part_examined="", series=HIP, study=CHEST) is Reason.BODY_PART

    def test_a_heatmap_of_this_product(self) -> None:
        """If a PACS forwards every object, the node receives its own heatmaps."""
        heatmap = {
            "sop_class_uid": SopClass.SECONDARY_CAPTURE,
            "image_type": ("DERIVED", "SECONDARY"),
            "manufacturer": "OsteoScreen",
            "samples_per_pixel": 3,
        }
        assert reason(**heatmap) is Reason.OWN_RESULT

    def test_a_derived_film_of_another_manufacturer_is_admitted(self) -> None:
        """Modalities label processed films DERIVED too, so this label alone refuses no film."""
        assert reason(image_type=("DERIVED", "SECONDARY")) is None
        assert reason(manufacturer="OsteoScreen") is None

    def test_a_slice_of_a_chest_ct(self) -> None:
        """A coronal slice of a CT resembles a frontal film, but has another SOP Class."""
        slice_ = {"sop_class_uid": CT, "modality": "CT", "view_position": ""}
        assert reason(**slice_) is Reason.SOP_CLASS

    def test_the_text_states_the_value_and_the_accepted_values(self) -> None:
        """The text explains to people why a film has no score."""
        refused = admit(film(modality="MG"), POLICY)
        assert refused == Refused(Reason.MODALITY, "Modality is MG, not CR or DX or RG")

    def test_an_absent_value_is_called_absent(self) -> None:
        """The text of a refusal names an empty value "absent"."""
        refused = admit(film(modality=""), POLICY)
        assert isinstance(refused, Refused)
        assert refused.text.startswith("Modality is absent")

    def test_the_text_mentions_that_the_lower_of_two_ages_counts(self) -> None:
        """The higher of the two ages, which a workstation may display, is above the limit."""
        refused = admit(film(age_years=30.0, age_contradicted=True), POLICY)
        text = "by the lower of two ages, the patient is younger than 50 years"
        assert refused == Refused(Reason.AGE, text)

    def test_the_text_on_an_unknown_word_names_the_configuration_key(self) -> None:
        """A device's own word for the frontal view is admitted if the policy lists the word."""
        refused = admit(film(view_position="V7Q"), POLICY)
        assert isinstance(refused, Refused)
        assert refused.text.endswith("an unknown word; add it to policy.admit.views if it fits")
        for view in ("V7Q", "v7q"):
            assert reason(make_admission_policy(views=("PA", view)), view_position="V7Q") is None

    def test_the_first_check_gives_the_reason(self) -> None:
        """The body part is checked before the age."""
        assert reason(body_part_examined="LEG", age_years=13.0) is Reason.BODY_PART


class TestPolicy:
    def test_a_word_includes_its_synonyms(self) -> None:
        """THORAX in the policy also admits CHEST, and RIB also admits RIBS."""
        assert reason(make_admission_policy(body_parts=("THORAX",))) is None
        assert reason(make_admission_policy(views=("POSTERO-ANTERIOR",))) is None
        assert reason(make_admission_policy(body_parts=("RIB",)), body_part_examined="RIBS") is None

    def test_frontal_is_refused_if_only_one_frontal_view_is_accepted(self) -> None:
        """A film with the view FRONTAL may be PA or AP."""
        frontal = {"view_position": "FRONTAL"}
        assert reason(**frontal) is None
        only_pa = make_admission_policy(views=("PA",), unknown_view=False)
        assert reason(only_pa, **frontal) is Reason.VIEW

    def test_each_list_and_limit_applies(self) -> None:
        """A stricter value of any single setting refuses the default film."""
        assert reason(make_admission_policy(modalities=("DX",))) is Reason.MODALITY
        assert reason(make_admission_policy(body_parts=("LUNG",))) is Reason.BODY_PART
        assert reason(make_admission_policy(views=("AP",))) is Reason.VIEW
        assert reason(make_admission_policy(min_age=68.0)) is Reason.AGE
        assert reason(make_admission_policy(min_matrix=1842)) is Reason.MATRIX
        assert reason(make_admission_policy(max_matrix=1954)) is Reason.MATRIX

    def test_unknown_values_may_be_refused(self) -> None:
        """`unknown_view` and `unknown_age` decide on films without a view or an age."""
        assert reason(make_admission_policy(unknown_view=False), view_position="") is Reason.VIEW
        assert reason(make_admission_policy(unknown_age=False), age_years=None) is Reason.AGE

    @given(st.one_of(st.none(), st.floats(0, 120)), st.floats(0, 120))
    def test_a_known_age_is_admitted_from_the_limit_up(
        self, age: float | None, min_age: float
    ) -> None:
        """A film is admitted if the patient's age is unknown, or at or above the limit."""
        expected = None if age is None or age >= min_age else Reason.AGE
        assert reason(make_admission_policy(min_age=min_age), age_years=age) is expected


def test_admission_and_decoder_accept_the_same_colours() -> None:
    """Admission and decoder accept the same values of Photometric Interpretation."""
    assert set(PHOTOMETRIC_INTERPRETATIONS) == {*decoder._GREY, *decoder._COLOUR}


def test_codes_do_not_change() -> None:
    """Programs filter by these reason codes, so a code may be added but not renamed."""
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
