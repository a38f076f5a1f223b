"""Figures of an evaluation, as PNG bytes: one style, colours that the colour-blind tell apart.

Nothing else imports matplotlib, so that only who draws pays for it.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from models.evaluation.analysis import REFITTED, RIDGE, Cohort
from models.evaluation.discrimination import Curve, Flags, Values
from models.evaluation.published import CLINICAL, COMBINED, IMAGE
from models.images.grayscale_pipeline import Float
from models.images.preprocess import Placement

INK, FAINT = "#222222", "#808080"
LOOK: Final[Mapping[str, tuple[str, str, str]]] = MappingProxyType(
    {
        IMAGE: ("#0072B2", "-", "Image (DL)"),
        COMBINED: ("#009E73", "--", "Combined"),
        CLINICAL: ("#D55E00", "-.", "Clinical"),
        REFITTED: ("#CC79A7", "-.", "Clinical, fitted here"),
        RIDGE: ("#7a7a7a", ":", "Ridge baseline"),
    }
)
"""Colour (Okabe and Ito's), dash and name of each model, the same in every figure."""

_WITH, _WITHOUT = "#D55E00", "#56B4E9"
_STYLE: Final[Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "xtick.color": INK,
    "ytick.color": INK,
    "lines.linewidth": 1.8,
    "legend.facecolor": "white",
    "legend.edgecolor": "none",
    "legend.framealpha": 0.85,
    "legend.fontsize": 8.0,
    "legend.handlelength": 2.6,
}
_WIDE, _TALL, _DPI = 3.5, 4.8, 160


@dataclass(frozen=True)
class Example:
    """One film for the Grad-CAM sheet: pixels, heat (h, w) over ``place``, and a caption."""

    pixels: Float
    aspect: float
    heat: Float
    place: Placement
    mask: Float | None
    caption: str


@mpl.rc_context(_STYLE)
def draw_roc(cohorts: Sequence[Cohort], curves: Sequence[Mapping[str, Curve]]) -> bytes:
    """ROC curves, one panel for each cohort, areas with their intervals in the legend."""
    figure, panels = _panels(len(cohorts))
    for axes, cohort, by_model in zip(panels, cohorts, curves, strict=True):
        _head(axes, cohort)
        axes.plot([0, 1], [0, 1], color=FAINT, linewidth=0.8)
        for name, curve in by_model.items():
            area = cohort.models[name].auc
            label = f"{LOOK[name][2]} {area.value:.3f} ({area.low:.3f}\N{EN DASH}{area.high:.3f})"
            axes.plot(curve.false_positive_rate, curve.sensitivity, label=label, **_line(name))
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
        axes.set(xlabel="1 \N{MINUS SIGN} specificity", ylabel="Sensitivity")
        _key(axes, "AUC (95 % CI)")
    return _png(figure)


@mpl.rc_context(_STYLE)
def draw_calibration(cohorts: Sequence[Cohort]) -> bytes:
    """Observed against predicted share in tenths of the films, with Wilson's intervals."""
    figure, panels = _panels(len(cohorts))
    for axes, cohort in zip(panels, cohorts, strict=True):
        _head(axes, cohort)
        axes.plot([0, 1], [0, 1], color=FAINT, linewidth=0.8)
        for name, result in cohort.models.items():
            bins = result.agreement.bins
            x = [one.predicted for one in bins]
            y = np.array([one.observed.value for one in bins])
            if name == IMAGE:
                spread = [y - [b.observed.low for b in bins], [b.observed.high for b in bins] - y]
                axes.errorbar(x, y, spread, fmt="none", ecolor=LOOK[name][0], elinewidth=0.8)
            slope = result.agreement.slope
            label = LOOK[name][2] + (f", slope {slope.value:.2f}" if slope else "")
            axes.plot(x, y, marker="o", markersize=3.5, label=label, **_line(name))
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
        axes.set(xlabel="Predicted probability", ylabel="Observed share")
        _key(axes)
    return _png(figure)


@mpl.rc_context(_STYLE)
def draw_decisions(cohorts: Sequence[Cohort]) -> bytes:
    """Decision curves: net benefit over threshold probabilities, against all and none."""
    figure, panels = _panels(len(cohorts))
    for axes, cohort in zip(panels, cohorts, strict=True):
        _head(axes, cohort)
        top = 0.0
        for name, result in cohort.models.items():
            benefit = result.benefit
            top = max(top, float(benefit.model.max()))
            axes.plot(benefit.thresholds, benefit.model, label=LOOK[name][2], **_line(name))
            if name == IMAGE:
                axes.plot(
                    benefit.thresholds,
                    benefit.treat_all,
                    color=INK,
                    linewidth=0.9,
                    label="Flag all",
                )
        axes.axhline(0.0, color=FAINT, linewidth=0.9, label="Flag none")
        axes.set(xlim=(0, 0.6), ylim=(-0.15 * top, 1.08 * top))
        axes.set(xlabel="Threshold probability", ylabel="Net benefit per film")
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        _key(axes)
    return _png(figure)


@mpl.rc_context(_STYLE)
def draw_histograms(
    cohorts: Sequence[Cohort], scores: Sequence[tuple[Values, Flags]], threshold: float | None
) -> bytes:
    """The image model's scores of films with and without the disease, and the threshold."""
    figure, panels = _panels(len(cohorts), tall=3.1)
    edges = np.linspace(0, 1, 26).tolist()
    for axes, cohort, (values, positive) in zip(panels, cohorts, scores, strict=True):
        _head(axes, cohort)
        for inside, colour, name in (
            (~positive, _WITHOUT, "Without"),
            (positive, _WITH, "With"),
        ):
            share = np.full(int(inside.sum()), 1 / max(1, int(inside.sum())))
            axes.hist(
                values[inside], edges, weights=share, color=colour, alpha=0.45, edgecolor="none"
            )
            axes.hist(
                values[inside],
                edges,
                weights=share,
                histtype="step",
                color=colour,
                linewidth=1.5,
                label=f"{name} osteoporosis (n = {int(inside.sum())})",
            )
        if threshold is not None:
            axes.axvline(threshold, color=INK, linewidth=1.0, linestyle="--", label="Threshold")
        axes.set(xlim=(0, 1))
        axes.set(xlabel="Image model's probability", ylabel="Share of films")
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.margins(y=0.45)
        axes.legend(loc="upper right")
    return _png(figure)


@mpl.rc_context(_STYLE)
def draw_heat(examples: Sequence[Example], columns: int = 4) -> bytes:
    """Grad-CAM sheet: films in grey, heat over them, bone's outline where known.

    Each film has its own scale, whose top its caption states: a surely positive film has heat
    ten times fainter than a doubtful one, and would show none on a common scale.
    """
    rows = max(1, -(-len(examples) // columns))
    figure = Figure(figsize=(2.5 * columns, 2.9 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    shown = None
    for axes in grid:
        axes.axis("off")
    for axes, one in zip(grid, examples, strict=False):
        shown = _draw_one(axes, one)
    if shown is not None:
        bar = figure.colorbar(shown, ax=list(grid), fraction=0.015, pad=0.01, aspect=40)
        bar.set_label("Grad-CAM, share of the film's peak")
    return _png(figure)


def _draw_one(axes: Axes, one: Example) -> Any:
    rows, columns = one.pixels.shape
    peak = float(one.heat.max())
    heat = one.heat / peak if peak else one.heat
    axes.imshow(one.pixels, cmap="gray", vmin=0, vmax=1, aspect=one.aspect)
    place = one.place
    shown = axes.imshow(
        heat,
        cmap="inferno",
        vmin=0,
        vmax=1,
        extent=(
            place.left - 0.5,
            place.left + place.width - 0.5,
            place.top + place.height - 0.5,
            place.top - 0.5,
        ),
        # As clear as it is cold, so that the film is seen where the heat is not.
        alpha=0.7 * np.sqrt(heat),
        interpolation="bilinear",
        aspect=one.aspect,
    )
    if one.mask is not None:
        axes.contour(one.mask, [0.5], colors="#56B4E9", linewidths=0.35, alpha=0.6)
    axes.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5))
    axes.set_title(f"{one.caption}\npeak {peak:.1e}", fontsize=8, fontweight="normal", loc="left")
    return shown


def _panels(count: int, tall: float = _TALL) -> tuple[Figure, list[Axes]]:
    columns = min(3, max(1, count))
    rows = -(-count // columns)
    figure = Figure(figsize=(_WIDE * columns, tall * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    for spare in grid[count:]:
        spare.axis("off")
    return figure, grid[:count]


def _line(name: str) -> dict[str, Any]:
    colour, dash, _ = LOOK[name]
    return {"color": colour, "linestyle": dash}


def _key(axes: Axes, title: str | None = None) -> None:
    """The legend under the axes, where no curve runs."""
    axes.legend(
        loc="upper left",
        bbox_to_anchor=(0, -0.16),
        title=title,
        title_fontsize=8,
        alignment="left",
        borderpad=0,
    )


def _head(axes: Axes, cohort: Cohort) -> None:
    axes.set_title(cohort.name, pad=18)
    count = f"{cohort.films} films, {cohort.positives} with osteoporosis"
    axes.text(0, 1.02, count, transform=axes.transAxes, fontsize=8, color=FAINT)


def _png(figure: Figure) -> bytes:
    """The figure's bytes; the same figure gives the same bytes."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=_DPI, bbox_inches="tight", metadata={"Software": None})
    return stream.getvalue()
