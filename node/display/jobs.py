"""Print jobs, checks and reloads on a terminal."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from models.gate.image_findings import ImageFindings
from node.display.disclaimer import print_disclaimer
from node.display.tables import grid, plain
from node.domain.config_change import ReloadReport
from node.domain.decision.prediction import Decision
from node.domain.health_check import HealthCheck
from node.domain.workflow.job import Job, JobState
from node.domain.workflow.job_summary import JobDetail, summarise
from node.log import printable

_COLOURS = {
    JobState.DONE: "green",
    JobState.FAILED: "red",
    JobState.REJECTED: "yellow",
    JobState.CANCELLED: "yellow",
}


@contextmanager
def progress_bar(text: str) -> Iterator[Callable[[float], None]]:
    """Show a progress bar on standard error; yield a function that sets the share, 0 to 1."""
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(text, total=1.0)
        yield lambda share: progress.update(task, completed=share)


def print_checks(checks: Sequence[HealthCheck]) -> None:
    """Print each health check on one line."""
    marks = {True: Text("ok", "green"), False: Text("FAILED", "bold red")}
    Console().print(grid((marks[check.ok], check.name, plain(check.detail)) for check in checks))


def print_jobs(jobs: Sequence[Job], counts: Mapping[JobState, int]) -> None:
    """Print jobs as a table, and the number of jobs in each state."""
    table = Table()
    for heading in ("job", "state", "received (UTC)", "from", "score", "flag"):
        table.add_column(heading, no_wrap=True)
    table.add_column("reason or error", min_width=10)
    for job in jobs:
        table.add_row(
            str(job.id),
            Text(job.state, _COLOURS.get(job.state, "cyan")),
            f"{job.received_at:%y-%m-%d %H:%M:%S}",
            plain(job.film.calling_ae),
            *_score_and_flag(job),
            plain(job.reason or job.error),
        )
    console = Console()
    console.print(table)
    console.print("  ".join(f"{state} {count}" for state, count in counts.items() if count))
    _print_disclaimer(console, jobs)


def print_reasons(summary: Mapping[str, Any]) -> None:
    """Print the number of admitted and refused films for each sender and reason."""
    table = Table("from", "outcome", "reason")
    table.add_column("films", justify="right")
    for caller in (*summary["callers"], {"calling_ae": "all", **summary}):
        name = plain(caller["calling_ae"])
        table.add_row(name, Text("admitted", "green"), "", str(caller["admitted"]))
        for reason, films in caller["reasons"].items():
            table.add_row(name, Text("refused", "yellow"), plain(reason), str(films))
        table.add_section()
    Console().print(table)


def print_job(detail: JobDetail) -> None:
    """Print the facts, deliveries and history of one job."""
    console, job = Console(), detail.job
    summary = summarise(detail)
    keys = ("state", "reason", "error", "attempt", "sop_instance_uid", "study_instance_uid")
    facts = grid((key, plain(str(summary[key]))) for key in keys if summary[key] is not None)
    if summary["notes"]:
        facts.add_row("notes", ", ".join(summary["notes"]))
    if job.image_findings:
        facts.add_row("image check", _findings_text(job.image_findings))
    if job.verdict:
        model = job.verdict.model
        facts.add_row("score", Text(_score(job)))
        if job.verdict.shadow_destinations:
            facts.add_row(
                "shadow mode", f"nothing sent to {', '.join(job.verdict.shadow_destinations)}"
            )
        facts.add_row("model", Text(f"{model.name} {model.version} ({model.intended_use})"))
    console.print(facts)
    deliveries = Table("destination", "kind", "state", "attempt", "error")
    for delivery in detail.deliveries:
        deliveries.add_row(
            delivery.destination,
            delivery.kind,
            delivery.state,
            str(delivery.attempt),
            plain(delivery.error),
        )
    if detail.deliveries:
        console.print(deliveries)
    history = Table("at (UTC)", "event", "state", "by", "why")
    for entry in detail.history:
        history.add_row(
            f"{entry.at:%Y-%m-%d %H:%M:%S.%f}"[:-3],
            entry.event,
            entry.state,
            plain(entry.actor),
            plain(entry.reason),
        )
    console.print(history)
    _print_disclaimer(console, [job])


def _findings_text(findings: ImageFindings) -> str:
    """Return the findings of the gate in one line."""
    return (
        f"frontal chest {findings.frontal:.0%}, lateral {findings.side:.0%}, "
        f"AP {findings.ap:.0%}, upright {findings.upright:.0%}, "
        f"inverted {findings.inverted:.0%}, distance {findings.distance:.2f}"
    )


def _print_disclaimer(console: Console, jobs: Sequence[Job]) -> None:
    print_disclaimer(console, (job.verdict.model.intended_use for job in jobs if job.verdict))


def _score_and_flag(job: Job) -> tuple[str, str]:
    if job.verdict is None or job.verdict.decision.score is None:
        return "", ""
    return f"{job.verdict.decision.score:.3f}", _decision_text(job.verdict.decision)[0]


def _score(job: Job) -> str:
    if job.verdict is None or job.verdict.decision.score is None:
        return ""
    decision, score = job.verdict.decision, job.verdict.decision.score
    sign = ">=" if score >= decision.threshold else "<"
    rule = f" (rule {printable(decision.rule)})" if decision.rule else ""
    return f"{score:.3f} {sign} {decision.threshold:.3f} {_decision_text(decision)[1]}{rule}"


def _decision_text(decision: Decision) -> tuple[str, str]:
    """Return the decision as a short text for lists, and as a longer text."""
    if decision.undetermined:
        return "open", "undetermined: within the indeterminate band"
    if decision.already_reported:
        return "known", "known from a prior study, not flagged again"
    return ("yes", "flagged") if decision.flagged else ("no", "not flagged")


def print_reloads(reports: Sequence[ReloadReport]) -> None:
    """Print the last change of the configuration, its requester, and each process."""
    console = Console()
    for report in reports:
        for line in _reload_lines(report):
            console.print(plain(line), soft_wrap=True)


def _reload_lines(report: ReloadReport) -> Iterator[str]:
    yield f"{report.part}, process {report.pid}, reads {report.file}"
    if report.at:
        yield f"last changed {report.at}, requested by {report.requested_by}"
    else:
        yield "unchanged since the start"
    yield from (f"  {change}" for change in report.changes)
    for process in report.processes:
        state = "replaced" if process.replaced else "not replaced"
        pid = "" if process.pid is None else f", process {process.pid}"
        yield f"{process.role}{pid}: {process.error or state}"
