"""The pictures that a gate learns from and is measured on, small and ready."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self, TypeVar

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import track

from models.dataset.entry import Entry, manifest_error
from models.gate.input import to_square
from models.gate.net import Kind
from models.images.dicom import PixelError
from models.images.radiograph import Radiograph
from models.images.read import read_film
from models.io.atomic_file import atomic_path
from models.training.gate.negatives import other
from models.training.gate.simulated_chests import Chest

Float = npt.NDArray[np.float32]
_Item = TypeVar("_Item")

SIDE = 192
"""Side in pixels at which pictures are kept: what the net sees, with room to move."""


_VIEWS = {"PA": Kind.FRONTAL, "AP": Kind.FRONTAL, "LATERAL": Kind.SIDE, "OTHER": Kind.OTHER}
_AP = {"AP": 1.0, "PA": 0.0}


@dataclass(frozen=True)
class Pictures:
    """Squares uint8 (n, S, S) with what is known of them.

    ``extent`` int16 (n, 2) is the film's height and width within its square. ``kind`` (n,) as in
    ``Kind``; ``ap`` float32 (n,) is 1 for AP, 0 for PA, NaN where the view is not known. ``person``
    (n,) tells patients, or variants of the CT, apart; ``source`` (n,) says where a picture is from.
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
        """The chosen ones, in their order."""
        return type(self)(**{one.name: getattr(self, one.name)[chosen] for one in fields(self)})

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """One after the other."""
        return cls(
            **{
                one.name: np.concatenate([getattr(part, one.name) for part in parts])
                for one in fields(cls)
            }
        )

    def save(self, path: Path) -> None:
        """Keep them in one file."""
        with atomic_path(path) as part, part.open("wb") as stream:
            np.savez_compressed(
                stream, **{one.name: getattr(self, one.name) for one in fields(self)}
            )

    @classmethod
    def load(cls, path: Path) -> Self:
        """What ``save`` kept."""
        with np.load(path, allow_pickle=False) as kept:
            return cls(**{one.name: kept[one.name] for one in fields(cls)})


@dataclass(frozen=True)
class _Row:
    film: Radiograph
    kind: Kind
    ap: float
    person: str
    source: str


def of_manifest(entries: Sequence[Entry]) -> Pictures:
    """Films of a manifest, by their ``view``: PA and AP are frontal, LATERAL, OTHER.

    Raises ManifestError that names the rows with another view, or a film that does not decode.
    """
    strange = [f"row {one.row} ({one.view or 'none'})" for one in entries if one.view not in _VIEWS]
    if strange:
        raise manifest_error(f"views that are none of {', '.join(_VIEWS)}", strange)

    def row(entry: Entry) -> _Row:
        try:
            film = read_film(entry.path)
        except PixelError as error:
            raise manifest_error(
                "a film that cannot be read", [f"row {entry.row} ({error})"]
            ) from error
        return _Row(
            film,
            _VIEWS[entry.view or ""],
            _AP.get(entry.view or "", np.nan),
            f"{entry.site}/{entry.patient_id}",
            entry.site,
        )

    return _gather((row(one) for one in _shown(entries, "films")), len(entries))


def of_chests(chests: Sequence[Chest]) -> Pictures:
    """Simulated chests, the variant of the CT being the person."""
    return _gather(
        (
            _Row(
                Radiograph(one.film),
                Kind.FRONTAL if one.frontal else Kind.SIDE,
                np.nan,
                f"simulated/{one.variant}",
                "simulated",
            )
            for one in chests
        ),
        len(chests),
    )


def of_others(seeds: range) -> Pictures:
    """Drawings that are no chest, the kind of drawing being the person."""

    def row(seed: int) -> _Row:
        name, film = other(seed, SIDE)
        return _Row(Radiograph(film), Kind.OTHER, np.nan, f"drawn/{name}", f"drawn {name}")

    return _gather((row(seed) for seed in _shown(seeds, "drawings")), len(seeds))


def _gather(rows: Iterable[_Row], count: int) -> Pictures:
    squares = np.zeros((count, SIDE, SIDE), np.uint8)
    extent = np.zeros((count, 2), np.int16)
    kept: list[tuple[Kind, float, str, str]] = []
    for place, row in enumerate(rows):
        square, extent[place] = to_square(row.film, SIDE)
        squares[place] = np.round(square.clip(0, 1) * 255)
        kept.append((row.kind, row.ap, row.person, row.source))
    kinds, ap, people, sources = zip(*kept, strict=True)
    return Pictures(
        squares=squares,
        extent=extent,
        kind=np.array(kinds, np.int64),
        ap=np.array(ap, np.float32),
        person=np.array(people),
        source=np.array(sources),
    )


def _shown(items: Sequence[_Item], what: str) -> Iterable[_Item]:
    return track(items, description=what, console=Console(stderr=True))
