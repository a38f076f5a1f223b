"""Pseudonyms of patients: an HMAC of the Patient ID with a key that is stored in the spool.

Neither the job table nor the key alone identifies a patient. A person who has the job table and the
key can test whether a given Patient ID is in the table.
"""

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Callable

Pseudonym = Callable[[str, str], str]
"""A function of Issuer of Patient ID and Patient ID, which returns "" for an unusable ID."""

KEY_BYTES = 32
_UNUSABLE = re.compile(r"[^1-9]*")


def pseudonym(key: bytes, issuer: str, patient_id: str) -> str:
    """Return 64 hexadecimal digits for a patient, or "" for an unusable ID.

    Case, width and spaces do not matter. An ID without a digit other than 0 (`UNKNOWN`, `00000`)
    is unusable, because many patients may have such an ID.
    """
    normal_id = _normalise(patient_id)
    if _UNUSABLE.fullmatch(normal_id):
        return ""
    message = f"{_normalise(issuer)}\0{normal_id}"
    return hmac.new(key, message.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()


def no_pseudonym(_issuer: str, _patient_id: str) -> str:
    """Return "", so that films of one patient are not linked."""
    return ""


def _normalise(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
