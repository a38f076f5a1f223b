"""The figure of the challenger's report: scores, differences, and flags by group."""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from node.challenger.agreement import compare_scores
from node.challenger.comparison import BundleComparison, ComparedFilm, GroupFlags
from node.display.charts.style import AFTER, BAR, BEFORE, INK, STYLE, new_figure, png_of
from node.log import printable

_WIDTH, _HEIGHT = 9.0, 8.6
_SAME_FLAG = "#999999"
_MAX_POINTS = 5_000
_MAX_SOURCES = 5
_NAME_LENGTH = 12  # characters of a source's name

Values = npt.NDArray[np.float64]


@mpl.rc_context(STYLE)
def draw_challenger(comparison: BundleComparison, title: str) -> bytes:
    """Return the figure as PNG. Raises ValueError if no film has both scores."""
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
    first = figure.add_subplot(grid[1, :3])
    _draw_shares(first, "By sex", comparison.by_sex)
    figure.legend(*first.get_legend_handles_labels(), loc="upper right", ncols=2)
    _draw_shares(figure.add_subplot(grid[1, 3:], sharey=first), "By source", sources)
    _draw_shares(figure.add_subplot(grid[2, :], sharey=first), "By age", comparison.by_age)
    return png_of(figure)


def _scores(films: Sequence[ComparedFilm]) -> tuple[Values, Values]:
    """Return the used scores of the serving bundle and of the challenger, (n,) each."""
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
    """Return the films by the bundle that flags them, with colour and name of each group."""
    return [
        (_SAME_FLAG, "same flag", [film for film in films if film.flags[0] == film.flags[1]]),
        (
            BEFORE,
            "flagged by serving only",
            [film for film in films if film.flags == (True, False)],
        ),
        (
            AFTER,
            "flagged by challenger only",
            [film for film in films if film.flags == (False, True)],
        ),
    ]


def _draw_differences(
    axes: Axes, drawn: Sequence[ComparedFilm], scored: Sequence[ComparedFilm]
) -> None:
    """Draw differences by means, with the mean and the limits of agreement of all scored films."""
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


def _draw_shares(axes: Axes, title: str, groups: Mapping[str, GroupFlags]) -> None:
    """Draw the share of films that each bundle flags in each group, and the number of films."""
    positions = np.arange(len(groups))
    for offset, colour, label, counts in (
        (-BAR / 2, BEFORE, "serving", [group.flagged for group in groups.values()]),
        (BAR / 2, AFTER, "challenger", [group.challenger_flagged for group in groups.values()]),
    ):
        films = [group.films for group in groups.values()]
        shares = [count / total for count, total in zip(counts, films, strict=True)]
        axes.bar(positions + offset, shares, BAR, color=colour, label=label)
    names = [f"{printable(name)[:_NAME_LENGTH]}\n{group.films}" for name, group in groups.items()]
    axes.set_xticks(positions, names)
    axes.grid(visible=False, axis="x")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set(title=f"{title}: flagged")
