"""How the node's figures look, and how they become a PNG.

They are all of the node that asks for matplotlib: `pip install 'osteoscreen[research]'` brings it.
"""

import io
from typing import Any, Final

from matplotlib.figure import Figure

BEFORE, AFTER = "#56B4E9", "#D55E00"
"""Okabe and Ito's blue and vermilion, which the colour-blind tell apart."""

INK = "#222222"
STYLE: Final[Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e6e6",
    "legend.frameon": False,
    "text.parse_math": False,  # a sender's name with a $ in it is no formula
}
BAR = 0.4
"""The width of each of two bars side by side, of the step from one pair to the next."""

_DPI = 160


def new_figure(width: float, height: float, title: str) -> Figure:
    """Return an empty figure of this size in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return figure


def png_of(figure: Figure) -> bytes:
    """Return a figure as PNG; the same figure is the same bytes."""
    written = io.BytesIO()
    figure.savefig(written, format="png", dpi=_DPI, metadata={"Software": None})
    return written.getvalue()
