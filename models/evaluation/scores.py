"""Read every film of a manifest, score those that are tested, and remember the scores.

``scores.csv`` in the results' folder is a cache: a row is valid for one bundle, one film and one
mask, by their digests. A run that was broken off goes on where it stopped.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from models.bundle.score import CHUNK, Bundle, score
from models.dataset.entry import Entry, refuse
from models.evaluation.discrimination import Values
from models.evaluation.heatmap_checks import BoneHeat, bone_heat
from models.images.dicom import PixelError, Radiograph
from models.images.read import read_film, read_grey

COLUMNS: Final = ("bundle", "film", "mask", "logit", "probability", "bone_heat", "bone_area")

Key = tuple[str, str, str]
Measure = Callable[[Radiograph], Values]


@dataclass(frozen=True)
class Reading:
    """A film that decodes: digests of file and mask, and what was measured of its pixels (k,)."""

    film: str
    mask: str
    measured: Values


@dataclass(frozen=True)
class FilmScore:
    """What the image model says of one film, and how its heat lies on bone where that is known."""

    logit: float
    probability: float
    bone: BoneHeat | None


def read_films(entries: Sequence[Entry], measure: Measure) -> list[Reading]:
    """Decode every film once, in order. Raises ManifestError that names all that do not decode.

    Before anything is scored: that the last film is broken must not come out hours later.
    """
    readings: list[Reading] = []
    faults: list[str] = []
    with progress_bar() as progress, ThreadPoolExecutor(2) as pool:
        found_each = pool.map(partial(_read, measure), entries)
        for found in progress.track(found_each, len(entries), description="reading"):
            if isinstance(found, Reading):
                readings.append(found)
            else:
                faults.append(found)
    if faults:
        raise refuse("films that cannot be read", faults)
    return readings


def score_films(
    bundle: Bundle, entries: Sequence[Entry], readings: Sequence[Reading], cache: Path
) -> list[FilmScore]:
    """Score films in order, keeping each chunk's scores in ``cache`` as soon as they are known."""
    keys = [(bundle.card.digest, one.film, one.mask) for one in readings]
    known = _recall(cache)
    with progress_bar() as progress:
        # The same chunks on every run, so that a resumed run's scores are the same to the bit.
        for first in progress.track(range(0, len(keys), CHUNK), description="scoring"):
            chunk = slice(first, first + CHUNK)
            if all(key in known for key in keys[chunk]):
                continue
            found = _score_chunk(bundle, entries[chunk])
            fresh = dict(zip(keys[chunk], found, strict=True))
            _remember(cache, fresh)
            known |= fresh
    return [known[key] for key in keys]


def progress_bar() -> Progress:
    """A bar on standard error: standard output is for results."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )


def _read(measure: Measure, entry: Entry) -> Reading | str:
    try:
        film = read_film(entry.path)
        if entry.mask is not None and read_grey(entry.mask).shape != film.pixels.shape:
            return f"row {entry.row} (the mask is not as large as the film)"
        mask = _digest(entry.mask) if entry.mask else ""
        return Reading(_digest(entry.path), mask, measure(film))
    except PixelError as error:
        return f"row {entry.row} ({entry.path.name}: {error})"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _score_chunk(bundle: Bundle, entries: Sequence[Entry]) -> list[FilmScore]:
    scores = score(bundle, [read_film(entry.path) for entry in entries])
    return [
        FilmScore(
            one.logit,
            one.probability,
            bone_heat(one.heat, one.placement, read_grey(entry.mask)) if entry.mask else None,
        )
        for entry, one in zip(entries, scores, strict=True)
    ]


def _recall(cache: Path) -> dict[Key, FilmScore]:
    """Scores of an earlier run; a line that was cut short, as by a power cut, is left out."""
    if not cache.exists():
        return {}
    known: dict[Key, FilmScore] = {}
    with cache.open(newline="", encoding="utf-8") as stream:
        for cells in csv.reader(stream):
            if len(cells) != len(COLUMNS) + 1 or cells[-1] != ".":
                continue
            bundle, film, mask, logit, probability, heat, area = cells[:-1]
            bone = BoneHeat(float(heat), float(area)) if heat else None
            known[bundle, film, mask] = FilmScore(float(logit), float(probability), bone)
    return known


def _remember(cache: Path, fresh: dict[Key, FilmScore]) -> None:
    written = cache.read_bytes() if cache.exists() else b""
    with cache.open("a", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        if written and not written.endswith(b"\n"):
            stream.write("\n")
        if not written:
            writer.writerow([*COLUMNS, "whole"])
        for key, one in fresh.items():
            bone = (one.bone.heat, one.bone.area) if one.bone else ("", "")
            writer.writerow([*key, one.logit, one.probability, *bone, "."])
