"""Each film has a rank among the films of its study."""

import itertools

import pytest

from node.domain.admission.study_selection import rank_of
from node.domain.radiograph.film import Film, HeaderStatements
from node.domain.radiograph.view import View
from node.domain.sop_class import SopClass
from tests.support.film_facts import film

RANKED = (
    film(sop_instance_uid="1.9", view_position="PA", rows=3000, columns=3000),
    film(sop_instance_uid="1.5", view_position="PA", rows=2000, columns=2500),
    film(sop_instance_uid="1.6", view_position="PA", rows=2500, columns=2000),
    film(
        sop_instance_uid="1.1",
        view_position="PA",
        sop_class_uid=SopClass.SECONDARY_CAPTURE,
        rows=3000,
        columns=3000,
    ),
    film(
        sop_instance_uid="1.0",
        view_position="PA",
        sop_class_uid=SopClass.DIGITAL_X_RAY_FOR_PROCESSING,
        rows=3000,
    ),
    film(sop_instance_uid="1.2", view_position="AP", rows=4000, columns=4000),
    film(sop_instance_uid="1.3", view_position="", rows=4000, columns=4000),
)
"""These films are sorted by view, SOP Class, matrix and UID, most preferred first."""


@pytest.mark.parametrize(("better", "worse"), itertools.pairwise(RANKED))
def test_a_preferred_film_has_a_lower_rank(better: Film, worse: Film) -> None:
    """The ranks of films are compared as texts."""
    assert rank_of(better) < rank_of(worse)


def test_a_missing_view_is_taken_from_codes_and_descriptions() -> None:
    """The first character of a rank is the digit of the view."""
    coded = film(view_position="", coded=HeaderStatements(view=View.PA))
    described = film(view_position="", series=HeaderStatements(view=View.AP))
    assert [rank_of(candidate)[0] for candidate in (coded, described)] == ["0", "1"]


def test_a_rank_fits_its_column() -> None:
    """The column of the rank has 80 characters, and a UID has at most 64."""
    longest = film(sop_instance_uid="1" * 64, rows=12000, columns=12000)
    assert len(rank_of(longest)) <= 80
