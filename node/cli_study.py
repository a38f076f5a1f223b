"""`osteoscreen model evaluate` and what else measures a model rather than making one."""

from pathlib import Path
from typing import Annotated

import typer

from node.domain.errors import Misconfigured


def add_commands(model: typer.Typer) -> None:
    """Put these commands beside those that make models."""
    model.command("evaluate")(evaluate)


def evaluate(
    manifest: Annotated[Path, typer.Argument(help="CSV that lists films, patients and labels.")],
    out: Annotated[Path, typer.Option(help="Folder for the report; a broken run resumes there.")],
    bundle: Annotated[
        str, typer.Option(help="A bundle's folder, or a shipped one's name.")
    ] = "demo",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Write the report as JSON.")] = False,
) -> None:
    """Measure a bundle on films of known label: report.html, report.json, figures."""
    from models.manifest import ManifestError
    from node.inference.predictor import open_bundle

    try:
        from models import evaluate as evaluation
    except ModuleNotFoundError as error:
        raise Misconfigured(
            f"evaluating needs {error.name}: pip install 'osteoscreen[research]'"
        ) from None
    opened = open_bundle(bundle, device)
    try:
        report = evaluation.evaluate(manifest, opened, out)
    except ManifestError as error:
        raise Misconfigured(str(error)) from None
    if as_json:
        typer.echo((out / evaluation.JSON).read_text("utf-8"), nl=False)
        return
    for cohort in report.study.cohorts:
        area = cohort.models["image"].auc
        typer.echo(f"{cohort.name}: AUC {area.value:.3f} ({area.low:.3f} to {area.high:.3f})")
    typer.echo(f"report: {out / evaluation.HTML}")
