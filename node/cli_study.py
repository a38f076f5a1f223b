"""`osteoscreen model evaluate` and `honesty`: what measures a model rather than making one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.display import print_checks
from node.doctor import Check
from node.domain.errors import Misconfigured

if TYPE_CHECKING:
    from models.evaluation.honesty import Verdict

OutOption = Annotated[Path, typer.Option(help="Folder for the report; a broken run resumes there.")]
BundleOption = Annotated[str, typer.Option(help="A bundle's folder, or a shipped one's name.")]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu or cuda.")]


def add_commands(model: typer.Typer) -> None:
    """Put these commands beside those that make models."""
    model.command("evaluate")(evaluate)
    model.command("honesty")(honesty)


def evaluate(
    manifest: Annotated[Path, typer.Argument(help="CSV that lists films, patients and labels.")],
    out: OutOption,
    bundle: BundleOption = "demo",
    device: DeviceOption = "auto",
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


def honesty(
    cohort: Annotated[
        Path, typer.Argument(help="Folder of `model simulate --twins --density-off`.")
    ],
    out: OutOption,
    bundle: BundleOption = "demo",
    device: DeviceOption = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Write the verdicts as JSON.")] = False,
) -> None:
    """Look for leaks on a simulated cohort; status 1 where a guard does not hold."""
    from models.honesty import JSON, examine
    from models.manifest import ManifestError
    from node.inference.predictor import open_bundle

    opened = open_bundle(bundle, device)
    try:
        found = examine(cohort, opened, out)
    except ManifestError as error:
        raise Misconfigured(str(error)) from None
    if as_json:
        typer.echo((out / JSON).read_text("utf-8"), nl=False)
    else:
        print_checks([_in_words(one) for one in found.verdicts])
        typer.echo(f"verdicts: {out / JSON}")
    if not found.holds:
        raise typer.Exit(1)


def _in_words(verdict: "Verdict") -> Check:
    figure = verdict.figure
    detail = (
        f"{verdict.claim}: {figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f}) "
        f"on {verdict.films} films of {verdict.cohort}"
    )
    return Check(verdict.guard, verdict.holds, detail)
