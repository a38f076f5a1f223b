"""Each film, with each patient name, in each language, is one validated case."""

from dataclasses import dataclass
from itertools import cycle, islice, product, starmap
from pathlib import Path

from pydicom import dcmread

from node.demo.run import SHIPPED_FILM
from node.results.translations.languages import Language
from tests.support.films import write_film
from tests.validators.film_cases import FilmCase, film_cases
from tests.validators.names import PatientName, patient_names

_PLACEHOLDER = b"q~Zx|K{vW"  # this text occurs in no film by chance


@dataclass(frozen=True)
class Case:
    """One film with one patient name, and the language of its results."""

    film: FilmCase
    name: PatientName
    language: Language

    @property
    def title(self) -> str:
        """The title of the case in tables and tests."""
        return f"{self.film.title}, {self.name.title}, {self.language}"

    def write(self, path: Path) -> Path:
        """Write the film; the encoded name replaces a placeholder in the file."""
        ds = dcmread(SHIPPED_FILM)
        ds.decompress()
        placeholder = bytes(islice(cycle(_PLACEHOLDER), len(self.name.encoded)))
        ds.SpecificCharacterSet = self.name.charset.split("\\")
        ds.PatientName = placeholder.decode()
        self.film.change(ds)
        content = write_film(ds, path).read_bytes()
        assert content.count(placeholder) == 1
        path.write_bytes(content.replace(placeholder, self.name.encoded))
        return path


def cases() -> list[Case]:
    """Return all cases."""
    return list(starmap(Case, product(film_cases(), patient_names(), Language)))
