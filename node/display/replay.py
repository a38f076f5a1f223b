"""What people and programs see of a replay, and of an import of outcomes."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from node.display.accuracy import accuracy_json, add_accuracies
from node.display.disclaimer import print_disclaimer
from node.log import printable
from node.replay.densitometry import Agreement, Replayed
from node.replay.densitometry_csv import Fault
from node.replay.replay import Replay, Tally

_FLIPS_SHOWN = 20
_FAULTS_SHOWN = 20
_DAYS_SHOWN = 14


def as_json(done: Replayed) -> dict[str, Any]:
    """Return all of it for programs."""
    made = done.replay
    return {
        "policy": {"digest": done.policy.digest, **done.policy.as_dict()},
        "model": done.model,
        "intended_use": done.intended_use,
        "other_models": done.others,
        "films": asdict(made.all),
        "by_day": _tallies(made.by_day),
        "by_sex": _tallies(made.by_sex),
        "by_age": _tallies(made.by_age),
        "rules": dict(made.rules),
        "flips": [flip._asdict() for flip in made.flips],
        "outcomes": None
        if done.agreement is None
        else {
            "before": accuracy_json(done.agreement.before),
            "after": accuracy_json(done.agreement.after),
        },
    }


def print_replay(done: Replayed) -> None:
    """Print what would change, and for whom."""
    console, made = Console(), done.replay
    console.print(f"policy {done.policy.digest[:12]} on the scores of bundle {done.model[:12]}")
    print_disclaimer(console, [done.intended_use])
    if done.others:
        console.print(
            f"{done.others} films of other bundles are left out: their scores mean other things"
        )
    if not made.all.films:
        console.print("no score of this bundle is stored")
        return
    for title, groups in (("sex", made.by_sex), ("age", made.by_age)):
        console.print(_groups(title, {**groups, "all": made.all}))
    days = dict(list(made.by_day.items())[-_DAYS_SHOWN:])
    console.print(_groups("day (UTC), the latest", days))
    console.print(f"flagged a day: {_daily(made)}")
    if len(made.rules) > 1:
        told = ", ".join(f"{printable(rule)} {films}" for rule, films in made.rules.items())
        console.print(Text(f"films by rule: {told}"))
    _print_flips(console, made)
    if done.agreement is not None:
        console.print(_agreement(done.agreement))


def print_faults(faults: Sequence[Fault]) -> None:
    """Print why a table was not imported, line by line, on standard error."""
    console = Console(stderr=True)
    for fault in faults[:_FAULTS_SHOWN]:
        console.print(f"line {fault.line}: {fault.reason}", markup=False)
    if len(faults) > _FAULTS_SHOWN:
        console.print(f"and {len(faults) - _FAULTS_SHOWN} more")


def _daily(made: Replay) -> str:
    days = len(made.by_day)
    return f"{made.all.flagged / days:.1f} before, {made.all.new_flagged / days:.1f} after"


def _groups(title: str, groups: Mapping[str, Tally]) -> Table:
    table = Table(title, "films", "flagged", "would be", "change", "open", "would be")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, tally in groups.items():
        table.add_row(
            Text(printable(name)),
            str(tally.films),
            _of(tally.flagged, tally.films),
            _of(tally.new_flagged, tally.films),
            f"{tally.new_flagged - tally.flagged:+d}",
            str(tally.undetermined),
            str(tally.new_undetermined),
        )
    return table


def _of(count: int, films: int) -> str:
    return f"{count} ({count / films:.1%})"


def _print_flips(console: Console, made: Replay) -> None:
    if not made.flips:
        console.print("no film changes its flag")
        return
    shown = made.flips[-_FLIPS_SHOWN:]
    table = Table("job", "becomes", "score", "threshold", "would be", "rule")
    for flip in shown:
        score = "" if flip.score is None else f"{flip.score:.3f}"
        rule = Text(printable(flip.rule))
        thresholds = f"{flip.before:.3f}", f"{flip.after:.3f}"
        table.add_row(str(flip.job_id), str(flip.change), score, *thresholds, rule)
    console.print(table)
    console.print(f"{len(made.flips)} films change their flag; --json lists all of them")


def _agreement(agreement: Agreement) -> Table:
    before, after = agreement.before, agreement.after
    title = f"against densitometry: {before.patients} patients, each counted once"
    table = Table("", "as stored", "would be", title=title, title_justify="left")
    add_accuracies(table, (before, after))
    return table


def _tallies(groups: Mapping[str, Tally]) -> dict[str, dict[str, int]]:
    return {name: asdict(tally) for name, tally in groups.items()}
