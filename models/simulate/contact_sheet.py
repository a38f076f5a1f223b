"""Contact sheet: one image with many films, for a visual check of a simulated cohort."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from models.images.read import read_film
from models.io.atomic_file import atomic_path

_CELL = 288


def contact_sheet(rows: Sequence[Sequence[Path]], out: Path) -> None:
    """Write a PNG that shows the films (16-bit PNG or DICOM), arranged as in ``rows``."""
    columns = max(len(row) for row in rows)
    sheet = Image.new("L", (columns * _CELL, len(rows) * _CELL))
    for row_number, row in enumerate(rows):
        for column, path in enumerate(row):
            film = _open(path)
            film.thumbnail((_CELL, _CELL))
            left = column * _CELL + (_CELL - film.width) // 2
            sheet.paste(film, (left, row_number * _CELL + (_CELL - film.height) // 2))
    with atomic_path(out) as part:
        sheet.save(part, "PNG")


def _open(path: Path) -> Image.Image:
    pixels = read_film(path).pixels
    return Image.fromarray(np.round(pixels * 255).astype(np.uint8))
