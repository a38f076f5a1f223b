"""The legend below the film, with intended use, score, threshold, colour scale and model."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from node.results import colormap
from node.results.fonts import BUILT_IN, Typeface
from node.results.translations.english import ENGLISH
from node.results.translations.phrases import Phrases

_BACKGROUND, _TRACK = (16, 18, 22), (70, 76, 86)
_BRIGHT, _DIM = (240, 242, 245), (168, 175, 186)
_WARNING, _ON_WARNING = (245, 176, 40), (20, 16, 8)
_BAR_GREY = 112  # mean grey of a film, so that the bar has the colours of the film


@dataclass(frozen=True, slots=True)
class Legend:
    """Texts and numbers of the legend; score and threshold are in percent."""

    headline: str
    score: float
    threshold: float
    model: str
    warning: str = ""
    note: str = ""
    phrases: Phrases = ENGLISH
    typeface: Typeface = BUILT_IN


class _Pen:
    """A pen that draws the legend; sizes are multiples of the text height."""

    def __init__(self, width: int, lines: float, typeface: Typeface) -> None:
        self._typeface = typeface
        self.unit = round(min(max(width / 52, 15), 34))
        self.width = width
        self.height = round(self.unit * lines)
        self.image = Image.new("RGB", (width, self.height), _BACKGROUND)
        self.draw = ImageDraw.Draw(self.image)

    def text(
        self,
        at: tuple[float, float],
        text: str,
        *,
        width: float,
        size: float = 1.0,
        colour: tuple[int, int, int] = _BRIGHT,
        anchor: str = "lm",
    ) -> None:
        """Draw a line of text; reduce the font size until the text fits into `width`."""
        pixels = round(self.unit * size)
        while pixels > 6 and self._typeface.at(pixels).getlength(text) > width:
            pixels -= 1
        self.draw.text(at, text, fill=colour, font=self._typeface.at(pixels), anchor=anchor)


def draw_legend(legend: Legend, width: int, *, has_heat: bool) -> npt.NDArray[np.uint8]:
    """Return the legend as an RGB image."""
    warning_lines = 3.2 if legend.warning else 0.8
    pen = _Pen(width, warning_lines + 6.5, legend.typeface)
    margin = pen.unit
    _draw_warning(pen, legend)
    top = margin * warning_lines
    column = (width - 3 * margin) * 0.55
    _draw_gauge(pen, legend, (margin, top), column)
    scale = (2 * margin + column, top)
    _draw_colour_bar(pen, scale, width - 3 * margin - column, legend.phrases, has_heat=has_heat)
    bottom = pen.height - margin * 0.95
    rule = bottom - margin * 0.8
    pen.draw.line([(margin, rule), (width - margin, rule)], fill=_TRACK)
    pen.text((margin, bottom), legend.model, width=width - 2 * margin, size=0.8, colour=_DIM)
    return np.asarray(pen.image)


def _draw_warning(pen: _Pen, legend: Legend) -> None:
    if not legend.warning:
        return
    unit, middle = pen.unit, pen.width / 2
    pen.draw.rectangle([(0, 0), (pen.width, unit * 2.6)], fill=_WARNING)
    warning_line = 0.85 if legend.note else 1.3
    for text, line, size in ((legend.warning, warning_line, 1.15), (legend.note, 1.95, 0.8)):
        pen.text(
            (middle, unit * line),
            text,
            width=pen.width - 2 * unit,
            size=size,
            colour=_ON_WARNING,
            anchor="mm",
        )


def _draw_gauge(pen: _Pen, legend: Legend, at: tuple[float, float], width: float) -> None:
    """Draw the score as a bar from 0 to 100 %, with a tick at the threshold."""
    unit, (left, top) = pen.unit, at
    pen.text((left, top + unit * 0.5), legend.headline, width=width)
    track = top + unit * 2.3
    pen.draw.rectangle([(left, track), (left + width, track + unit * 0.5)], fill=_TRACK)
    end = left + width * legend.score / 100
    pen.draw.rectangle([(left, track), (end, track + unit * 0.5)], fill=_BRIGHT)
    tick = left + width * legend.threshold / 100
    pen.draw.rectangle(
        [(tick - unit * 0.09, track - unit * 0.4), (tick + unit * 0.09, track + unit * 0.9)],
        fill=_WARNING,
    )
    below = track + unit * 1.5
    half = width / 2
    pen.text((left, below), legend.phrases.score.format(percent=legend.score), width=half)
    pen.text(
        (left + width, below),
        legend.phrases.threshold.format(percent=legend.threshold),
        width=half,
        colour=_WARNING,
        anchor="rm",
    )


def _draw_colour_bar(
    pen: _Pen, at: tuple[float, float], width: float, phrases: Phrases, *, has_heat: bool
) -> None:
    """Draw the colour scale over grey, from 0 to 100 % of the maximum heat."""
    unit, (left, top) = pen.unit, at
    if not has_heat:
        pen.text((left, top + unit * 0.5), phrases.no_heat, width=width)
        return
    pen.text((left, top + unit * 0.5), phrases.scale_title, width=width)
    size = (round(width), round(unit * 0.9))
    heat = np.broadcast_to(np.linspace(0, 1, size[0], dtype=np.float32), size[::-1])
    grey = np.full(heat.shape, _BAR_GREY, dtype=np.uint8)
    bar = Image.fromarray(colormap.blend(grey, heat))
    pen.image.paste(bar, (round(left), round(top + unit * 1.4)))
    below = top + unit * 2.85
    for percent, anchor in ((0, "lm"), (50, "mm"), (100, "rm")):
        position = (left + width * percent / 100, below)
        pen.text(position, f"{percent} %", width=width / 3, size=0.8, anchor=anchor)
    pen.text((left, top + unit * 3.8), phrases.scale_note, width=width, size=0.75, colour=_DIM)
