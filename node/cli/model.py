"""`osteoscreen model`: commands that simulate films, and train, calibrate and inspect bundles."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli import research
from node.cli.options import JsonOption, print_json
from node.cli.research import BundleOption, DeviceOption, SeedOption, SizeOption
from node.display.tables import print_figures
from node.domain.errors import Misconfigured

if TYPE_CHECKING:
    from models.bundle.card import CardFigure

model = typer.Typer(help="Train, evaluate and inspect model bundles.")
research.add_commands(model)

BundleArgument = Annotated[
    str, typer.Argument(help="Folder of a bundle, or the name of a shipped bundle.")
]


@model.command("verify")
def verify(bundle: BundleArgument = "demo") -> None:
    """Check digest and weights of a bundle. Score the golden films on the CPU and on a GPU."""
    from models.bundle.golden import verify_golden
    from models.bundle.store import compare_gpu
    from node.inference.predictor import open_bundle

    opened = open_bundle(bundle, "cpu")
    cpu_difference = verify_golden(opened)
    gpu_difference = compare_gpu(opened)
    card = opened.card
    typer.echo(f"{card.name} {card.version}: verified")
    typer.echo(f"CPU: golden scores differ by at most {cpu_difference:.1e} (logit)")
    if gpu_difference is None:
        typer.echo("GPU: none found, not compared")
    else:
        typer.echo(f"GPU: scores differ from the CPU by at most {gpu_difference:.1e} (logit)")


@model.command("card")
def card(bundle: BundleArgument = "demo") -> None:
    """Print the model card of a bundle. The card states intended use, limits and results."""
    from models.io.yaml_text import dump_yaml
    from node.inference.predictor import open_bundle

    opened = open_bundle(bundle, "cpu")
    typer.echo(dump_yaml(opened.card), nl=False)
    if opened.clinical is not None:
        typer.echo("---\n# Clinical model\n" + dump_yaml(opened.clinical), nl=False)


@model.command("fit-clinical")
def fit_clinical(
    table: Annotated[Path, typer.Argument(help="CSV file: a table of NHANES, or a manifest.")],
    label: Annotated[
        str,
        typer.Option(help="Definition of osteoporosis for NHANES: femoral-neck or any-site."),
    ] = "",
    bundle: Annotated[
        str, typer.Option(help="Bundle in which the command stores the clinical model.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Fit the clinical model and print its metrics. The model uses age, sex, weight and height."""
    from models.bundle.store import add_clinical
    from models.calibration import clinical_fit
    from models.calibration.clinical_cohort import Label, read_people
    from node.inference.predictor import open_bundle

    if label not in ("", *Label):
        raise typer.BadParameter(
            f"{label!r} is not one of {', '.join(Label)}", param_hint="--label"
        )
    opened = open_bundle(bundle, "cpu") if bundle else None
    fitted = clinical_fit.fit_clinical(read_people(table, Label(label) if label else None))
    if opened is not None:
        digest = add_clinical(opened, fitted).card.digest
    if as_json:
        print_json(fitted.model_dump(mode="json"))
        return
    print_figures(f"Clinical model {fitted.about}", fitted.figures_as_text())
    if opened is not None:
        typer.echo(f"{opened.path}: clinical model written, {digest}")
        if opened.card.combined:
            typer.echo("combined model removed: fit it again with osteoscreen model calibrate")


@model.command("fit-gate")
def fit_gate(  # noqa: PLR0913 - the options of a command
    manifest: Annotated[
        Path, typer.Argument(help="Manifest: a CSV file of films with their view.")
    ],
    bundle: Annotated[str, typer.Option(help="Bundle in which the command stores the gate.")],
    out: Annotated[
        Path,
        typer.Option(
            help="Folder for images and nets. To resume a stopped run, name the same folder."
        ),
    ],
    steps: Annotated[int, typer.Option(min=1, help="Number of training steps of each net.")] = 1500,
    folds: Annotated[int, typer.Option(min=2, help="Number of folds of the cross-validation.")] = 5,
    seed: SeedOption = 1,
    attribution: Annotated[
        list[str] | None,
        typer.Option(help="Source of the films for the model card; the option can be repeated."),
    ] = None,
    device: DeviceOption = "auto",
) -> None:
    """Train the gate for frontal chest films. Print the results of a cross-validation."""
    from models.bundle.store import add_gate
    from models.training.gate.loop import GateTraining
    from models.training.gate.run import GateOptions
    from models.training.gate.run import fit_gate as make_gate
    from models.training.run import select_device
    from node.inference.predictor import open_bundle

    opened = open_bundle(bundle, "cpu")
    training = GateTraining(steps=steps, seed=seed)
    options = GateOptions(
        manifest, out, folds, select_device(device), tuple(attribution or ()), training=training
    )
    written = add_gate(opened, make_gate(options))
    figures = written.card.gate.figures if written.card.gate else ()
    rows = [(figure.name, f"{figure.right} of {figure.total}") for figure in figures]
    print_figures(f"{written.path}, {written.card.digest}", rows)


@model.command("calibrate")
def calibrate(
    manifest: Annotated[Path, typer.Argument(help="Manifest: a CSV file of labelled films.")],
    bundle: BundleOption,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the new bundle. Without --out, the command changes the bundle."
        ),
    ] = None,
    device: DeviceOption = "auto",
) -> None:
    """Calibrate a bundle on labelled films. Fit thresholds and combined model, and keep the net."""
    from models.training.recalibrate import recalibrate
    from node.inference.predictor import open_bundle

    opened = open_bundle(bundle, device)
    written = recalibrate(manifest, opened, out or opened.path)
    rows = [(figure.name, _describe_auc(figure)) for figure in written.card.figures]
    print_figures(f"{written.path}, {written.card.digest}", rows)


def _describe_auc(figure: "CardFigure") -> str:
    area = f"AUC {figure.auc:.3f} ({figure.low:.3f} to {figure.high:.3f})"
    if figure.published is None:
        return area
    return f"{area}; published study, on patients: {figure.published:.3f}"


@model.command("train")
def train(  # noqa: PLR0913 - the options of a command
    manifest: Annotated[
        Path | None,
        typer.Argument(
            help="Manifest of labelled films. Without a manifest, training uses simulated films."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the new bundle.")] = Path("out/bundle"),
    size: SizeOption = 384,
    minutes: Annotated[
        float, typer.Option(min=0.01, help="Maximum training time in minutes.")
    ] = 1e6,
    steps: Annotated[int, typer.Option(min=1, help="Maximum number of training steps.")] = 20_000,
    batch: Annotated[
        int, typer.Option(min=2, help="Number of films in a training step, an even number.")
    ] = 8,
    start: Annotated[
        Path | None, typer.Option("--from", help="Start with the weights of this bundle.")
    ] = None,
    device: DeviceOption = "auto",
    seed: SeedOption = 1,
) -> None:
    """Train the grid net and write a bundle. The same command resumes a stopped run.

    To use several GPUs, run `torchrun --nproc-per-node N -m node.cli model train ...`.
    """
    from models.bundle.store import BundleError
    from models.training.run import TrainOptions, train_bundle

    options = TrainOptions(
        out=out,
        manifest=manifest,
        size=size,
        minutes=minutes,
        steps=steps,
        batch=batch,
        start=start,
        device=device,
        seed=seed,
    )
    try:
        bundle = train_bundle(options)
    except BundleError as error:  # mostly that of --from
        raise Misconfigured(str(error)) from None
    if bundle is not None:
        figure = bundle.card.figures[0]
        typer.echo(f"{out}: AUC {figure.auc:.3f} ({figure.source}), {bundle.card.digest}")


@model.command("simulate")
def simulate(  # noqa: PLR0913 - each is an option of the command
    out: Annotated[Path, typer.Option(help="Folder for films and manifests.")],
    patients: Annotated[
        int, typer.Option(help="Number of patients in all hospitals together.")
    ] = 4542,
    seed: Annotated[int, typer.Option(help="The same seed gives the same films.")] = 1,
    form: Annotated[
        str, typer.Option("--format", help="Format of the films: png (16 bits) or dicom.")
    ] = "png",
    size: Annotated[int, typer.Option(help="Length of a film's longer side in pixels.")] = 576,
    masks: Annotated[
        bool, typer.Option("--masks", help="Also write a mask of the bone in each film.")
    ] = False,
    twins: Annotated[
        bool,
        typer.Option(
            "--twins",
            help="Also write a variant of each film, with either 10 % more or 10 % less bone.",
        ),
    ] = False,
    density_off: Annotated[
        bool,
        typer.Option(
            "--density-off",
            help="Also write a variant of each film; all variants have the same bone density.",
        ),
    ] = False,
    jobs: Annotated[
        int, typer.Option(help="Number of processes; 0 means one process for each CPU.")
    ] = 0,
) -> None:
    """Simulate films with known bone density. The films of three hospitals get a manifest."""
    from models.simulate.film_files import Recipe
    from models.simulate.run import CohortOrder, SimulationError, check_order, simulate_cohort

    order = CohortOrder(patients, out, seed, jobs, Recipe(form, size, masks, twins, density_off))
    try:
        check_order(order)
    except SimulationError as error:
        raise Misconfigured(str(error)) from None
    cohort = simulate_cohort(order)
    for manifest in cohort.manifests:
        typer.echo(manifest)
    typer.echo(
        f"Created {cohort.created} patients ({cohort.reused} already existed). "
        f"Contact sheet: {cohort.contact_sheet}",
        err=True,
    )
