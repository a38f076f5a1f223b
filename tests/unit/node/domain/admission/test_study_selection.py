"""Which of several frontal films of a study comes first."""

import itertools

import pytest

from node.domain.admission.study_selection import rank_of
from node.domain.radiograph.film import Film, HeaderStatements
from node.domain.radiograph.view import View
from tests.support.film_facts import film

CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
RAW = "1.2.840.10008.5.1.4.1.1.1.1.1"

RANKED = (
    film(sop_instance_uid="1.9", view_position="PA", rows=3000, columns=3000),
    film(sop_instance_uid="1.5", view_position="PA", rows=2000, columns=2500),
    film(sop_instance_uid="1.6", view_position="PA", rows=2500, columns=2000),
    film(
        sop_instance_uid="1.1", view_position="PA", sop_class_uid=CAPTURE, rows=3000, columns=3000
    ),
    film(sop_instance_uid="1.0", view_position="PA", sop_class_uid=RAW, rows=3000),
    film(sop_instance_uid="1.2", view_position="AP", rows=4000, columns=4000),
    film(sop_instance_uid="1.3", view_position="", rows=4000, columns=4000),
)
"""Best first: by view, kind of object, size, and then by UID."""


@pytest.mark.parametrize(("better", "worse"), itertools.pairwise(RANKED))
def test_films_stand_in_one_order(better: Film, worse: Film) -> None:
    assert rank_of(better) < rank_of(worse)


def test_a_view_that_no_tag_states_is_read_from_codes_and_texts() -> None:
    coded = film(view_position="", coded=HeaderStatements(view=View.PA))
    described = film(view_position="", series=HeaderStatements(view=View.AP))
    assert [rank_of(one)[0] for one in (coded, described)] == ["0", "1"]


def test_a_standing_fits_its_column() -> None:
    """A UID has 64 characters at most."""
    longest = film(sop_instance_uid="1" * 64, rows=12000, columns=12000)
    assert len(rank_of(longest)) <= 80
