"""Chart of a replay: flagged films per day and in groups, by the old and the new policy."""

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

from node.display.charts.style import AFTER, BEFORE, STYLE, draw_flagged, new_figure, png_of
from node.replay.replay import FlagCounts, Replay

_WIDTH, _HEIGHT = 9.0, 6.0
_MAX_STEPS = 60
_LABELS = ("as stored", "new policy")


@mpl.rc_context(STYLE)
def draw_replay(replay: Replay, title: str) -> bytes:
    """Return the chart as PNG; raise ValueError if no film was replayed."""
    if not replay.total.films:
        raise ValueError("no film was replayed")
    figure = new_figure(_WIDTH, _HEIGHT, title)
    grid = figure.add_gridspec(2, 3, height_ratios=(1.2, 1))
    _over_time(figure.add_subplot(grid[0, :]), replay.by_day)
    by_sex = _counts({**replay.by_sex, "all": replay.total})
    draw_flagged(figure.add_subplot(grid[1, 0]), "By sex", by_sex, _LABELS)
    draw_flagged(figure.add_subplot(grid[1, 1:]), "By age", _counts(replay.by_age), _LABELS)
    return png_of(figure)


def _over_time(axes: Axes, by_day: Mapping[str, FlagCounts]) -> None:
    """Draw the number of flagged films per day; for many days, draw means of several days."""
    days = np.array(sorted(by_day), "datetime64[D]")
    end = days[-1] + np.timedelta64(1, "D")
    step = -(-int((end - days[0]).astype(int)) // _MAX_STEPS)
    edges = np.append(np.arange(days[0], end, np.timedelta64(step, "D")), end)
    spans = np.diff(edges).astype(int)  # the last step may cover fewer days
    for name, colour, flags in (
        (_LABELS[0], BEFORE, [by_day[str(day)].flagged for day in days]),
        (_LABELS[1], AFTER, [by_day[str(day)].new_flagged for day in days]),
    ):
        sums, _ = np.histogram(days.astype(int), edges.astype(int), weights=flags)
        axes.stairs(sums / spans, edges, baseline=None, color=colour, label=name, linewidth=1.8)
    locator = AutoDateLocator()  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    mean = "" if step == 1 else f", mean of {step} days"
    axes.set(title=f"Films flagged per day{mean}", ylim=(0, None))
    axes.margins(x=0)
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2)


def _counts(groups: Mapping[str, FlagCounts]) -> dict[str, tuple[int, int, int]]:
    return {name: (group.films, group.flagged, group.new_flagged) for name, group in groups.items()}
