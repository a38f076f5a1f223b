"""`osteoscreen model evaluate` and what else measures a model rather than making one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.display.jobs import print_checks, print_figures
from node.domain.errors import Misconfigured
from node.domain.health_check import Check

if TYPE_CHECKING:
    from models.evaluation.folds import Left
    from models.evaluation.leakage_checks import Verdict

OutOption = Annotated[Path, typer.Option(help="Folder for the report; a broken run resumes there.")]
BundleOption = Annotated[str, typer.Option(help="A bundle's folder, or a shipped one's name.")]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu or cuda.")]


def add_commands(model: typer.Typer) -> None:
    """Put these commands beside those that make models."""
    model.command("evaluate")(evaluate)
    model.command("ablate")(ablate)
    model.command("cross-validate")(cross_validate)
    model.command("honesty")(honesty)


def evaluate(
    manifest: Annotated[Path, typer.Argument(help="CSV that lists films, patients and labels.")],
    out: OutOption,
    bundle: BundleOption = "demo",
    device: DeviceOption = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Write the report as JSON.")] = False,
) -> None:
    """Measure a bundle on films of known label: report.html, report.json, figures."""
    from models.dataset.entry import ManifestError
    from node.inference.predictor import open_bundle

    try:
        from models.evaluation import run as evaluation
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


def ablate(  # noqa: PLR0913 - the options of a command
    manifest: Annotated[Path, typer.Argument(help="CSV with films to train, validate, test on.")],
    out: Annotated[Path, typer.Option(help="Folder for the table; a broken run resumes there.")],
    size: Annotated[int, typer.Option(help="Side of the film in pixels, a multiple of 192.")] = 192,
    steps: Annotated[int, typer.Option(min=1, help="Steps of training, for each variant.")] = 2000,
    start: Annotated[
        str, typer.Option("--from", help="Bundle whose ResNet every variant starts from.")
    ] = "",
    batch: Annotated[int, typer.Option(min=2, help="Films a step.")] = 8,
    seed: Annotated[int, typer.Option(min=0)] = 1,
    device: DeviceOption = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Write the table as JSON.")] = False,
) -> None:
    """Train the net without each of its parts, and MONAI's: what is every part worth?"""
    from models.dataset.entry import ManifestError
    from models.experiments.ablation_run import JSON, MARKDOWN, AblateOptions
    from models.experiments.ablation_run import ablate as compare_variants
    from models.nets.grid import GridConfig
    from models.training.run import TrainError
    from node.inference.predictor import open_bundle

    try:
        config = GridConfig(size=size)
    except ValueError as error:
        raise Misconfigured(str(error)) from None
    opened = open_bundle(start, "cpu") if start else None
    options = AblateOptions(out, config, steps, batch, seed, device, opened)
    try:
        rows = compare_variants(manifest, options)
    except (ManifestError, TrainError) as error:
        raise Misconfigured(str(error)) from None
    if as_json:
        typer.echo((out / JSON).read_text("utf-8"), nl=False)
        return
    for row in rows:
        areas = ", ".join(f"{at.site} {at.auc.value:.3f}" for at in row.sites)
        typer.echo(f"{row.variant}: AUC {areas}")
    typer.echo(f"table: {out / MARKDOWN}")


def cross_validate(  # noqa: PLR0913 - the options of a command
    manifest: Annotated[Path, typer.Argument(help="CSV that lists films, patients and labels.")],
    out: Annotated[Path, typer.Option(help="Folder for figures; a broken run resumes there.")],
    folds: Annotated[int, typer.Option(min=2, help="Parts that patients are dealt into.")] = 5,
    start: Annotated[
        str, typer.Option("--from", help="Bundle whose weights every fold starts from.")
    ] = "",
    size: Annotated[int, typer.Option(help="Side of the film in pixels, a multiple of 192.")] = 384,
    steps: Annotated[int, typer.Option(min=1, help="Steps of every fold.")] = 1000,
    batch: Annotated[int, typer.Option(min=2, help="Films a step.")] = 8,
    seed: Annotated[int, typer.Option(min=0)] = 1,
    device: DeviceOption = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Write the figures as JSON.")] = False,
) -> None:
    """Train fold by fold and score the patients left out: does the net learn from these films?"""
    try:
        from models.experiments import cross_validation
    except ModuleNotFoundError as error:
        raise Misconfigured(
            f"cross-validating needs {error.name}: pip install 'osteoscreen[research]'"
        ) from None
    from models.dataset.entry import ManifestError
    from models.training.run import TrainError
    from node.inference.predictor import open_bundle

    opened = open_bundle(start, "cpu") if start else None
    options = cross_validation.Options(out, folds, size, steps, batch, seed, device, opened)
    try:
        found = cross_validation.cross_validate(manifest, options)
    except (ManifestError, TrainError) as error:
        raise Misconfigured(str(error)) from None
    if as_json:
        typer.echo((out / cross_validation.JSON).read_text("utf-8"), nl=False)
        return
    measured = found.measured
    figures = [
        (name, _area(one)) for name, one in (("net", measured.net), ("ridge", measured.ridge))
    ]
    print_figures(f"{found.films} films, {folds} folds, {found.start}", figures)
    typer.echo(f"figures: {out / cross_validation.JSON}")


def _area(left: "Left") -> str:
    area = left.pooled
    folds = " ".join(f"{one:.3f}" for one in left.folds)
    return f"AUC {area.value:.3f} ({area.low:.3f} to {area.high:.3f}); folds {folds}"


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
    from models.dataset.entry import ManifestError
    from models.evaluation.leakage_run import JSON, examine
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
