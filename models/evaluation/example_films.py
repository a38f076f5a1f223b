"""Films to look at and to measure maps on, chosen by rule and never by eye."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.bundle.score import Bundle, score
from models.dataset.entry import Entry
from models.evaluation.discrimination import Values
from models.evaluation.figures import Example
from models.images.read import read_film, read_grey

_EACH = 2


def surest(
    entries: Sequence[Entry], probabilities: Values, threshold: float
) -> list[tuple[str, int]]:
    """Caption and index of the two surest verdicts of each kind, right and wrong."""
    positive = np.array([entry.label for entry in entries])
    called = probabilities >= threshold
    rising = np.argsort(probabilities, kind="stable")
    kinds = (
        ("true positive", called & positive, rising[::-1]),
        ("false positive", called & ~positive, rising[::-1]),
        ("false negative", ~called & positive, rising),
        ("true negative", ~called & ~positive, rising),
    )
    return [
        (f"{name}, p = {probabilities[index]:.2f}", int(index))
        for name, inside, order in kinds
        for index in [one for one in order if inside[one]][:_EACH]
    ]


def spread_out(count: int, wanted: int) -> list[int]:
    """Up to ``wanted`` of ``count`` indices, evenly apart."""
    kept = min(count, wanted)
    return [round(step * (count - 1) / max(1, kept - 1)) for step in range(kept)]


def explain_films(
    bundle: Bundle, entries: Sequence[Entry], chosen: Sequence[tuple[str, int]]
) -> list[Example]:
    """Film, heat and mask of the chosen entries, for the Grad-CAM sheet."""
    own = [entries[index] for _, index in chosen]
    films = [read_film(entry.path) for entry in own]
    return [
        Example(
            pixels=film.pixels,
            aspect=film.aspect,
            heat=found.heat,
            place=found.placement,
            mask=read_grey(entry.mask) if entry.mask else None,
            caption=caption,
        )
        for (caption, _), entry, film, found in zip(
            chosen, own, films, score(bundle, films), strict=True
        )
    ]
