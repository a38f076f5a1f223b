"""Read one file in a decoder process: header, admission by the node's rules, and pixels."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from models.images.radiograph import Radiograph
from node.domain.admission.header_rules import AdmissionPolicy, Admitted, Refused, admit
from node.domain.errors import OsteoScreenError, Permanent, Rejected
from node.domain.radiograph.case import Case
from node.domain.radiograph.film import Film
from node.header.part10 import NotDicomError, as_part10, is_directory_record
from node.header.read import read_film
from node.log import describe_unexpected


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """The content of a file that is not a film."""

    reason: str


@dataclass(frozen=True, slots=True)
class UnreadableFile:
    """The file cannot be read; `film` is None if the header cannot be read either."""

    error: str
    film: Film | None = None


@dataclass(frozen=True, slots=True)
class RefusedFilm:
    """The film must not be scored, because of the admission policy or its pixels."""

    film: Film
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class KnownFilm:
    """A film that an earlier run has scored, and that was not decoded again."""

    film: Film
    admission: Admitted


@dataclass(frozen=True, slots=True)
class DecodedFilm:
    """A decoded film that is ready for the model."""

    case: Case
    admission: Admitted


FileContent = SkippedFile | UnreadableFile | RefusedFilm | KnownFilm | DecodedFilm


@dataclass(frozen=True, slots=True)
class FileReader:
    """A picklable reader of files; the limit `max_size` is in bytes."""

    policy: AdmissionPolicy
    max_size: int
    decode: Callable[[Path], Radiograph]

    def read(self, path: Path, known_digest: str) -> FileContent:
        """Return the content of a file; a film with the digest `known_digest` is not decoded."""
        try:
            if path.stat().st_size == 0:
                return SkippedFile("empty")
            with as_part10(path) as file:
                return self._read(path, file, known_digest)
        except NotDicomError:
            return SkippedFile("not DICOM")
        except OSError as error:
            return UnreadableFile(f"the file cannot be read: {error.strerror}")
        except Exception as error:  # noqa: BLE001 - the failure of one file
            return UnreadableFile(error_text(error))

    def _read(self, path: Path, file: Path, known_digest: str) -> FileContent:
        try:
            film = read_film(file, calling_ae="")
        except Permanent as error:
            if file != path:  # the file resembled a data set without a preamble
                return SkippedFile("not DICOM")
            if is_directory_record(file):
                return SkippedFile("DICOMDIR")
            return UnreadableFile(str(error))
        admission = admit(film, self.policy)
        if isinstance(admission, Refused):
            return RefusedFilm(film, admission.reason, admission.text)
        if film.digest == known_digest:
            return KnownFilm(film, admission)
        if film.size > self.max_size:
            return UnreadableFile(f"{film.size} bytes exceed dicom.max_object", film)
        try:
            return DecodedFilm(Case(film, self.decode(file)), admission)
        except Rejected as rejected:
            return RefusedFilm(film, rejected.reason, rejected.text)
        except Exception as error:  # noqa: BLE001 - the failure of one film, with a known header
            return UnreadableFile(error_text(error), film)


def error_text(error: Exception) -> str:
    """Return the text of an error, without the message of an unexpected error."""
    return str(error) if isinstance(error, OsteoScreenError) else describe_unexpected(error)
