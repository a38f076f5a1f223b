"""A replay as a picture: flags a day, before and after, and the share flagged in each group."""

from collections.abc import Mapping, Sequence
from datetime import date

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.ticker import PercentFormatter

from node.display.charts.style import AFTER, BAR, BEFORE, STYLE, new_figure, png_of
from node.replay.replay import Replay, Tally

_WIDTH, _HEIGHT = 9.0, 6.0
_MOST_BARS = 60


@mpl.rc_context(STYLE)
def draw_replay(made: Replay, title: str) -> bytes:
    """Return a PNG. Raises ValueError where there is nothing to draw."""
    if not made.all.films:
        raise ValueError("no film was replayed")
    figure = new_figure(_WIDTH, _HEIGHT, title)
    grid = figure.add_gridspec(2, 3, height_ratios=(1.2, 1))
    _over_time(figure.add_subplot(grid[0, :]), made.by_day)
    _shares(figure.add_subplot(grid[1, 0]), "By sex", {**made.by_sex, "all": made.all})
    _shares(figure.add_subplot(grid[1, 1:]), "By age", made.by_age)
    return png_of(figure)


def _over_time(axes: Axes, by_day: Mapping[str, Tally]) -> None:
    """Draw flags a day; over many days, the mean of as many as fit one step."""
    days = sorted(by_day)
    first, last = date.fromisoformat(days[0]), date.fromisoformat(days[-1])
    length = (last - first).days + 1
    step = -(-length // _MOST_BARS)
    places = [(date.fromisoformat(day) - first).days // step for day in days]
    starts = [first.toordinal() + place * step for place in range(max(places) + 1)]
    # The last step may be a part of one: it is divided by the days that it has.
    spans = np.array([min(step, last.toordinal() + 1 - start) for start in starts])
    edges = [np.datetime64(date.fromordinal(start)) for start in (*starts, last.toordinal() + 1)]
    for name, colour, counts in (
        ("as stored", BEFORE, [by_day[day].flagged for day in days]),
        ("would be", AFTER, [by_day[day].new_flagged for day in days]),
    ):
        sums = np.bincount(places, weights=counts, minlength=len(starts))
        axes.stairs(sums / spans, edges, baseline=None, color=colour, label=name, linewidth=1.8)
    locator = AutoDateLocator()  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    every = "" if step == 1 else f", mean of {step} days"
    axes.set(title=f"Films flagged a day{every}", ylim=(0, None))
    axes.margins(x=0)
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2)


def _shares(axes: Axes, title: str, groups: Mapping[str, Tally]) -> None:
    """Draw the share flagged in each group, and how many films that is of."""
    names: Sequence[str] = list(groups)
    at = np.arange(len(names))
    for offset, colour, counts in (
        (-BAR / 2, BEFORE, [tally.flagged for tally in groups.values()]),
        (BAR / 2, AFTER, [tally.new_flagged for tally in groups.values()]),
    ):
        shares = [count / groups[name].films for count, name in zip(counts, names, strict=True)]
        axes.bar(at + offset, shares, BAR, color=colour)
    labels = [f"{name}\n{groups[name].films}" for name in names]
    axes.set_xticks(at, labels)
    axes.grid(visible=False, axis="x")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set(title=f"{title}: flagged, of so many films")
