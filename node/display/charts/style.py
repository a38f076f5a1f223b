"""Style of the node's charts, and their conversion to PNG.

Only the charts need matplotlib: `pip install 'osteoscreen[research]'`.
"""

import io
from typing import Any, Final

from matplotlib.figure import Figure

BEFORE, AFTER = "#56B4E9", "#D55E00"
"""Blue and vermilion of Okabe and Ito, which colour-blind people can distinguish."""

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
    "text.parse_math": False,  # a $ in a sender's name is not a formula
}
BAR = 0.4
"""Width of a bar, relative to the distance between pairs of bars."""

_DPI = 160


def new_figure(width: float, height: float, title: str) -> Figure:
    """Return an empty figure; width and height in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return figure


def png_of(figure: Figure) -> bytes:
    """Return a figure as PNG. The same figure gives the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
    return buffer.getvalue()
