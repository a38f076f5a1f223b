"""A patient's pseudonym: the same for the same person, and nobody's for nobody."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.radiograph.pseudonym import no_pseudonym, pseudonym

KEY = bytes(range(32))


def test_it_is_an_hmac_of_issuer_and_id() -> None:
    """By what RFC 2104 says, so that another program with the key can make it, too."""
    expected = hmac.new(KEY, b"hospital\0p-17", hashlib.sha256).hexdigest()
    assert pseudonym(KEY, "HOSPITAL", "P-17") == expected


@pytest.mark.parametrize("written", ["p-17", " P-17 ", "P-17\u3000", "\uff30-\uff11\uff17"])
def test_the_way_it_is_written_does_not_count(written: str) -> None:
    """Case, padding and full width differ between modalities of one hospital."""
    assert pseudonym(KEY, "", written) == pseudonym(KEY, "", "P-17")


@pytest.mark.parametrize(
    ("issuer", "patient_id"),
    [("", "P-18"), ("OTHER", "P-17"), ("P-", "17"), ("", "P- 17"), ("", "P-017")],
)
def test_another_is_another(issuer: str, patient_id: str) -> None:
    """Leading zeros count: some hospitals tell people apart by them."""
    assert pseudonym(KEY, issuer, patient_id) != pseudonym(KEY, "", "P-17")


def test_another_key_makes_others() -> None:
    assert pseudonym(bytes(32), "", "P-17") != pseudonym(KEY, "", "P-17")


@pytest.mark.parametrize(
    "placeholder", ["", " ", "UNKNOWN", "anonymous", "0", "0000000", "-", "无"]
)
def test_an_id_that_stands_for_anybody_is_nobodys(placeholder: str) -> None:
    """Else the first unknown patient's flag would take the next one's."""
    assert pseudonym(KEY, "HOSPITAL", placeholder) == ""


@given(st.text(), st.text())
def test_any_text_has_one_or_none(issuer: str, patient_id: str) -> None:
    """Headers hold anything, halves of characters included."""
    assert len(pseudonym(KEY, issuer, patient_id + "\ud800")) in (0, 64)
    assert no_pseudonym(issuer, patient_id) == ""
