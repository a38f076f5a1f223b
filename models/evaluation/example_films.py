"""Fixed rules that choose the example films for the heatmap figure and the heatmap checks."""

from collections.abc import Sequence

import numpy as np

from models.bundle.score import Bundle, score
from models.calibration.auc import Values
from models.dataset.entry import Entry
from models.evaluation.figures import ExampleFilm
from models.images.read import read_film, read_grey

_FILMS_PER_KIND = 2


def most_confident(
    entries: Sequence[Entry], probabilities: Values, threshold: float
) -> list[tuple[str, int]]:
    """Return captions and indices: the two most confident films of each kind of result."""
    positive = np.array([entry.label for entry in entries])
    predicted = probabilities >= threshold
    ascending = np.argsort(probabilities, kind="stable")
    kinds = (
        ("true positive", predicted & positive, ascending[::-1]),
        ("false positive", predicted & ~positive, ascending[::-1]),
        ("false negative", ~predicted & positive, ascending),
        ("true negative", ~predicted & ~positive, ascending),
    )
    return [
        (f"{kind}, p = {probabilities[index]:.2f}", int(index))
        for kind, inside, order in kinds
        for index in [place for place in order if inside[place]][:_FILMS_PER_KIND]
    ]


def evenly_spaced(count: int, limit: int) -> list[int]:
    """Return ``limit`` evenly spaced indices below ``count``, or all indices if there are fewer."""
    size = min(count, limit)
    return [round(step * (count - 1) / max(1, size - 1)) for step in range(size)]


def load_examples(
    bundle: Bundle, entries: Sequence[Entry], selection: Sequence[tuple[str, int]]
) -> list[ExampleFilm]:
    """Return film, heat and mask of each (caption, index) in ``selection``."""
    chosen = [entries[index] for _, index in selection]
    films = [read_film(entry.path) for entry in chosen]
    return [
        ExampleFilm(
            pixels=film.pixels,
            aspect=film.aspect,
            heat=result.heat.values,
            place=result.heat.field_of_view,
            mask=read_grey(entry.mask) if entry.mask else None,
            caption=caption,
        )
        for (caption, _), entry, film, result in zip(
            selection, chosen, films, score(bundle, films), strict=True
        )
    ]
