"""Attributes of films that have no file, as input for tests of decisions."""

from dataclasses import replace
from typing import Any

from node.domain.radiograph.film import Film
from node.domain.sop_class import SopClass

CHEST_FILM = Film(
    sop_instance_uid="1.2.826.0.1.3680043.8.498.1",
    sop_class_uid=SopClass.COMPUTED_RADIOGRAPHY.value,
    study_instance_uid="1.2.826.0.1.3680043.8.498.2",
    series_instance_uid="1.2.826.0.1.3680043.8.498.3",
    transfer_syntax_uid="1.2.840.10008.1.2.1",
    digest="ab" * 32,
    size=7_200_000,
    calling_ae="MODALITY",
    modality="CR",
    body_part_examined="CHEST",
    view_position="PA",
    image_type=("ORIGINAL", "PRIMARY"),
    manufacturer="Philips Medical Systems",
    rows=1955,
    columns=1841,
    age_years=67.0,
    sex="F",
)
"""A film that the default policy admits."""


def film(**facts: Any) -> Film:
    """Return the facts of a chest film with changed attributes."""
    return replace(CHEST_FILM, **facts)
