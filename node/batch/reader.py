"""What a decoding process does with one file: facts, admission, pixels, as the node does it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from models.images.radiograph import Radiograph
from node.domain.admission.header_rules import AdmissionPolicy, Admitted, Refused, admit
from node.domain.errors import OsteoScreenError, Permanent, Rejected
from node.domain.radiograph.film import Film
from node.header.part10 import NotDicomError, as_part10, is_directory_record
from node.header.read import read_film
from node.log import where


@dataclass(frozen=True, slots=True)
class Skipped:
    """The file is no film."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unread:
    """Something went wrong with the film; `film` is None where its header was not read."""

    error: str
    film: Film | None = None


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """Policy or its pixels say that the film must not be scored."""

    film: Film
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class Known:
    """An earlier run has scored these very bytes; they were not decoded again."""

    film: Film
    admitted: Admitted


@dataclass(frozen=True, slots=True)
class Decoded:
    """The film waits for the model."""

    film: Film
    admitted: Admitted
    radiograph: Radiograph


Reading = Skipped | Unread | TurnedAway | Known | Decoded


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads files. `max_size` in bytes; all of it can be sent to another process."""

    policy: AdmissionPolicy
    max_size: int
    decode: Callable[[Path], Radiograph]

    def read(self, path: Path, known_digest: str) -> Reading:
        """Return what is in a file; a film with `known_digest` is admitted and not decoded."""
        try:
            if path.stat().st_size == 0:
                return Skipped("empty")
            with as_part10(path) as file:
                return self._read(path, file, known_digest)
        except NotDicomError:
            return Skipped("no DICOM")
        except OSError as error:
            return Unread(f"the file cannot be read: {error.strerror}")
        except Exception as error:  # noqa: BLE001 - one file's failure is that file's alone
            return Unread(told(error))

    def _read(self, path: Path, file: Path, known_digest: str) -> Reading:
        try:
            film = read_film(file, calling_ae="")
        except Permanent as error:
            if file != path:  # it only looked like a data set without preamble
                return Skipped("no DICOM")
            return Skipped("DICOMDIR") if is_directory_record(file) else Unread(str(error))
        admission = admit(film, self.policy)
        if isinstance(admission, Refused):
            return TurnedAway(film, admission.reason, admission.text)
        if film.digest == known_digest:
            return Known(film, admission)
        if film.size > self.max_size:
            return Unread(f"{film.size} bytes are more than dicom.max_object admits", film)
        try:
            return Decoded(film, admission, self.decode(file))
        except Rejected as rejected:
            return TurnedAway(film, rejected.reason, rejected.text)
        except Exception as error:  # noqa: BLE001 - as above, and its header is known
            return Unread(told(error), film)


def told(error: Exception) -> str:
    """Return an error for the table: our own words, else no more than its kind and place."""
    if isinstance(error, OsteoScreenError):
        return str(error)
    return f"unforeseen {type(error).__name__} at {where(error)}"
