"""The commands of `osteoscreen model` that evaluate a model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.options import JsonOption, add_renamed_command
from node.display.jobs import print_checks
from node.display.tables import print_figures
from node.domain.errors import Misconfigured
from node.domain.health_check import HealthCheck

if TYPE_CHECKING:
    from models.evaluation.folds import HeldOutAuc
    from models.evaluation.leakage_checks import LeakageCheck

OutOption = Annotated[
    Path, typer.Option(help="Folder for the report. To resume a stopped run, name the same folder.")
]
BundleOption = Annotated[
    str, typer.Option(help="Folder of a bundle, or the name of a shipped bundle.")
]
DeviceOption = Annotated[str, typer.Option(help="Device: auto, cpu or cuda.")]
SizeOption = Annotated[
    int, typer.Option(help="Size in pixels of the films that the net reads, a multiple of 192.")
]
BatchOption = Annotated[int, typer.Option(min=2, help="Number of films in a training step.")]
SeedOption = Annotated[int, typer.Option(min=0, help="Seed of the random numbers.")]


def add_commands(model: typer.Typer) -> None:
    """Add the commands of this module to `osteoscreen model`."""
    model.command("evaluate")(evaluate)
    model.command("ablate")(ablate)
    model.command("cross-validate")(cross_validate)
    model.command("leakage")(leakage)
    add_renamed_command(model, "model honesty", "model leakage")


def evaluate(
    manifest: Annotated[Path, typer.Argument(help="Manifest: a CSV file of labelled films.")],
    out: OutOption,
    bundle: BundleOption = "demo",
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Evaluate a bundle on labelled films. Write report.html, report.json and figures."""
    from models.evaluation import run as evaluation
    from node.inference.predictor import open_bundle

    report = evaluation.evaluate(manifest, open_bundle(bundle, device), out)
    if as_json:
        typer.echo((out / evaluation.JSON).read_text("utf-8"), nl=False)
        return
    for cohort in report.analysis.cohorts:
        typer.echo(f"{cohort.name}: AUC {cohort.models['image'].auc.text()}")
    typer.echo(f"report: {out / evaluation.HTML}")


def ablate(  # noqa: PLR0913 - the options of a command
    manifest: Annotated[
        Path, typer.Argument(help="Manifest with films for training, validation and test.")
    ],
    out: OutOption,
    size: SizeOption = 192,
    steps: Annotated[
        int, typer.Option(min=1, help="Number of training steps for each variant.")
    ] = 2000,
    start: Annotated[
        str, typer.Option("--from", help="Start each variant with this bundle's ResNet weights.")
    ] = "",
    batch: BatchOption = 8,
    seed: SeedOption = 1,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Compare variants of the net. The command trains and tests each variant."""
    from models.experiments.ablation_run import JSON, MARKDOWN, AblationOptions
    from models.experiments.ablation_run import ablate as compare_variants
    from models.nets.grid import GridConfig
    from node.inference.predictor import open_bundle

    try:
        config = GridConfig(size=size)
    except ValueError as error:
        raise Misconfigured(str(error)) from None
    opened = open_bundle(start, "cpu") if start else None
    options = AblationOptions(out, config, steps, batch, seed, device, opened)
    rows = compare_variants(manifest, options)
    if as_json:
        typer.echo((out / JSON).read_text("utf-8"), nl=False)
        return
    for row in rows:
        areas = ", ".join(f"{result.site} {result.auc.value:.3f}" for result in row.sites)
        typer.echo(f"{row.variant}: AUC {areas}")
    typer.echo(f"table: {out / MARKDOWN}")


def cross_validate(  # noqa: PLR0913 - the options of a command
    manifest: Annotated[Path, typer.Argument(help="Manifest: a CSV file of labelled films.")],
    out: OutOption,
    folds: Annotated[int, typer.Option(min=2, help="Number of folds.")] = 5,
    start: Annotated[
        str, typer.Option("--from", help="Start each fold with the weights of this bundle.")
    ] = "",
    size: SizeOption = 384,
    steps: Annotated[
        int, typer.Option(min=1, help="Number of training steps for each fold.")
    ] = 1000,
    batch: BatchOption = 8,
    seed: SeedOption = 1,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Train and test the net on folds of patients. Compare the net with a ridge regression."""
    from models.experiments import cross_validation
    from node.inference.predictor import open_bundle

    opened = open_bundle(start, "cpu") if start else None
    options = cross_validation.CrossValidationOptions(
        out, folds, size, steps, batch, seed, device, opened
    )
    report = cross_validation.cross_validate(manifest, options)
    if as_json:
        typer.echo((out / cross_validation.JSON).read_text("utf-8"), nl=False)
        return
    results = report.results
    areas = [("net", _describe_auc(results.net)), ("ridge", _describe_auc(results.ridge))]
    print_figures(f"{report.films} films, {folds} folds, {report.start}", areas)
    typer.echo(f"results: {out / cross_validation.JSON}")


def _describe_auc(held_out: "HeldOutAuc") -> str:
    folds = " ".join(f"{fold:.3f}" for fold in held_out.folds)
    return f"AUC {held_out.pooled.text()}; folds {folds}"


def leakage(
    cohort: Annotated[
        Path, typer.Argument(help="Folder that `model simulate --twins --density-off` wrote.")
    ],
    out: OutOption,
    bundle: BundleOption = "demo",
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Test a bundle for label leakage. The exit status is 1 if a check fails."""
    from models.evaluation.leakage_run import JSON, check_leakage
    from node.inference.predictor import open_bundle

    report = check_leakage(cohort, open_bundle(bundle, device), out)
    if as_json:
        typer.echo((out / JSON).read_text("utf-8"), nl=False)
    else:
        print_checks([_as_check(check) for check in report.checks])
        typer.echo(f"results: {out / JSON}")
    if not report.holds:
        raise typer.Exit(1)


def _as_check(check: "LeakageCheck") -> HealthCheck:
    result = f"{check.estimate.text()} on {check.films} films of {check.cohort}"
    return HealthCheck(check.name, check.holds, f"{check.claim}; measured {result}")
