"""What people and programs see of two bundles that are compared."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from node.challenger.accuracy_comparison import Diagnosis, Estimate
from node.challenger.agreement import Crossed, ScoreAgreement
from node.challenger.comparison import Compared, Comparison, GroupFlags, Report, Seconds, Side
from node.display.accuracy import accuracy_json, add_accuracies
from node.display.disclaimer import print_disclaimer
from node.domain.decision.prediction import Decision
from node.log import printable

_FLIPS_SHOWN = 20
_GROUPS = (("sex", "by_sex"), ("age", "by_age"), ("source", "by_source"))


def as_json(report: Report) -> dict[str, Any]:
    """Return all of it for programs; differences are challenger minus serving."""
    made = report.made
    return {
        "serving": _side(report.serving),
        "challenger": _side(report.challenger),
        "since": report.since,
        "other_models": report.others,
        "coverage": asdict(made.coverage),
        "scores": {name: asdict(one) | {"limits": one.limits} for name, one in made.scores.items()},
        "flags": _crossed(made.flags)
        | {"undetermined": dict(zip(("serving", "challenger"), made.undetermined, strict=True))},
        **{
            attribute: {name: asdict(one) for name, one in getattr(made, attribute).items()}
            for _, attribute in _GROUPS
        },
        "seconds": {
            name: asdict(one)
            for name, one in zip(("serving", "challenger"), made.seconds, strict=True)
        },
        "flips": [_flip(film) for film in made.flips],
        "outcomes": None if report.diagnosis is None else _diagnosis(report.diagnosis),
    }


def print_report(report: Report, console: Console) -> None:
    """Print how both compare, and on which films they differ."""
    made = report.made
    for name, side in (("serving", report.serving), ("challenger", report.challenger)):
        console.print(
            Text(f"{name}: {side.bundle} {side.model[:12]}, policy {side.policy.digest[:12]}")
        )
    print_disclaimer(console, report.uses)
    for line in _coverage(report):
        console.print(line)
    if not made.films:
        console.print("no film has both scores yet")
        return
    console.print(_scores(made.scores))
    console.print(_flags(made))
    console.print(_agreement(made))
    for title, attribute in _GROUPS:
        console.print(_groups(title, getattr(made, attribute)))
    _print_flips(console, made)
    console.print(_cost(made.seconds))
    if report.diagnosis is not None:
        console.print(_outcomes(report.diagnosis))
        console.print(_tests(report.diagnosis))


def _coverage(report: Report) -> Iterator[str]:
    made = report.made.coverage
    if report.since is None:
        yield "the challenger has looked at no film yet: is its role running?"
        return
    yield (
        f"films received since {report.since:%Y-%m-%d %H:%M} UTC: {made.films} scored by the "
        f"serving bundle, {made.compared} of them by both"
    )
    told = {
        "wait for the challenger": made.waiting,
        "are not of its share": made.left_out,
        "were purged before it could score them": made.gone,
        "were turned away by it": made.rejected,
        "failed": made.failed,
    }
    yield from (f"  {count} {what}" for what, count in told.items() if count)
    if report.others:
        yield f"  {report.others} more were scored by another bundle and are left out"


def _scores(scores: Mapping[str, ScoreAgreement]) -> Table:
    table = Table(
        "score",
        "films",
        "mean difference",
        "SD",
        "limits of agreement",
        "Spearman",
        "concordance",
        title="scores, challenger minus serving",
        title_justify="left",
    )
    _to_the_right(table)
    for name, one in scores.items():
        limits = "" if one.limits is None else f"{one.limits[0]:+.4f} to {one.limits[1]:+.4f}"
        sd, rank, same = (_number(value, "") for value in (one.sd, one.spearman, one.concordance))
        table.add_row(name, str(one.films), _number(one.mean), sd, limits, rank, same)
    return table


def _flags(made: Comparison) -> Table:
    flags = made.flags
    table = Table("each by its own thresholds", "challenger flags", "challenger does not")
    _to_the_right(table)
    table.add_row("serving flags", str(flags.both), str(flags.first_only))
    table.add_row("serving does not", str(flags.second_only), str(flags.neither))
    return table


def _agreement(made: Comparison) -> str:
    kappa = _number(made.flags.kappa, "") or "undefined"
    one, other = made.undetermined
    return (
        f"kappa {kappa}, McNemar's exact p {_p(made.flags.p)}; "
        f"undetermined {one} by serving, {other} by challenger"
    )


def _groups(title: str, groups: Mapping[str, GroupFlags]) -> Table:
    table = Table(title, "films", "serving flags", "challenger flags", "flips", "mean difference")
    _to_the_right(table)
    for name, one in groups.items():
        table.add_row(
            Text(printable(name)),
            str(one.films),
            _of(one.flagged, one.films),
            _of(one.challenger_flagged, one.films),
            str(one.flips),
            _number(one.difference),
        )
    return table


def _print_flips(console: Console, made: Comparison) -> None:
    flips = made.flips
    if not flips:
        console.print("both flag the same films")
        return
    table = Table("job", "flagged by", "serving", "threshold", "challenger", "threshold", "rule")
    for film in flips[-_FLIPS_SHOWN:]:
        one, other = film.serving, film.challenger
        table.add_row(
            str(film.job_id),
            "serving" if film.flags[0] else "challenger",
            _number(one.score, ""),
            f"{one.threshold:.4f}",
            _number(other.score, ""),
            f"{other.threshold:.4f}",
            Text(printable(other.rule)),
        )
    console.print(table)
    console.print(f"{len(flips)} films are flagged by one alone; --json lists all of them")


def _cost(seconds: tuple[Seconds, Seconds]) -> Table:
    table = Table("seconds a film, the model alone", "films", "mean", "median")
    _to_the_right(table)
    for name, one in zip(("serving", "challenger"), seconds, strict=True):
        table.add_row(name, str(one.films), _number(one.mean, ""), _number(one.median, ""))
    return table


def _outcomes(found: Diagnosis) -> Table:
    one, other = found.serving, found.challenger
    title = f"against densitometry: {one.patients} patients, each counted once"
    table = Table("", "serving", "challenger", title=title, title_justify="left")
    add_accuracies(table, (one, other))
    if found.areas is not None:
        areas = found.areas
        table.add_row(
            "area under the curve", *(_estimate(a) for a in (areas.serving, areas.challenger))
        )
    return table


def _tests(found: Diagnosis) -> Table:
    table = Table("challenger minus serving", "difference", "p", "test")
    for name, crossed in (("sensitivity", found.found), ("specificity", found.spared)):
        if apart := _apart(crossed):
            table.add_row(name, apart, _p(crossed.p), "McNemar's, exact")
    if found.areas is not None:
        difference = found.areas.difference
        table.add_row("area", _estimate(difference, "+"), _p(found.areas.p), "DeLong's")
    else:
        table.add_row("area", "too few patients", "", "DeLong's")
    return table


def _apart(crossed: Crossed) -> str:
    """Return by how much the second is right more often; nothing of nobody."""
    if not crossed.films:
        return ""
    return f"{(crossed.second_only - crossed.first_only) / crossed.films:+.1%}"


def _to_the_right(table: Table) -> None:
    for column in table.columns[1:]:
        column.justify = "right"


def _number(value: float | None, sign: str = "+") -> str:
    return "" if value is None else f"{value:{sign}.4f}"


def _p(value: float) -> str:
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"


def _of(count: int, films: int) -> str:
    return f"{count} ({count / films:.1%})"


def _estimate(one: Estimate, sign: str = "") -> str:
    return f"{one.value:{sign}.3f} ({one.low:{sign}.3f} to {one.high:{sign}.3f})"


def _side(side: Side) -> dict[str, Any]:
    policy = {"digest": side.policy.digest, **side.policy.as_dict()}
    use = side.intended_use
    return {"bundle": side.bundle, "digest": side.model, "intended_use": use, "policy": policy}


def _crossed(crossed: Crossed) -> dict[str, Any]:
    return {
        "both": crossed.both,
        "serving_only": crossed.first_only,
        "challenger_only": crossed.second_only,
        "neither": crossed.neither,
        "kappa": crossed.kappa,
        "p": crossed.p,
    }


def _flip(film: Compared) -> dict[str, Any]:
    return {
        "job_id": film.job_id,
        "flagged_by": "serving" if film.flags[0] else "challenger",
        "serving": _decision(film.serving),
        "challenger": _decision(film.challenger),
    }


def _decision(decision: Decision) -> dict[str, Any]:
    kept = ("finding", "score", "used", "threshold", "rule")
    return {name: getattr(decision, name) for name in kept}


def _diagnosis(found: Diagnosis) -> dict[str, Any]:
    return {
        "serving": accuracy_json(found.serving),
        "challenger": accuracy_json(found.challenger),
        "with_osteoporosis": _crossed(found.found),
        "without": _crossed(found.spared),
        "areas": None if found.areas is None else asdict(found.areas),
    }
