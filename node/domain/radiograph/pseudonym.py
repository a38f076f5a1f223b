"""Who is one and the same patient, without knowing who: a pseudonym in place of the ID.

An HMAC with a key that only the spool has: the job table alone tells nobody, and nor does the key.
Both together tell of a given ID whether that patient is in the table, so that who has both, and
knows or tries the hospital's numbers, knows the patients.
"""

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Callable

Pseudonym = Callable[[str, str], str]
"""From Issuer of Patient ID and Patient ID to a pseudonym, or to nothing for nobody's ID."""

KEY_BYTES = 32
_NOBODY = re.compile(r"[^1-9]*")


def pseudonym(key: bytes, issuer: str, patient_id: str) -> str:
    """Return 64 hexadecimal digits for a patient, nothing for an ID that is nobody's.

    Letter case, width and spaces do not count. An ID without a digit, or of zeros alone, stands
    for somebody unknown (`UNKNOWN`, `ANONYMOUS`, `00000`): many people would be one patient.
    """
    who = _normal(patient_id)
    if _NOBODY.fullmatch(who):
        return ""
    said = f"{_normal(issuer)}\0{who}"
    return hmac.new(key, said.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()


def nobody(_issuer: str, _patient_id: str) -> str:
    """Return no pseudonym, where no patient is to be known again."""
    return ""


def _normal(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
