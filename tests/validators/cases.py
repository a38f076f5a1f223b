"""The matrix that the judges see: every film, each with every name and in every language."""

from dataclasses import dataclass
from itertools import cycle, islice, product
from pathlib import Path

from pydicom import dcmread

from node.demo.run import SHIPPED_FILM
from node.results.translations.languages import Language
from tests.validators.film_cases import Film, films
from tests.validators.names import Name, names

_MARK = b"q~Zx|K{vW"  # in no film's bytes by chance


@dataclass(frozen=True)
class Case:
    """One film of one patient, and the language of its results."""

    film: Film
    name: Name
    language: Language

    @property
    def title(self) -> str:
        """What the tables and the tests call it."""
        return f"{self.film.title}, {self.name.title}, {self.language}"

    def write(self, path: Path) -> Path:
        """Write the film."""
        ds = dcmread(SHIPPED_FILM)
        ds.decompress()
        mark = bytes(islice(cycle(_MARK), len(self.name.encoded)))
        ds.SpecificCharacterSet = self.name.charset.split("\\")
        ds.PatientName = mark.decode()
        self.film.change(ds)
        ds.save_as(path, enforce_file_format=True)
        content = path.read_bytes()
        assert content.count(mark) == 1
        path.write_bytes(content.replace(mark, self.name.encoded))
        return path


def cases() -> list[Case]:
    """Return the whole matrix."""
    return [Case(*one) for one in product(films(), names(), Language)]
