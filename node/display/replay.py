"""Display of a replay, and of the faults of an imported table."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from node.display.accuracy import accuracy_json, accuracy_table
from node.display.disclaimer import print_disclaimer
from node.display.tables import count_with_share, number_table, plain
from node.log import printable
from node.replay.densitometry import ReplayResult
from node.replay.densitometry_csv import TableFault
from node.replay.replay import FlagCounts, Replay

_MAX_FLIPS = 20
_MAX_FAULTS = 20
_MAX_DAYS = 14


def as_json(result: ReplayResult) -> dict[str, Any]:
    """Return the result as JSON."""
    replay = result.replay
    return {
        "policy": {"digest": result.policy.digest, **result.policy.as_dict()},
        "model": result.model,
        "intended_use": result.intended_use,
        "other_models": result.other_films,
        "films": asdict(replay.total),
        "by_day": _counts_json(replay.by_day),
        "by_sex": _counts_json(replay.by_sex),
        "by_age": _counts_json(replay.by_age),
        "rules": dict(replay.rules),
        "flips": [flip._asdict() for flip in replay.flips],
        "outcomes": None
        if result.agreement is None
        else {
            "before": accuracy_json(result.agreement.before),
            "after": accuracy_json(result.agreement.after),
        },
    }


def print_replay(result: ReplayResult) -> None:
    """Print the changes of flags by group and by film."""
    console, replay = Console(), result.replay
    console.print(f"policy {result.policy.digest[:12]} on the scores of bundle {result.model[:12]}")
    print_disclaimer(console, [result.intended_use])
    if result.other_films:
        text = "films of other bundles are excluded: their scores are not comparable"
        console.print(f"{result.other_films} {text}")
    if not replay.total.films:
        console.print("no stored scores of this bundle")
        return
    for title, groups in (("sex", replay.by_sex), ("age", replay.by_age)):
        console.print(_groups(title, {**groups, "all": replay.total}))
    days = dict(list(replay.by_day.items())[-_MAX_DAYS:])
    console.print(_groups("day (UTC), the latest", days))
    console.print(f"flagged per day: {_daily(replay)}")
    if len(replay.rules) > 1:
        rules = ", ".join(f"{printable(rule)} {films}" for rule, films in replay.rules.items())
        console.print(Text(f"films by rule: {rules}"))
    _print_flips(console, replay)
    if result.agreement is not None:
        before, after = result.agreement.before, result.agreement.after
        title = f"compared with densitometry: {before.patients} patients"
        console.print(accuracy_table(title, {"as stored": before, "new policy": after}))


def print_faults(faults: Sequence[TableFault]) -> None:
    """Print the faulty lines of a table on standard error."""
    console = Console(stderr=True)
    for fault in faults[:_MAX_FAULTS]:
        console.print(f"line {fault.line}: {fault.reason}", markup=False)
    if len(faults) > _MAX_FAULTS:
        console.print(f"and {len(faults) - _MAX_FAULTS} more")


def _daily(replay: Replay) -> str:
    days = len(replay.by_day)
    return f"{replay.total.flagged / days:.1f} before, {replay.total.new_flagged / days:.1f} after"


def _groups(title: str, groups: Mapping[str, FlagCounts]) -> Table:
    table = number_table(title, "films", "flagged", "new", "change", "undetermined", "new")
    for name, counts in groups.items():
        table.add_row(
            plain(name),
            str(counts.films),
            count_with_share(counts.flagged, counts.films),
            count_with_share(counts.new_flagged, counts.films),
            f"{counts.new_flagged - counts.flagged:+d}",
            str(counts.undetermined),
            str(counts.new_undetermined),
        )
    return table


def _print_flips(console: Console, replay: Replay) -> None:
    if not replay.flips:
        console.print("the flag of no film changes")
        return
    table = Table("job", "becomes", "score", "threshold", "new", "rule")
    for flip in replay.flips[-_MAX_FLIPS:]:
        score = "" if flip.score is None else f"{flip.score:.3f}"
        thresholds = f"{flip.before:.3f}", f"{flip.after:.3f}"
        table.add_row(str(flip.job_id), str(flip.change), score, *thresholds, plain(flip.rule))
    console.print(table)
    console.print(f"the flags of {len(replay.flips)} films change; --json lists all of them")


def _counts_json(groups: Mapping[str, FlagCounts]) -> dict[str, dict[str, int]]:
    return {name: asdict(counts) for name, counts in groups.items()}
