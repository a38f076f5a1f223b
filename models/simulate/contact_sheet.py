"""A contact sheet: many films on one picture, to be looked at before they are used."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from models.images.read import read_film

_CELL = 288


def contact_sheet(rows: Sequence[Sequence[Path]], out: Path) -> None:
    """Write a PNG with one row of films (16-bit PNG or DICOM) for each of ``rows``."""
    wide = max(len(row) for row in rows)
    sheet = Image.new("L", (wide * _CELL, len(rows) * _CELL))
    for down, row in enumerate(rows):
        for across, path in enumerate(row):
            film = _open(path)
            film.thumbnail((_CELL, _CELL))
            left = across * _CELL + (_CELL - film.width) // 2
            sheet.paste(film, (left, down * _CELL + (_CELL - film.height) // 2))
    part = out.with_name(out.name + ".part")
    sheet.save(part, "PNG")
    part.replace(out)


def _open(path: Path) -> Image.Image:
    shown = read_film(path).pixels
    return Image.fromarray(np.round(shown * 255).astype(np.uint8))
