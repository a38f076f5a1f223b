"""The greyscale pipeline of PS3.3 C.7.6.3, C.11.1 and C.11.2, for each grey level.

Modality LUT, VOI LUT or window, and polarity depend on the stored value only. A film has thousands
of levels and up to a hundred million pixels. The pipeline converts each level only once. Each
pixel gets the converted value of its level. Pixels are processed in strips to save memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]
Stored = npt.NDArray[Any]

_STRIP = 2**20  # pixels
_MAX_RANGE = 2**22
"""If stored values have a range of at least this, pixels are sorted; else, a table counts them."""


@dataclass(frozen=True)
class Levels:
    """The stored values of a film in ascending order, and the number of pixels with each value.

    ``stored`` has the film's data type. ``counts`` is int64; the count of padding levels is 0.
    """

    stored: Stored
    counts: npt.NDArray[np.int64]

    @property
    def picture(self) -> npt.NDArray[np.bool_]:
        """For each level, whether it belongs to the image and is not padding."""
        return self.counts > 0

    def without(self, padding: npt.NDArray[np.bool_]) -> "Levels":
        """Return the levels with the counts of padding set to zero."""
        return replace(self, counts=np.where(padding, 0, self.counts))

    def percentile(self, values: Values, percent: float) -> float:
        """Return a percentile of the image by linear interpolation, given each level's value."""
        order = np.argsort(values, kind="stable")
        upto = np.cumsum(self.counts[order])
        place = percent / 100 * (upto[-1] - 1)
        below = int(place)
        ranks = np.array([below, min(below + 1, upto[-1] - 1)])
        low, high = values[order][np.searchsorted(upto, ranks, side="right")]
        return float(low + (high - low) * (place - below))


def levels_of(stored: Stored) -> Levels:
    """Count the levels of a film."""
    low, high = int(stored.min()), int(stored.max())
    if high - low >= _MAX_RANGE:
        values, counts = np.unique(stored, return_counts=True)
        return Levels(values, counts.astype(np.int64))
    counts = np.zeros(high - low + 1, np.int64)
    for strip in _strips(stored):
        counts += np.bincount(_offset(stored[strip], low).ravel(), minlength=len(counts))
    present = np.flatnonzero(counts)
    return Levels((present + low).astype(stored.dtype), counts[present])


def look_up(stored: Stored, levels: Levels, display: Values) -> Float:
    """Return the image, float32, given the display value of each level."""
    low, high = int(levels.stored[0]), int(levels.stored[-1])
    picture = np.empty(stored.shape, np.float32)
    if high - low >= _MAX_RANGE:
        for strip in _strips(stored):
            picture[strip] = display[np.searchsorted(levels.stored, stored[strip])]
        return picture
    table = np.zeros(high - low + 1, np.float32)
    table[_offset(levels.stored, low)] = display
    for strip in _strips(stored):
        picture[strip] = table[_offset(stored[strip], low)]
    return picture


def grey_of_colour(stored: Stored, limit: float) -> Stored | None:
    """Return the mean of the channels, or None if they differ by more than ``limit``.

    One pixel in a thousand may differ, because JPEG changes a few pixels. Burned-in colour changes
    many more pixels.
    """
    grey, coloured = np.empty(stored.shape[:2], stored.dtype), 0
    for strip in _strips(grey):
        channels = stored[strip].astype(np.float64)
        coloured += int(np.count_nonzero(np.ptp(channels, axis=2) > limit))
        grey[strip] = channels.mean(axis=2).round()
    return grey if coloured <= grey.size / 1000 else None


def _strips(image: Stored) -> Iterator[slice]:
    """Yield the rows of an image in strips of about a million pixels."""
    rows = max(1, _STRIP // max(1, image.shape[1]))
    for start in range(0, image.shape[0], rows):
        yield slice(start, start + rows)


def _offset(stored: Stored, low: int) -> npt.NDArray[np.int64]:
    return stored.astype(np.int64) - low
