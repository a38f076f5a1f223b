"""A patient's pseudonym is computed from issuer and ID with a key."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.radiograph.pseudonym import no_pseudonym, pseudonym

KEY = bytes(range(32))


def test_it_is_an_hmac_of_issuer_and_id() -> None:
    """The pseudonym follows RFC 2104, so another program with the key can compute it too."""
    expected = hmac.new(KEY, b"hospital\0p-17", hashlib.sha256).hexdigest()
    assert pseudonym(KEY, "HOSPITAL", "P-17") == expected


@pytest.mark.parametrize("patient_id", ["p-17", " P-17 ", "P-17\u3000", "\uff30-\uff11\uff17"])
def test_case_width_and_spaces_do_not_matter(patient_id: str) -> None:
    """Case, character width and spaces of an ID differ between modalities of one hospital."""
    assert pseudonym(KEY, "", patient_id) == pseudonym(KEY, "", "P-17")


@pytest.mark.parametrize(
    ("issuer", "patient_id"),
    [("", "P-18"), ("OTHER", "P-17"), ("P-", "17"), ("", "P- 17"), ("", "P-017")],
)
def test_another_id_has_another_pseudonym(issuer: str, patient_id: str) -> None:
    """In some hospitals, leading zeros of a patient ID are significant."""
    assert pseudonym(KEY, issuer, patient_id) != pseudonym(KEY, "", "P-17")


def test_another_key_gives_another_pseudonym() -> None:
    """Each node has its own pseudonym key."""
    assert pseudonym(bytes(32), "", "P-17") != pseudonym(KEY, "", "P-17")


@pytest.mark.parametrize(
    "placeholder", ["", " ", "UNKNOWN", "anonymous", "0", "0000000", "-", "无"]
)
def test_a_placeholder_has_no_pseudonym(placeholder: str) -> None:
    """If a placeholder had a pseudonym, all unknown patients would count as one patient."""
    assert pseudonym(KEY, "HOSPITAL", placeholder) == ""


@given(st.text(), st.text())
def test_no_text_raises_an_error(issuer: str, patient_id: str) -> None:
    """A patient ID in a header may contain invalid characters."""
    assert len(pseudonym(KEY, issuer, patient_id + "\ud800")) in (0, 64)
    assert no_pseudonym(issuer, patient_id) == ""
