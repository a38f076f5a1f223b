"""Chart of a replay: flagged films per day, before and after, and their share in each group."""

from collections.abc import Mapping, Sequence
from datetime import date

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.ticker import PercentFormatter

from node.display.charts.style import AFTER, BAR, BEFORE, STYLE, new_figure, png_of
from node.replay.replay import FlagCounts, Replay

_WIDTH, _HEIGHT = 9.0, 6.0
_MAX_STEPS = 60


@mpl.rc_context(STYLE)
def draw_replay(replay: Replay, title: str) -> bytes:
    """Return a PNG; raise ValueError if no film was replayed."""
    if not replay.all.films:
        raise ValueError("no film was replayed")
    figure = new_figure(_WIDTH, _HEIGHT, title)
    grid = figure.add_gridspec(2, 3, height_ratios=(1.2, 1))
    _over_time(figure.add_subplot(grid[0, :]), replay.by_day)
    _shares(figure.add_subplot(grid[1, 0]), "By sex", {**replay.by_sex, "all": replay.all})
    _shares(figure.add_subplot(grid[1, 1:]), "By age", replay.by_age)
    return png_of(figure)


def _over_time(axes: Axes, by_day: Mapping[str, FlagCounts]) -> None:
    """Draw flagged films per day; over many days, the mean of several days per step."""
    days = sorted(by_day)
    first, last = date.fromisoformat(days[0]), date.fromisoformat(days[-1])
    length = (last - first).days + 1
    step = -(-length // _MAX_STEPS)
    places = [(date.fromisoformat(day) - first).days // step for day in days]
    starts = [first.toordinal() + place * step for place in range(max(places) + 1)]
    # The last step may cover fewer days, and is divided by their number.
    spans = np.array([min(step, last.toordinal() + 1 - start) for start in starts])
    edges = [np.datetime64(date.fromordinal(start)) for start in (*starts, last.toordinal() + 1)]
    for name, colour, flags in (
        ("as stored", BEFORE, [by_day[day].flagged for day in days]),
        ("new policy", AFTER, [by_day[day].new_flagged for day in days]),
    ):
        sums = np.bincount(places, weights=flags, minlength=len(starts))
        axes.stairs(sums / spans, edges, baseline=None, color=colour, label=name, linewidth=1.8)
    locator = AutoDateLocator()  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    mean = "" if step == 1 else f", mean of {step} days"
    axes.set(title=f"Films flagged per day{mean}", ylim=(0, None))
    axes.margins(x=0)
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2)


def _shares(axes: Axes, title: str, groups: Mapping[str, FlagCounts]) -> None:
    """Draw the flagged share of each group, with its number of films."""
    names: Sequence[str] = list(groups)
    at = np.arange(len(names))
    for offset, colour, flags in (
        (-BAR / 2, BEFORE, [counts.flagged for counts in groups.values()]),
        (BAR / 2, AFTER, [counts.new_flagged for counts in groups.values()]),
    ):
        shares = [count / groups[name].films for count, name in zip(flags, names, strict=True)]
        axes.bar(at + offset, shares, BAR, color=colour)
    labels = [f"{name}\n{groups[name].films}" for name in names]
    axes.set_xticks(at, labels)
    axes.grid(visible=False, axis="x")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set(title=f"{title}: share flagged, number of films")
