"""`osteoscreen jobs`: films on their way through the node, for who operates it."""

import getpass
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.options import ConfigOption, JsonOption, print_json, settings_of
from node.domain.admission.reasons import Reason
from node.domain.workflow.job import JobState

if TYPE_CHECKING:
    from node.jobs.operator import OperatorStore

jobs = typer.Typer(help="Films on their way through the node.", no_args_is_help=True)

JobArgument = Annotated[str, typer.Argument(help="The job's number, or its SOP Instance UID.")]


@jobs.command("list")
def jobs_list(
    config: ConfigOption = None,
    state: Annotated[list[JobState] | None, typer.Option(help="Only jobs in this state.")] = None,
    reason: Annotated[
        list[Reason] | None, typer.Option(help="Only jobs that were refused for this.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List jobs, newest first."""
    from node.display.jobs import print_jobs
    from node.domain.workflow.job_summary import JobDetail, summarise
    from node.runtime.factories import open_operator_store

    desk = open_operator_store(settings_of(config)[1])
    found = desk.recent(tuple(state or ()), limit, tuple(str(one) for one in reason or ()))
    if as_json:
        print_json([summarise(JobDetail(job, (), ())) for job in found])
    else:
        print_jobs(found, desk.counts())


@jobs.command("show")
def jobs_show(job: JobArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show one job: facts, score, deliveries, history."""
    from node.display.jobs import print_dossier
    from node.domain.workflow.job_summary import summarise
    from node.runtime.factories import open_operator_store

    desk = open_operator_store(settings_of(config)[1])
    dossier = desk.show(desk.find(job))
    if as_json:
        print_json(summarise(dossier))
    else:
        print_dossier(dossier)


@jobs.command("reasons")
def jobs_reasons(
    config: ConfigOption = None,
    since: Annotated[
        datetime | None,
        typer.Option(help="Only films received from this day or time on, UTC: 2026-01-31."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Count films admitted and refused, by reason and by who sent them."""
    from node.display.jobs import print_reasons
    from node.domain.admission.refusal_counts import summarise_reasons
    from node.runtime.factories import open_operator_store

    begin = since.replace(tzinfo=UTC) if since else None
    summary = summarise_reasons(
        open_operator_store(settings_of(config)[1]).refusal_counts(begin), begin
    )
    if as_json:
        print_json(summary)
    else:
        print_reasons(summary)


@jobs.command("retry")
def jobs_retry(job: JobArgument, config: ConfigOption = None) -> None:
    """Give a FAILED job its attempts anew."""
    _operate(config, job, lambda desk, *by: desk.retry(*by))


@jobs.command("cancel")
def jobs_cancel(job: JobArgument, config: ConfigOption = None) -> None:
    """End a job that waits or has FAILED."""
    _operate(config, job, lambda desk, *by: desk.cancel(*by))


@jobs.command("resend")
def jobs_resend(
    job: JobArgument,
    config: ConfigOption = None,
    destination: Annotated[str, typer.Option(help="To this destination alone.")] = "",
) -> None:
    """Send a job's results again, as they are."""
    _operate(config, job, lambda desk, *by: desk.resend(*by, destination))


@jobs.command("reanalyse")
def jobs_reanalyse(job: JobArgument, config: ConfigOption = None) -> None:
    """Score a film again by what is configured now; another report names the one it replaces."""
    _operate(config, job, lambda desk, *by: desk.reanalyse(*by))


def _operate(
    config: Path | None, job: str, act: Callable[["OperatorStore", int, str, datetime], JobState]
) -> None:
    from node.runtime.factories import open_operator_store
    from node.workers.loop import utc_now

    desk = open_operator_store(settings_of(config)[1])
    job_id = desk.find(job)
    state = act(desk, job_id, f"operator:{getpass.getuser()}", utc_now())
    typer.echo(f"job {job_id} is {state}")
