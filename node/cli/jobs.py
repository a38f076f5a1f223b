"""`osteoscreen jobs`: list, show and repair jobs."""

import getpass
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.options import ConfigOption, JsonOption, in_utc, print_json, settings_of
from node.domain.admission.reasons import Reason
from node.domain.workflow.job import JobState

if TYPE_CHECKING:
    from node.jobs.operator import OperatorStore

jobs = typer.Typer(help="List, show and repair jobs.", no_args_is_help=True)

JobArgument = Annotated[str, typer.Argument(help="Job number or SOP Instance UID.")]


@jobs.command("list")
def jobs_list(
    config: ConfigOption = None,
    state: Annotated[
        list[JobState] | None, typer.Option(help="Show only jobs in this state.")
    ] = None,
    reason: Annotated[
        list[Reason] | None, typer.Option(help="Show only jobs of films refused for this reason.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of jobs to show.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List jobs, newest first."""
    from node.display.jobs import print_jobs
    from node.domain.workflow.job_summary import JobDetail, summarise
    from node.runtime.factories import open_operator_store

    store = open_operator_store(settings_of(config))
    recent = store.recent(tuple(state or ()), limit, tuple(str(code) for code in reason or ()))
    if as_json:
        print_json([summarise(JobDetail(job, (), ())) for job in recent])
    else:
        print_jobs(recent, store.counts())


@jobs.command("show")
def jobs_show(job: JobArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show score, deliveries and history of a job."""
    from node.display.jobs import print_job
    from node.domain.workflow.job_summary import summarise
    from node.runtime.factories import open_operator_store

    store = open_operator_store(settings_of(config))
    detail = store.show(store.find(job))
    if as_json:
        print_json(summarise(detail))
    else:
        print_job(detail)


@jobs.command("reasons")
def jobs_reasons(
    config: ConfigOption = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            callback=in_utc,
            help="Count only films received since this day or time (UTC), such as 2026-01-31.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Count admitted and refused films. Group the counts by reason and sender."""
    from node.display.jobs import print_reasons
    from node.domain.admission.refusal_counts import summarise_reasons
    from node.runtime.factories import open_operator_store

    store = open_operator_store(settings_of(config))
    summary = summarise_reasons(store.refusal_counts(since), since)
    if as_json:
        print_json(summary)
    else:
        print_reasons(summary)


@jobs.command("retry")
def jobs_retry(job: JobArgument, config: ConfigOption = None) -> None:
    """Retry a FAILED job. The node scores the film again, or sends the failed results again."""
    _operate(config, job, lambda store, *by: store.retry(*by))


@jobs.command("cancel")
def jobs_cancel(job: JobArgument, config: ConfigOption = None) -> None:
    """Cancel a waiting or FAILED job."""
    _operate(config, job, lambda store, *by: store.cancel(*by))


@jobs.command("resend")
def jobs_resend(
    job: JobArgument,
    config: ConfigOption = None,
    destination: Annotated[str, typer.Option(help="Send results only to this destination.")] = "",
) -> None:
    """Send the results of a job again. The film is not analysed again."""
    _operate(config, job, lambda store, *by: store.resend(*by, destination))


@jobs.command("reanalyse")
def jobs_reanalyse(job: JobArgument, config: ConfigOption = None) -> None:
    """Score a film with the current configuration. The new report replaces the old report."""
    _operate(config, job, lambda store, *by: store.reanalyse(*by))


def _operate(
    config: Path | None, job: str, act: Callable[["OperatorStore", int, str, datetime], JobState]
) -> None:
    from node.runtime.factories import open_operator_store
    from node.workers.loop import utc_now

    store = open_operator_store(settings_of(config))
    job_id = store.find(job)
    state = act(store, job_id, f"operator:{getpass.getuser()}", utc_now())
    typer.echo(f"job {job_id} is {state}")
