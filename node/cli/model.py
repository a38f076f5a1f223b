"""`osteoscreen model`: what researchers do with bundles."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli import research
from node.display.jobs import print_figures
from node.domain.errors import Misconfigured, Permanent

if TYPE_CHECKING:
    from models.bundle.card import Figure

model = typer.Typer(help="Models in bundles: what they are, and whether they are intact.")
research.add_commands(model)

BundleArgument = Annotated[str, typer.Argument(help="A bundle's folder, or a shipped one's name.")]


@model.command("verify")
def verify(bundle: BundleArgument = "demo") -> None:
    """Check a bundle's digest, keys and shapes; score its golden films again, on a GPU too."""
    from models.bundle.golden import verify_golden
    from models.bundle.store import BundleError, compare_gpu
    from node.inference.predictor import open_bundle

    opened = open_bundle(bundle, "cpu")
    try:
        drift = verify_golden(opened)
        gap = compare_gpu(opened)
    except BundleError as error:
        raise Permanent(str(error)) from None
    card = opened.card
    typer.echo(f"{card.name} {card.version}: verified; golden scores within {drift:.1e} (logit)")
    gpu = "no GPU to compare with" if gap is None else f"GPU within {gap:.1e} of it (logit)"
    typer.echo(f"scored on the processor; {gpu}")


@model.command("card")
def card(bundle: BundleArgument = "demo") -> None:
    """Print a bundle's card: what it is, what it was made from, what may be said of it."""
    from models.bundle.card import dump
    from models.clinical.model import dump_clinical
    from node.inference.predictor import open_bundle

    opened = open_bundle(bundle, "cpu")
    typer.echo(dump(opened.card), nl=False)
    if opened.clinical is not None:
        typer.echo("---\n# the clinical model\n" + dump_clinical(opened.clinical), nl=False)


@model.command("fit-clinical")
def fit_clinical(
    table: Annotated[Path, typer.Argument(help="The NHANES table, or a manifest, as CSV.")],
    label: Annotated[
        str, typer.Option(help="femoral-neck or any-site; a manifest brings its own label.")
    ] = "",
    bundle: Annotated[
        str, typer.Option(help="Put the model into this bundle and sign it anew.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON for programs.")] = False,
) -> None:
    """Fit the clinical model on age, sex, weight and height; show its cross-validated figures."""
    try:
        from models.calibration import clinical_fit
    except ModuleNotFoundError as error:
        raise Misconfigured(
            f"fitting needs {error.name}: pip install 'osteoscreen[research]'"
        ) from None
    from models.bundle.store import BundleError, add_clinical
    from models.calibration.clinical_cohort import Label, TableError, read_people
    from node.inference.predictor import open_bundle

    if label not in ("", *Label):
        known = ", ".join(Label)
        raise typer.BadParameter(f"{label!r} is none of {known}", param_hint="--label")
    opened = open_bundle(bundle, "cpu") if bundle else None
    try:
        made = clinical_fit.fit_clinical(read_people(table, Label(label) if label else None))
        if opened is not None:
            digest = add_clinical(opened, made).card.digest
    except TableError as error:
        raise Misconfigured(str(error)) from None
    except (clinical_fit.FitError, BundleError) as error:
        raise Permanent(str(error)) from None
    if as_json:
        typer.echo(json.dumps(made.model_dump(mode="json"), indent=2))
        return
    print_figures(f"Clinical model {made.about}", made.figures_in_words())
    if opened is not None:
        dropped = "; its combined part is gone: fit it again" if opened.card.combined else ""
        typer.echo(f"{opened.path}: clinical model written, {digest}{dropped}")


@model.command("fit-gate")
def fit_gate(  # noqa: PLR0913 - the options of a command
    manifest: Annotated[Path, typer.Argument(help="CSV of films with their view and patient.")],
    bundle: Annotated[str, typer.Option(help="Put the gate into this bundle, and sign it anew.")],
    out: Annotated[Path, typer.Option(help="Folder for pictures and nets; a broken run resumes.")],
    steps: Annotated[int, typer.Option(min=1, help="Steps of training, for each net.")] = 1500,
    folds: Annotated[int, typer.Option(min=2, help="Nets that measure the gate.")] = 5,
    seed: Annotated[int, typer.Option(min=0)] = 1,
    attribution: Annotated[
        list[str] | None, typer.Option(help="Whom the films are owed to, for the card; repeatable.")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, or auto.")] = "auto",
) -> None:
    """Train the gate that tells frontal chest films from others; show figures of unseen people."""
    try:
        from models.training.gate.run import GateOptions
        from models.training.gate.run import fit_gate as make_gate
    except ModuleNotFoundError as error:
        raise Misconfigured(
            f"a gate needs {error.name}: pip install 'osteoscreen[research]'"
        ) from None
    from models.bundle.store import BundleError, add_gate
    from models.dataset.entry import ManifestError
    from models.simulate.anatomy import AnatomyError
    from models.training.gate.loop import GateTraining
    from models.training.run import TrainError, device_for
    from node.inference.predictor import open_bundle

    opened = open_bundle(bundle, "cpu")
    training = GateTraining(steps=steps, seed=seed)
    try:
        options = GateOptions(
            manifest, out, folds, device_for(device), tuple(attribution or ()), training=training
        )
        made = add_gate(opened, make_gate(options))
    except (ManifestError, TrainError) as error:
        raise Misconfigured(str(error)) from None
    except (AnatomyError, BundleError) as error:
        raise Permanent(str(error)) from None
    figures = made.card.gate.figures if made.card.gate else ()
    rows = [(one.name, f"{one.right} of {one.total}") for one in figures]
    print_figures(f"{made.path}, {made.card.digest}", rows)


@model.command("calibrate")
def calibrate(
    manifest: Annotated[Path, typer.Argument(help="CSV of films with labels, for validation.")],
    bundle: Annotated[str, typer.Option(help="A bundle's folder, or a shipped one's name.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder of the new bundle. [default: in place]")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, or auto.")] = "auto",
) -> None:
    """Settle calibration, thresholds and combined model on films of your own; the net stays."""
    from models.bundle.store import BundleError
    from models.dataset.entry import ManifestError
    from models.training.recalibrate import recalibrate
    from node.inference.predictor import open_bundle

    opened = open_bundle(bundle, device)
    try:
        made = recalibrate(manifest, opened, out or opened.path)
    except ManifestError as error:
        raise Misconfigured(str(error)) from None
    except BundleError as error:
        raise Permanent(str(error)) from None
    rows = [(one.name, _area(one)) for one in made.card.figures]
    print_figures(f"{made.path}, {made.card.digest}", rows)


def _area(one: "Figure") -> str:
    beside = "" if one.published is None else f"; published study, on patients {one.published:.3f}"
    return f"AUC {one.auc:.3f} ({one.low:.3f} to {one.high:.3f}){beside}"


@model.command("train")
def train(  # noqa: PLR0913 - the options of a command
    manifest: Annotated[
        Path | None,
        typer.Argument(help="CSV of films with labels. [default: films rendered on line]"),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the bundle to write.")] = Path("out/bundle"),
    size: Annotated[int, typer.Option(help="Side of the film in pixels, a multiple of 192.")] = 384,
    minutes: Annotated[float, typer.Option(min=0.01, help="End after so many minutes.")] = 1e6,
    steps: Annotated[int, typer.Option(min=1, help="End after so many steps.")] = 20_000,
    batch: Annotated[int, typer.Option(min=2, help="Films a step; even.")] = 8,
    start: Annotated[
        Path | None, typer.Option("--from", help="Bundle whose weights to start from.")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, or auto.")] = "auto",
    seed: Annotated[int, typer.Option(min=0)] = 1,
) -> None:
    """Train the grid net and write a bundle; stopped at any time, it goes on where it was.

    Under `torchrun --nproc-per-node N -m node.cli model train ...` N processes share the work.
    """
    from models.bundle.store import BundleError
    from models.dataset.entry import ManifestError
    from models.training.run import TrainError, TrainOptions, train_bundle

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
    except (ManifestError, TrainError, BundleError) as error:
        raise Misconfigured(str(error)) from None
    if bundle is not None:
        measured = bundle.card.figures[0]
        typer.echo(f"{out}: AUC {measured.auc:.3f} ({measured.source}), {bundle.card.digest}")


@model.command("simulate_cohort")
def simulate(  # noqa: PLR0913 - each is an option of the command
    out: Annotated[Path, typer.Option(help="Folder for films and manifests.")],
    patients: Annotated[int, typer.Option(help="Patients of all three hospitals.")] = 4542,
    seed: Annotated[int, typer.Option(help="The same seed makes the same cohort.")] = 1,
    form: Annotated[str, typer.Option("--format", help="png (16 bits) or dicom.")] = "png",
    size: Annotated[int, typer.Option(help="Longer side of a film in pixels.")] = 576,
    masks: Annotated[bool, typer.Option("--masks", help="Also the bone of each film.")] = False,
    twins: Annotated[
        bool, typer.Option("--twins", help="Also each film at 10 % other density.")
    ] = False,
    density_off: Annotated[
        bool,
        typer.Option("--density-off", help="Also each film at one density for all, labels kept."),
    ] = False,
    jobs: Annotated[int, typer.Option(help="Processes; 0 for one per core.")] = 0,
) -> None:
    """Simulate a cohort of three hospitals: films of known bone density, and their manifest."""
    from models.simulate.film_files import Recipe
    from models.simulate.run import CohortOrder, SimulationError, check_order, simulate_cohort

    order = CohortOrder(patients, out, seed, jobs, Recipe(form, size, masks, twins, density_off))
    try:
        check_order(order)
    except SimulationError as error:
        raise Misconfigured(str(error)) from None
    try:
        made = simulate_cohort(order)
    except SimulationError as error:
        raise Permanent(str(error)) from None
    for manifest in made.manifests:
        typer.echo(manifest)
    typer.echo(
        f"{made.rendered} patients made, {made.kept} were there; look at {made.sheet}", err=True
    )
