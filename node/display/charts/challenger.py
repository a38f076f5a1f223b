"""The figure of the challenger's report: scores, differences, and flags by group."""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from node.challenger.agreement import compare_scores
from node.challenger.comparison import BundleComparison, ComparedFilm, GroupFlags
from node.display.charts.style import AFTER, BEFORE, INK, STYLE, draw_flagged, new_figure, png_of

_WIDTH, _HEIGHT = 9.0, 8.6
_SAME_FLAG = "#999999"
_MAX_POINTS = 5_000
_MAX_SOURCES = 5
_LABELS = ("serving", "challenger")

Values = npt.NDArray[np.float64]


@mpl.rc_context(STYLE)
def draw_challenger(comparison: BundleComparison, title: str) -> bytes:
    """Return the figure as PNG; raise ValueError if no film has scores of both bundles."""
    scored = comparison.scored
    if not scored:
        raise ValueError("no film has both scores")
    figure = new_figure(_WIDTH, _HEIGHT, title)
    grid = figure.add_gridspec(3, 8, height_ratios=(2, 1, 1))
    drawn = scored[:: -(-len(scored) // _MAX_POINTS)]
    _draw_scores(figure.add_subplot(grid[0, :4]), drawn)
    _draw_differences(figure.add_subplot(grid[0, 4:]), drawn, scored)
    busiest = sorted(comparison.by_source, key=lambda name: -comparison.by_source[name].films)[
        :_MAX_SOURCES
    ]
    sources = {name: comparison.by_source[name] for name in busiest}
    by_sex = figure.add_subplot(grid[1, :3])
    by_source = figure.add_subplot(grid[1, 3:], sharey=by_sex)
    by_age = figure.add_subplot(grid[2, :], sharey=by_sex)
    draw_flagged(by_sex, "By sex", _counts(comparison.by_sex), _LABELS)
    draw_flagged(by_source, "By source", _counts(sources), _LABELS)
    draw_flagged(by_age, "By age", _counts(comparison.by_age), _LABELS)
    figure.legend(*by_sex.get_legend_handles_labels(), loc="upper right", ncols=2)
    return png_of(figure)


def _scores(films: Sequence[ComparedFilm]) -> tuple[Values, Values]:
    """Return two arrays of deciding scores: of the serving bundle and of the challenger."""
    pairs = [(film.serving.score, film.challenger.score) for film in films]
    scores = np.array(pairs, np.float64).reshape(-1, 2)
    return scores[:, 0], scores[:, 1]


def _draw_scores(axes: Axes, films: Sequence[ComparedFilm]) -> None:
    for colour, label, group in _groups(films):
        label = f"{label}: {len(group)}"
        axes.scatter(*_scores(group), s=9, color=colour, label=label, alpha=0.7, linewidths=0)
    axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8)
    axes.set(
        title="Score by score", xlabel="serving", ylabel="challenger", xlim=(0, 1), ylim=(0, 1)
    )
    axes.set_aspect("equal")
    axes.legend(loc="upper left", handletextpad=0.2)


def _groups(films: Sequence[ComparedFilm]) -> list[tuple[str, str, list[ComparedFilm]]]:
    """Return groups of films by the bundle that flags them, each with colour and name."""
    return [
        (_SAME_FLAG, "same flag", [film for film in films if film.flags[0] == film.flags[1]]),
        (BEFORE, "flagged by serving only", _flagged_as(films, (True, False))),
        (AFTER, "flagged by challenger only", _flagged_as(films, (False, True))),
    ]


def _flagged_as(films: Sequence[ComparedFilm], flags: tuple[bool, bool]) -> list[ComparedFilm]:
    return [film for film in films if film.flags == flags]


def _draw_differences(
    axes: Axes, drawn: Sequence[ComparedFilm], scored: Sequence[ComparedFilm]
) -> None:
    """Draw each film's score difference against the mean score, and the limits of agreement."""
    for colour, _, group in _groups(drawn):
        serving, challenger = _scores(group)
        means = (serving + challenger) / 2
        axes.scatter(means, challenger - serving, s=9, color=colour, alpha=0.7, linewidths=0)
    serving, challenger = _scores(scored)
    agreement = compare_scores(serving.tolist(), challenger.tolist())
    limits = agreement.limits or ()
    for value, style in ((agreement.mean, "-"), *((limit, "--") for limit in limits)):
        if value is not None:
            axes.axhline(value, color=INK, linewidth=0.9, linestyle=style)
            axes.annotate(
                f"{value:+.3f}",
                (1, value),
                xycoords=("axes fraction", "data"),
                xytext=(-2, 2),
                textcoords="offset points",
                ha="right",
            )
    axes.set(
        title="Difference by mean, and limits of agreement",
        xlabel="mean of both scores",
        ylabel="challenger minus serving",
        xlim=(0, 1),
    )


def _counts(groups: Mapping[str, GroupFlags]) -> dict[str, tuple[int, int, int]]:
    return {
        name: (group.films, group.flagged, group.challenger_flagged)
        for name, group in groups.items()
    }
