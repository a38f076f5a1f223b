"""Image scores of a manifest's films, cached on disk.

The cache is ``scores.csv`` in the results folder. A row is valid for one bundle, one film and one
mask, which it identifies by digests. An interrupted run resumes from this cache.
"""

import csv
import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from models.bundle.score import CHUNK, Bundle, score
from models.calibration.auc import Values
from models.dataset.entry import Entry, manifest_error
from models.evaluation.heatmap_checks import BoneHeat, measure_bone_heat
from models.images.dicom import PixelError
from models.images.radiograph import Radiograph
from models.images.read import read_film, read_grey
from models.io.progress import track

COLUMNS: Final = ("bundle", "film", "mask", "logit", "probability", "bone_heat", "bone_area")

Key = tuple[str, str, str]
FeatureFunction = Callable[[Radiograph], Values]


@dataclass(frozen=True)
class FilmFeatures:
    """Digests of a film and of its mask ("" without a mask), and features of its pixels (k,)."""

    film_digest: str
    mask_digest: str
    features: Values


@dataclass(frozen=True)
class FilmScore:
    """Image score of one film, and its heat in bone if the film has a bone mask."""

    logit: float
    probability: float
    bone_heat: BoneHeat | None


def read_film_features(
    entries: Sequence[Entry], feature_function: FeatureFunction
) -> list[FilmFeatures]:
    """Decode every film, in order, and return its features.

    Raises a ManifestError that lists every film that cannot be decoded. All films are decoded
    before the first film is scored, because scoring may take hours.
    """
    features: list[FilmFeatures] = []
    faults: list[str] = []
    with ThreadPoolExecutor(2) as pool:
        results = pool.map(partial(_read, feature_function), entries)
        for result in track(results, "reading", len(entries)):
            if isinstance(result, FilmFeatures):
                features.append(result)
            else:
                faults.append(result)
    if faults:
        raise manifest_error("films that cannot be read", faults)
    return features


def score_films(
    bundle: Bundle, entries: Sequence[Entry], features: Sequence[FilmFeatures], cache: Path
) -> list[FilmScore]:
    """Score films in order; the scores of each chunk are written to ``cache`` immediately."""
    keys = [(bundle.card.digest, film.film_digest, film.mask_digest) for film in features]
    scores = _read_cache(cache)
    # Every run uses the same chunks, because the last bits of a score depend on the batch.
    for first in track(range(0, len(keys), CHUNK), "scoring"):
        chunk = slice(first, first + CHUNK)
        if all(key in scores for key in keys[chunk]):
            continue
        new_scores = dict(zip(keys[chunk], _score_chunk(bundle, entries[chunk]), strict=True))
        _append_to_cache(cache, new_scores)
        scores |= new_scores
    return [scores[key] for key in keys]


def _read(feature_function: FeatureFunction, entry: Entry) -> FilmFeatures | str:
    """Return the features of one film, or the reason why the film cannot be used."""
    try:
        film = read_film(entry.path)
        if entry.mask is not None and read_grey(entry.mask).shape != film.pixels.shape:
            return f"row {entry.row} (mask and film differ in size)"
        mask_digest = _digest(entry.mask) if entry.mask else ""
        return FilmFeatures(_digest(entry.path), mask_digest, feature_function(film))
    except PixelError as error:
        return f"row {entry.row} ({entry.path.name}: {error})"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _score_chunk(bundle: Bundle, entries: Sequence[Entry]) -> list[FilmScore]:
    scores = score(bundle, [read_film(entry.path) for entry in entries])
    return [
        FilmScore(
            film.logit,
            film.probability,
            measure_bone_heat(film.heat.values, film.heat.field_of_view, read_grey(entry.mask))
            if entry.mask
            else None,
        )
        for entry, film in zip(entries, scores, strict=True)
    ]


def _read_cache(cache: Path) -> dict[Key, FilmScore]:
    """Return the scores of an earlier run; an incomplete line (from a crash) is ignored."""
    if not cache.exists():
        return {}
    scores: dict[Key, FilmScore] = {}
    with cache.open(newline="", encoding="utf-8") as stream:
        for cells in csv.reader(stream):
            if len(cells) != len(COLUMNS) + 1 or cells[-1] != ".":
                continue
            bundle, film, mask, logit, probability, heat, area = cells[:-1]
            bone_heat = BoneHeat(float(heat), float(area)) if heat else None
            scores[bundle, film, mask] = FilmScore(float(logit), float(probability), bone_heat)
    return scores


def _append_to_cache(cache: Path, scores: dict[Key, FilmScore]) -> None:
    content = cache.read_bytes() if cache.exists() else b""
    with cache.open("a", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        if content and not content.endswith(b"\n"):
            stream.write("\n")
        if not content:
            writer.writerow([*COLUMNS, "end"])
        for key, film in scores.items():
            heat = film.bone_heat
            shares = (heat.heat_share, heat.area_share) if heat else ("", "")
            # The dot in the last cell shows that the line is complete.
            writer.writerow([*key, film.logit, film.probability, *shares, "."])
