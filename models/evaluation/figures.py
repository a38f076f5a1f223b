"""Draw an evaluation's ROC, calibration and decision curves, histograms and heatmaps as PNG.

Only this module imports matplotlib, because the import takes a second.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from models.calibration.auc import Flags, Values
from models.evaluation.analysis import REFITTED, RIDGE, CohortResult
from models.evaluation.published import CLINICAL, COMBINED, IMAGE
from models.images.grayscale_pipeline import Float
from models.images.radiograph import FieldOfView

RocCurve = tuple[Values, Values]
"""False positive rate and sensitivity, each from 0 to 1."""


class ModelStyle(NamedTuple):
    """Colour, line style and label of a model, the same in every figure."""

    colour: str
    line: str
    label: str


INK, FAINT = "#222222", "#808080"
# Colours of Okabe and Ito, which people with colour vision deficiency can distinguish.
MODEL_STYLES: Final[Mapping[str, ModelStyle]] = MappingProxyType(
    {
        IMAGE: ModelStyle("#0072B2", "-", "Image (DL)"),
        COMBINED: ModelStyle("#009E73", "--", "Combined"),
        CLINICAL: ModelStyle("#D55E00", "-.", "Clinical"),
        REFITTED: ModelStyle("#CC79A7", "-.", "Clinical, refitted"),
        RIDGE: ModelStyle("#7a7a7a", ":", "Ridge baseline"),
    }
)

_POSITIVE, _NEGATIVE, _BONE = "#D55E00", "#56B4E9", "#56B4E9"
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
_PANEL_WIDTH, _PANEL_HEIGHT, _DPI = 3.5, 4.8, 160


@dataclass(frozen=True)
class ExampleFilm:
    """One film of the heatmap figure; ``heat`` (h, w) covers ``place`` on the film."""

    pixels: Float
    aspect: float
    heat: Float
    place: FieldOfView
    mask: Float | None
    caption: str


@mpl.rc_context(_STYLE)
def draw_roc(
    cohorts: Sequence[CohortResult], films: str, curves: Sequence[Mapping[str, RocCurve]]
) -> bytes:
    """Return ROC curves, one panel for each cohort, with AUC and interval in the legend."""
    figure, panels = _panels(len(cohorts))
    for axes, cohort, by_model in zip(panels, cohorts, curves, strict=True):
        _add_title(axes, cohort, films)
        axes.plot([0, 1], [0, 1], color=FAINT, linewidth=0.8)
        for name, curve in by_model.items():
            area = cohort.models[name].auc
            interval = f"{area.value:.3f} ({area.low:.3f}\N{EN DASH}{area.high:.3f})"
            label = f"{MODEL_STYLES[name].label} {interval}"
            axes.plot(*curve, label=label, **_line(name))
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
        axes.set(xlabel="1 \N{MINUS SIGN} specificity", ylabel="Sensitivity")
        _add_legend(axes, "AUC (95 % CI)")
    return _png(figure)


@mpl.rc_context(_STYLE)
def draw_calibration(cohorts: Sequence[CohortResult], films: str) -> bytes:
    """Return calibration curves: observed share against mean prediction, in bins of films."""
    figure, panels = _panels(len(cohorts))
    for axes, cohort in zip(panels, cohorts, strict=True):
        _add_title(axes, cohort, films)
        axes.plot([0, 1], [0, 1], color=FAINT, linewidth=0.8)
        for name, result in cohort.models.items():
            bins = result.calibration.bins
            x = [part.predicted for part in bins]
            y = np.array([part.observed.value for part in bins])
            if name == IMAGE:
                below = y - [part.observed.low for part in bins]
                above = [part.observed.high for part in bins] - y
                colour = MODEL_STYLES[name].colour
                axes.errorbar(x, y, [below, above], fmt="none", ecolor=colour, elinewidth=0.8)
            slope = result.calibration.slope
            label = MODEL_STYLES[name].label + (f", slope {slope.value:.2f}" if slope else "")
            axes.plot(x, y, marker="o", markersize=3.5, label=label, **_line(name))
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
        axes.set(xlabel="Predicted probability", ylabel="Observed share with osteoporosis")
        _add_legend(axes)
    return _png(figure)


@mpl.rc_context(_STYLE)
def draw_decision_curves(cohorts: Sequence[CohortResult], films: str) -> bytes:
    """Return decision curves: net benefit of models, of flagging all films and of flagging none."""
    figure, panels = _panels(len(cohorts))
    for axes, cohort in zip(panels, cohorts, strict=True):
        _add_title(axes, cohort, films)
        top = 0.0
        for name, result in cohort.models.items():
            curve = result.decision_curve
            top = max(top, float(curve.model.max()))
            axes.plot(curve.thresholds, curve.model, label=MODEL_STYLES[name].label, **_line(name))
        if IMAGE in cohort.models:
            curve = cohort.models[IMAGE].decision_curve
            axes.plot(curve.thresholds, curve.treat_all, color=INK, linewidth=0.9, label="Flag all")
        axes.axhline(0.0, color=FAINT, linewidth=0.9, label="Flag none")
        axes.set(xlim=(0, 0.6), ylim=(-0.15 * top, 1.08 * top))
        axes.set(xlabel="Threshold probability", ylabel="Net benefit per film")
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
        _add_legend(axes)
    return _png(figure)


@mpl.rc_context(_STYLE)
def draw_histograms(
    cohorts: Sequence[CohortResult],
    films: str,
    scores: Sequence[tuple[Values, Flags]],
    threshold: float | None,
) -> bytes:
    """Return histograms of the image model's probabilities by label, with the threshold."""
    figure, panels = _panels(len(cohorts), height=3.1)
    edges = np.linspace(0, 1, 26).tolist()
    for axes, cohort, (values, positive) in zip(panels, cohorts, scores, strict=True):
        _add_title(axes, cohort, films)
        for inside, colour, name in (
            (~positive, _NEGATIVE, "Without"),
            (positive, _POSITIVE, "With"),
        ):
            count = int(inside.sum())
            weights = np.full(count, 1 / max(1, count))
            label = f"{name} osteoporosis (n = {count})"
            shared = {"bins": edges, "weights": weights}
            axes.hist(values[inside], **shared, color=colour, alpha=0.45, edgecolor="none")
            axes.hist(
                values[inside], **shared, histtype="step", color=colour, linewidth=1.5, label=label
            )
        if threshold is not None:
            axes.axvline(threshold, color=INK, linewidth=1.0, linestyle="--", label="Threshold")
        axes.set(xlim=(0, 1))
        axes.set(xlabel="Probability by the image model", ylabel="Share of films")
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
        axes.margins(y=0.45)
        axes.legend(loc="upper right")
    return _png(figure)


@mpl.rc_context(_STYLE)
def draw_heatmaps(examples: Sequence[ExampleFilm], films: str, columns: int = 4) -> bytes:
    """Return films in grey with the Grad-CAM heat as an overlay and the outline of the bone mask.

    Each film has its own colour scale, and its caption states the maximum of the scale. The heat of
    a confident positive film can be ten times lower than the heat of an uncertain film.
    """
    rows = max(1, -(-len(examples) // columns))
    figure = Figure(figsize=(2.5 * columns, 2.9 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    figure.suptitle(films.capitalize(), x=0.01, ha="left", fontsize=10, fontweight="bold")
    overlay = None
    for axes in grid:
        axes.axis("off")
    for axes, example in zip(grid, examples, strict=False):
        overlay = _draw_example(axes, example)
    if overlay is not None:
        bar = figure.colorbar(overlay, ax=list(grid), fraction=0.015, pad=0.01, aspect=40)
        bar.set_label("Grad-CAM heat, relative to the film's maximum")
    return _png(figure)


def _draw_example(axes: Axes, example: ExampleFilm) -> Any:
    rows, columns = example.pixels.shape
    maximum = float(example.heat.max())
    heat = example.heat / maximum if maximum else example.heat
    axes.imshow(example.pixels, cmap="gray", vmin=0, vmax=1, aspect=example.aspect)
    place = example.place
    overlay = axes.imshow(
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
        # Low heat is transparent, so the film remains visible under it.
        alpha=0.7 * np.sqrt(heat),
        interpolation="bilinear",
        aspect=example.aspect,
    )
    if example.mask is not None:
        axes.contour(example.mask, [0.5], colors=_BONE, linewidths=0.35, alpha=0.6)
    axes.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5))
    caption = f"{example.caption}\nmaximum heat {maximum:.2g}"
    axes.set_title(caption, fontsize=8, fontweight="normal", loc="left")
    return overlay


def _panels(count: int, height: float = _PANEL_HEIGHT) -> tuple[Figure, list[Axes]]:
    columns = min(3, max(1, count))
    rows = -(-count // columns)
    figure = Figure(figsize=(_PANEL_WIDTH * columns, height * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    for unused in grid[count:]:
        unused.axis("off")
    return figure, grid[:count]


def _line(name: str) -> dict[str, Any]:
    style = MODEL_STYLES[name]
    return {"color": style.colour, "linestyle": style.line}


def _add_legend(axes: Axes, title: str | None = None) -> None:
    """Place the legend below the axes, where it covers no curve."""
    axes.legend(
        loc="upper left",
        bbox_to_anchor=(0, -0.16),
        title=title,
        title_fontsize=8,
        alignment="left",
        borderpad=0,
    )


def _add_title(axes: Axes, cohort: CohortResult, films: str) -> None:
    """Add the cohort's name and counts; ``films`` is a phrase such as "simulated films"."""
    axes.set_title(cohort.name, pad=18)
    counts = f"{cohort.films} {films}, {cohort.positives} with osteoporosis"
    axes.text(0, 1.02, counts, transform=axes.transAxes, fontsize=8, color=FAINT)


def _png(figure: Figure) -> bytes:
    """Return the figure as PNG without metadata; equal figures therefore give equal bytes."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=_DPI, bbox_inches="tight", metadata={"Software": None})
    return stream.getvalue()
