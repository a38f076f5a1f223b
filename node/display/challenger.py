"""The challenger's report, as text and as JSON."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any, TypeVar

from rich.console import Console
from rich.table import Table
from rich.text import Text

from node.challenger.accuracy_comparison import AccuracyComparison, Estimate
from node.challenger.agreement import PairedCounts, ScoreAgreement
from node.challenger.comparison import (
    BundleComparison,
    ChallengerReport,
    ComparedBundle,
    ComparedFilm,
    GroupFlags,
    SecondsPerFilm,
)
from node.display.accuracy import accuracy_json, accuracy_table
from node.display.disclaimer import print_disclaimer
from node.display.tables import count_with_share, number_table, plain
from node.domain.decision.prediction import Decision

_LISTED_FLIPS = 20

T = TypeVar("T")


def report_json(report: ChallengerReport) -> dict[str, Any]:
    """Return the challenger's report as JSON; differences are challenger minus serving."""
    comparison = report.comparison
    return {
        "serving": _bundle_json(report.serving),
        "challenger": _bundle_json(report.challenger),
        "since": report.since,
        "other_models": report.other_films,
        "coverage": asdict(comparison.coverage),
        "scores": {
            name: asdict(agreement) | {"limits": agreement.limits}
            for name, agreement in comparison.scores.items()
        },
        "flags": _counts_json(comparison.flags)
        | {"undetermined": _by_bundle(comparison.undetermined)},
        "by_sex": _groups_json(comparison.by_sex),
        "by_age": _groups_json(comparison.by_age),
        "by_source": _groups_json(comparison.by_source),
        "seconds": _by_bundle(map(asdict, comparison.seconds)),
        "flips": [_flip_json(film) for film in comparison.flips],
        "outcomes": None if report.accuracy is None else _accuracy_json(report.accuracy),
    }


def print_report(report: ChallengerReport, console: Console) -> None:
    """Print the comparison of two bundles, and the films that only one bundle flags."""
    comparison = report.comparison
    for name, bundle in (("serving", report.serving), ("challenger", report.challenger)):
        text = f"{name}: {bundle.bundle} {bundle.digest[:12]}, policy {bundle.policy.digest[:12]}"
        console.print(Text(text))
    print_disclaimer(console, report.intended_uses)
    for line in _coverage(report):
        console.print(line)
    if not comparison.films:
        console.print("no film has both scores yet")
        return
    console.print(_scores(comparison.scores))
    console.print(_flags(comparison))
    console.print(_agreement(comparison))
    console.print(_groups("sex", comparison.by_sex))
    console.print(_groups("age", comparison.by_age))
    console.print(_groups("source", comparison.by_source))
    _print_flips(console, comparison)
    console.print(_seconds(comparison.seconds))
    if report.accuracy is not None:
        console.print(_accuracy(report.accuracy))
        console.print(_tests(report.accuracy))


def _coverage(report: ChallengerReport) -> Iterator[str]:
    coverage = report.comparison.coverage
    if report.since is None:
        yield "the challenger has scored no film yet; check that its role runs"
        return
    yield (
        f"films received since {report.since:%Y-%m-%d %H:%M} UTC: {coverage.films} scored by the "
        f"serving bundle, {coverage.compared} of them by both"
    )
    counts = {
        "wait for the challenger": coverage.waiting,
        "are not part of its share": coverage.left_out,
        "were purged before it could score them": coverage.gone,
        "were refused by it": coverage.rejected,
        "failed": coverage.failed,
    }
    yield from (f"  {count} {text}" for text, count in counts.items() if count)
    if report.other_films:
        yield f"  {report.other_films} were scored by another bundle and are not compared"


def _scores(scores: Mapping[str, ScoreAgreement]) -> Table:
    table = number_table(
        "score",
        "films",
        "mean difference",
        "SD",
        "limits of agreement",
        "Spearman",
        "concordance",
        title="scores, challenger minus serving",
    )
    for name, agreement in scores.items():
        limits = agreement.limits
        table.add_row(
            name,
            str(agreement.films),
            _number(agreement.mean),
            _number(agreement.sd, ""),
            "" if limits is None else f"{limits[0]:+.4f} to {limits[1]:+.4f}",
            _number(agreement.spearman, ""),
            _number(agreement.concordance, ""),
        )
    return table


def _flags(comparison: BundleComparison) -> Table:
    flags = comparison.flags
    table = number_table("flags by own thresholds", "challenger flags", "challenger does not")
    table.add_row("serving flags", str(flags.both), str(flags.first_only))
    table.add_row("serving does not", str(flags.second_only), str(flags.neither))
    return table


def _agreement(comparison: BundleComparison) -> str:
    kappa = _number(comparison.flags.kappa, "") or "undefined"
    serving, challenger = comparison.undetermined
    return (
        f"kappa {kappa}, McNemar's exact p {_p(comparison.flags.p)}; "
        f"undetermined: {serving} by serving, {challenger} by challenger"
    )


def _groups(title: str, groups: Mapping[str, GroupFlags]) -> Table:
    headings = ("films", "serving flags", "challenger flags", "flips", "mean difference")
    table = number_table(title, *headings)
    for name, group in groups.items():
        table.add_row(
            plain(name),
            str(group.films),
            count_with_share(group.flagged, group.films),
            count_with_share(group.challenger_flagged, group.films),
            str(group.flips),
            _number(group.difference),
        )
    return table


def _print_flips(console: Console, comparison: BundleComparison) -> None:
    flips = comparison.flips
    if not flips:
        console.print("both bundles flag the same films")
        return
    table = Table("job", "flagged by", "serving", "threshold", "challenger", "threshold", "rule")
    for film in flips[-_LISTED_FLIPS:]:
        serving, challenger = film.serving, film.challenger
        table.add_row(
            str(film.job_id),
            "serving" if film.flags[0] else "challenger",
            _number(serving.score, ""),
            f"{serving.threshold:.4f}",
            _number(challenger.score, ""),
            f"{challenger.threshold:.4f}",
            plain(challenger.rule),
        )
    console.print(table)
    console.print(f"{len(flips)} films are flagged by one bundle only; --json lists all of them")


def _seconds(pair: tuple[SecondsPerFilm, SecondsPerFilm]) -> Table:
    table = number_table("seconds per film, model only", "films", "mean", "median")
    for name, seconds in _by_bundle(pair).items():
        mean, median = _number(seconds.mean, ""), _number(seconds.median, "")
        table.add_row(name, str(seconds.films), mean, median)
    return table


def _accuracy(accuracy: AccuracyComparison) -> Table:
    title = f"against densitometry: {accuracy.serving.patients} patients, each counted once"
    by_bundle = {"serving": accuracy.serving, "challenger": accuracy.challenger}
    table = accuracy_table(title, by_bundle)
    if accuracy.areas is not None:
        areas = accuracy.areas
        table.add_row("area under the curve", _estimate(areas.serving), _estimate(areas.challenger))
    return table


def _tests(accuracy: AccuracyComparison) -> Table:
    table = Table("challenger minus serving", "difference", "p", "test")
    for name, counts in (
        ("sensitivity", accuracy.with_osteoporosis),
        ("specificity", accuracy.without_osteoporosis),
    ):
        if counts.films:
            difference = (counts.second_only - counts.first_only) / counts.films
            table.add_row(name, f"{difference:+.1%}", _p(counts.p), "McNemar's, exact")
    if accuracy.areas is not None:
        area = accuracy.areas.difference
        table.add_row("area", _estimate(area, "+"), _p(accuracy.areas.p), "DeLong's")
    else:
        table.add_row("area", "too few patients", "", "DeLong's")
    return table


def _number(value: float | None, sign: str = "+") -> str:
    return "" if value is None else f"{value:{sign}.4f}"


def _p(value: float) -> str:
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"


def _estimate(estimate: Estimate, sign: str = "") -> str:
    return f"{estimate.value:{sign}.3f} ({estimate.low:{sign}.3f} to {estimate.high:{sign}.3f})"


def _by_bundle(pair: Iterable[T]) -> dict[str, T]:
    return dict(zip(("serving", "challenger"), pair, strict=True))


def _groups_json(groups: Mapping[str, GroupFlags]) -> dict[str, dict[str, Any]]:
    return {name: asdict(group) for name, group in groups.items()}


def _bundle_json(bundle: ComparedBundle) -> dict[str, Any]:
    return {
        "bundle": bundle.bundle,
        "digest": bundle.digest,
        "intended_use": bundle.intended_use,
        "policy": {"digest": bundle.policy.digest, **bundle.policy.as_dict()},
    }


def _counts_json(counts: PairedCounts) -> dict[str, Any]:
    return {
        "both": counts.both,
        "serving_only": counts.first_only,
        "challenger_only": counts.second_only,
        "neither": counts.neither,
        "kappa": counts.kappa,
        "p": counts.p,
    }


def _flip_json(film: ComparedFilm) -> dict[str, Any]:
    return {
        "job_id": film.job_id,
        "flagged_by": "serving" if film.flags[0] else "challenger",
        "serving": _decision_json(film.serving),
        "challenger": _decision_json(film.challenger),
    }


def _decision_json(decision: Decision) -> dict[str, Any]:
    keys = ("finding", "score", "used", "threshold", "rule")
    stored = decision.as_dict()
    return {key: stored[key] for key in keys}


def _accuracy_json(accuracy: AccuracyComparison) -> dict[str, Any]:
    return {
        "serving": accuracy_json(accuracy.serving),
        "challenger": accuracy_json(accuracy.challenger),
        "with_osteoporosis": _counts_json(accuracy.with_osteoporosis),
        "without": _counts_json(accuracy.without_osteoporosis),
        "areas": None if accuracy.areas is None else asdict(accuracy.areas),
    }
