"""Images for training and test of the gate, as small squares with their targets."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from models.dataset.entry import Entry, manifest_error
from models.gate.input import to_square
from models.gate.net import Kind
from models.images.dicom import PixelError
from models.images.radiograph import Radiograph
from models.images.read import read_film
from models.io.atomic_file import atomic_path
from models.io.progress import track
from models.training.gate.drawings import draw
from models.training.gate.simulated_chests import SimulatedChest

Float = npt.NDArray[np.float32]

SIDE = 192
"""Side of the stored squares in pixels; the augmentation makes smaller inputs from them."""

_VIEWS = {"PA": Kind.FRONTAL, "AP": Kind.FRONTAL, "LATERAL": Kind.SIDE, "OTHER": Kind.OTHER}
_AP = {"AP": 1.0, "PA": 0.0}


@dataclass(frozen=True)
class GateImages:
    """Squares uint8 (n, S, S) with their targets.

    ``extent`` int16 (n, 2) is the film's height and width within its square. ``kind`` (n,) has
    values of ``Kind``. ``ap`` float32 (n,) is 1 for AP, 0 for PA, and NaN if unknown. ``person``
    (n,) identifies the patient, CT variant or kind of drawing; ``source`` (n,) is the origin.
    """

    squares: npt.NDArray[np.uint8]
    extent: npt.NDArray[np.int16]
    kind: npt.NDArray[np.int64]
    ap: Float
    person: npt.NDArray[np.str_]
    source: npt.NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.kind)

    def where(self, chosen: npt.NDArray[np.bool_]) -> Self:
        """Return the images whose flag is True."""
        return type(self)(**{name: values[chosen] for name, values in vars(self).items()})

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Concatenate several sets of images."""
        names = [field.name for field in fields(cls)]
        return cls(
            **{name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        )

    def save(self, path: Path) -> None:
        """Write one file, atomically."""
        with atomic_path(path) as part, part.open("wb") as stream:
            np.savez_compressed(stream, **vars(self))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file that ``save`` wrote."""
        with np.load(path, allow_pickle=False) as arrays:
            return cls(**{field.name: arrays[field.name] for field in fields(cls)})


@dataclass(frozen=True)
class _LabelledFilm:
    film: Radiograph
    kind: Kind
    ap: float
    person: str
    source: str


def images_of_manifest(entries: Sequence[Entry]) -> GateImages:
    """Read the films of a manifest; their ``view`` must be PA, AP, LATERAL or OTHER.

    Raises a ManifestError that lists rows with an invalid view, or a film that cannot be decoded.
    """
    unknown = [entry for entry in entries if entry.view not in _VIEWS]
    if unknown:
        rows = [f"row {entry.row} ({entry.view or 'none'})" for entry in unknown]
        raise manifest_error(f"views other than {', '.join(_VIEWS)}", rows)

    def read(entry: Entry) -> _LabelledFilm:
        try:
            film = read_film(entry.path)
        except PixelError as error:
            raise manifest_error(
                "a film that cannot be read", [f"row {entry.row} ({error})"]
            ) from error
        return _LabelledFilm(
            film,
            _VIEWS[entry.view or ""],
            _AP.get(entry.view or "", np.nan),
            f"{entry.site}/{entry.patient_id}",
            entry.site,
        )

    return _to_images((read(entry) for entry in track(entries, "films")), len(entries))


def images_of_chests(chests: Sequence[SimulatedChest]) -> GateImages:
    """Convert simulated chests to images; the field ``person`` contains the CT variant."""
    films = (
        _LabelledFilm(
            Radiograph(chest.film),
            Kind.FRONTAL if chest.frontal else Kind.SIDE,
            np.nan,
            f"simulated/{chest.variant}",
            "simulated",
        )
        for chest in chests
    )
    return _to_images(films, len(chests))


def images_of_drawings(seeds: range) -> GateImages:
    """Draw images that are not chests; the field ``person`` contains the kind of drawing."""

    def labelled(seed: int) -> _LabelledFilm:
        name, film = draw(seed, SIDE)
        return _LabelledFilm(Radiograph(film), Kind.OTHER, np.nan, f"drawn/{name}", f"drawn {name}")

    return _to_images((labelled(seed) for seed in track(seeds, "drawings")), len(seeds))


def _to_images(films: Iterable[_LabelledFilm], count: int) -> GateImages:
    squares = np.zeros((count, SIDE, SIDE), np.uint8)
    extent = np.zeros((count, 2), np.int16)
    targets: list[tuple[Kind, float, str, str]] = []
    for index, labelled in enumerate(films):
        square, extent[index] = to_square(labelled.film, SIDE)
        squares[index] = np.round(square.clip(0, 1) * 255)
        targets.append((labelled.kind, labelled.ap, labelled.person, labelled.source))
    kinds, ap, people, sources = zip(*targets, strict=True)
    return GateImages(
        squares=squares,
        extent=extent,
        kind=np.array(kinds, np.int64),
        ap=np.array(ap, np.float32),
        person=np.array(people),
        source=np.array(sources),
    )
