"""Style of the node's charts, and their conversion to PNG, with matplotlib."""

import io
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from node.log import printable

BEFORE, AFTER = "#56B4E9", "#D55E00"
"""Blue and vermilion by Okabe and Ito, which colour-blind people can distinguish."""

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
_BAR = 0.4  # width of a bar, relative to the distance between pairs of bars
_NAME_LENGTH = 12  # characters of a group's name
_DPI = 160


def new_figure(width: float, height: float, title: str) -> Figure:
    """Return an empty figure, with width and height in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return figure


def draw_flagged(
    axes: Axes, title: str, groups: Mapping[str, tuple[int, int, int]], labels: tuple[str, str]
) -> None:
    """Draw two bars per group: the share of flagged films for each of two bundles or policies.

    `groups` contains the number of films and the two numbers of flagged films of each group.
    """
    positions = np.arange(len(groups))
    for number, colour, label in ((1, BEFORE, labels[0]), (2, AFTER, labels[1])):
        shares = [counts[number] / counts[0] for counts in groups.values()]
        axes.bar(positions + (number - 1.5) * _BAR, shares, _BAR, color=colour, label=label)
    names = [f"{printable(name)[:_NAME_LENGTH]}\n{films}" for name, (films, *_) in groups.items()]
    axes.set_xticks(positions, names)
    axes.grid(visible=False, axis="x")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set(title=f"{title}: share flagged", xlabel="number of films")


def png_of(figure: Figure) -> bytes:
    """Return a figure as PNG; equal figures give equal bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
    return buffer.getvalue()
