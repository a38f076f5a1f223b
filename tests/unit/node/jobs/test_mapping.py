"""Films are mapped to the JSON column of the job table and back."""

import json

from node.domain.radiograph.body_part import BodyPart
from node.domain.radiograph.derivation import Derivation
from node.domain.radiograph.film import HeaderStatements
from node.domain.radiograph.view import View
from node.jobs.mapping import film_from, film_json
from tests.support.film_facts import CHEST_FILM, film

# Release 0.1.0 stored this film, without statements of codes and descriptions.
STORED = """{"sop_instance_uid": "1.2.3", "sop_class_uid": "1.2.840.10008.5.1.4.1.1.1",
"study_instance_uid": "1.2.4", "series_instance_uid": "1.2.5", "transfer_syntax_uid":
"1.2.840.10008.1.2.1", "digest": "ab", "size": 7, "calling_ae": "XRAY1", "modality": "CR",
"body_part_examined": "CHEST", "view_position": "PA", "image_type": ["ORIGINAL", "PRIMARY"],
"manufacturer": "Maker", "rows": 2048, "columns": 1792, "number_of_frames": 1,
"samples_per_pixel": 1, "age_years": 67.0, "sex": "F", "weight_kg": null, "height_cm": null}"""


def test_every_attribute_is_read_as_it_was_written() -> None:
    """The test converts the film to JSON and back, as a database does."""
    full = film(
        coded=HeaderStatements((BodyPart.CHEST, BodyPart.ABDOMEN), View.AP),
        series=HeaderStatements(view=View.LATERAL),
        study=HeaderStatements((BodyPart.HIP,)),
        orientation_view=View.LATERAL,
        derivation=Derivation.STITCHED,
        is_own_result=True,
        has_pixel_data=False,
        age_contradicted=True,
        width_mm=350.0,
    )
    for original in (CHEST_FILM, full):
        assert film_from(json.loads(json.dumps(film_json(original)))) == original


def test_a_row_of_an_earlier_release_is_read() -> None:
    """Attributes that the stored row lacks have their defaults."""
    stored_film = film_from(json.loads(STORED))
    assert (stored_film.body_part_examined, stored_film.image_type) == (
        "CHEST",
        ("ORIGINAL", "PRIMARY"),
    )
    assert (stored_film.series, stored_film.has_pixel_data, stored_film.derivation) == (
        HeaderStatements(),
        True,
        None,
    )


def test_a_row_of_a_later_release_is_read() -> None:
    """Roles of two releases may run side by side during an upgrade."""
    later = json.loads(STORED) | {
        "dose": 1.5,
        "derivation": "a hologram",
        "series": {"parts": ["chest", "wing"], "view": "PA", "mood": "grim"},
    }
    stored_film = film_from(later)
    assert stored_film.derivation is None
    assert stored_film.series == HeaderStatements((BodyPart.CHEST,), View.PA)
