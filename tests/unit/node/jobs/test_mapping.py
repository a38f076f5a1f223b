"""A film's facts in the job table's JSON column, and back."""

import json

from node.domain.radiograph.body_part import BodyPart
from node.domain.radiograph.derivation import Derivation
from node.domain.radiograph.film import HeaderStatements
from node.domain.radiograph.view import View
from node.jobs.mapping import film_from, film_json
from tests.support.film_facts import CHEST_FILM, film

# As version 0.1.0 has stored it, before facts were taken from codes and texts.
STORED = """{"sop_instance_uid": "1.2.3", "sop_class_uid": "1.2.840.10008.5.1.4.1.1.1",
"study_instance_uid": "1.2.4", "series_instance_uid": "1.2.5", "transfer_syntax_uid":
"1.2.840.10008.1.2.1", "digest": "ab", "size": 7, "calling_ae": "XRAY1", "modality": "CR",
"body_part_examined": "CHEST", "view_position": "PA", "image_type": ["ORIGINAL", "PRIMARY"],
"manufacturer": "Maker", "rows": 2048, "columns": 1792, "number_of_frames": 1,
"samples_per_pixel": 1, "age_years": 67.0, "sex": "F", "weight_kg": null, "height_cm": null}"""


def test_every_fact_comes_back() -> None:
    """Through JSON, as a database keeps it."""
    full = film(
        coded=HeaderStatements((BodyPart.CHEST, BodyPart.ABDOMEN), View.AP),
        series=HeaderStatements(view=View.LATERAL),
        study=HeaderStatements((BodyPart.HIP,)),
        oriented=View.LATERAL,
        derivation=Derivation.STITCHED,
        ours=True,
        has_pixel_data=False,
        age_contradicted=True,
        width_mm=350.0,
    )
    for one in (CHEST_FILM, full):
        assert film_from(json.loads(json.dumps(film_json(one)))) == one


def test_a_row_of_an_earlier_version_is_read() -> None:
    """What it does not tell has its default: nothing is said against the film."""
    found = film_from(json.loads(STORED))
    assert (found.body_part_examined, found.image_type) == ("CHEST", ("ORIGINAL", "PRIMARY"))
    assert (found.series, found.has_pixel_data, found.derivation) == (
        HeaderStatements(),
        True,
        None,
    )


def test_a_row_of_a_later_version_is_read() -> None:
    """Roles of two versions run side by side during an upgrade."""
    later = json.loads(STORED) | {
        "dose": 1.5,
        "derivation": "a hologram",
        "series": {"parts": ["chest", "wing"], "view": "PA", "mood": "grim"},
    }
    found = film_from(later)
    assert found.derivation is None
    assert found.series == HeaderStatements((BodyPart.CHEST,), View.PA)
