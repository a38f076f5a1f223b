"""Two bundles compared, as a picture: score by score, difference by mean, and flags by group."""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from node.challenger.agreement import compare_scores
from node.challenger.comparison import Compared, Comparison, GroupFlags
from node.display.charts.style import AFTER, BAR, BEFORE, INK, STYLE, new_figure, png_of
from node.log import printable

_WIDTH, _HEIGHT = 9.0, 8.6
_ALIKE = "#999999"
_MOST_POINTS = 5_000
_MOST_SOURCES = 5
_NAME = 12  # characters of a source's name

Values = npt.NDArray[np.float64]


@mpl.rc_context(STYLE)
def draw_challenger(made: Comparison, title: str) -> bytes:
    """Return a PNG. Raises ValueError where there is nothing to draw."""
    scored = made.scored
    if not scored:
        raise ValueError("no film has both scores")
    figure = new_figure(_WIDTH, _HEIGHT, title)
    grid = figure.add_gridspec(3, 8, height_ratios=(2, 1, 1))
    one, other = _scores(scored)
    shown = scored[:: -(-len(scored) // _MOST_POINTS)]
    _each_by_other(figure.add_subplot(grid[0, :4]), shown)
    _differences(figure.add_subplot(grid[0, 4:]), shown, one, other)
    busiest = sorted(made.by_source, key=lambda name: -made.by_source[name].films)[:_MOST_SOURCES]
    sources = {name: made.by_source[name] for name in busiest}
    first = figure.add_subplot(grid[1, :3])
    _shares(first, "By sex", made.by_sex)
    figure.legend(*first.get_legend_handles_labels(), loc="upper right", ncols=2)
    _shares(figure.add_subplot(grid[1, 3:], sharey=first), "By source", sources)
    _shares(figure.add_subplot(grid[2, :], sharey=first), "By age", made.by_age)
    return png_of(figure)


def _scores(films: Sequence[Compared]) -> tuple[Values, Values]:
    """Return the scores that count, the serving bundle's and the challenger's."""
    pairs = np.array([(film.serving.score, film.challenger.score) for film in films], np.float64)
    return pairs[:, 0], pairs[:, 1]


def _each_by_other(axes: Axes, films: Sequence[Compared]) -> None:
    for colour, label, chosen in _kinds(films):
        one, other = _scores(chosen) if chosen else (np.empty(0), np.empty(0))
        label = f"{label}: {len(chosen)}"
        axes.scatter(one, other, s=9, color=colour, label=label, alpha=0.7, linewidths=0)
    axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8)
    axes.set(
        title="Score by score", xlabel="serving", ylabel="challenger", xlim=(0, 1), ylim=(0, 1)
    )
    axes.set_aspect("equal")
    axes.legend(loc="upper left", handletextpad=0.2)


def _kinds(films: Sequence[Compared]) -> list[tuple[str, str, list[Compared]]]:
    """Return films by who flags them, with the colour and the name of each kind."""
    return [
        (_ALIKE, "flagged alike", [film for film in films if film.flags[0] == film.flags[1]]),
        (BEFORE, "by serving alone", [film for film in films if film.flags == (True, False)]),
        (AFTER, "by challenger alone", [film for film in films if film.flags == (False, True)]),
    ]


def _differences(axes: Axes, shown: Sequence[Compared], one: Values, other: Values) -> None:
    """Draw differences by means, with the mean and the limits of agreement of all films."""
    for colour, _, chosen in _kinds(shown):
        if chosen:
            first, second = _scores(chosen)
            means = (first + second) / 2
            axes.scatter(means, second - first, s=9, color=colour, alpha=0.7, linewidths=0)
    found = compare_scores(one.tolist(), other.tolist())
    for value, style in ((found.mean, "-"), *((limit, "--") for limit in found.limits or ())):
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


def _shares(axes: Axes, title: str, groups: Mapping[str, GroupFlags]) -> None:
    """Draw the share that each flags in each group, and how many films that is of."""
    at = np.arange(len(groups))
    for offset, colour, label, counts in (
        (-BAR / 2, BEFORE, "serving", [one.flagged for one in groups.values()]),
        (BAR / 2, AFTER, "challenger", [one.challenger_flagged for one in groups.values()]),
    ):
        films = [one.films for one in groups.values()]
        shares = [count / of for count, of in zip(counts, films, strict=True)]
        axes.bar(at + offset, shares, BAR, color=colour, label=label)
    names = [f"{printable(name)[:_NAME]}\n{one.films}" for name, one in groups.items()]
    axes.set_xticks(at, names)
    axes.grid(visible=False, axis="x")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set(title=f"{title}: flagged")
