"""Build a bundle from a net trained on a manifest's films."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.bundle.card import Training
from models.bundle.intended_use import IntendedUse
from models.bundle.score import Bundle
from models.calibration.platt import card_figure
from models.clinical.model import ClinicalModel
from models.dataset.clinical_inputs import clinical_logits
from models.dataset.entry import Entry, FilmOrigin, Split
from models.dataset.manifest import Manifest
from models.images.radiograph import Radiograph
from models.nets.grid import GridNet
from models.training.build_bundle import CardText, ClinicalInputs, HeldOut, write_calibrated
from models.training.manifest_source import ManifestSource


def build_from_manifest(
    path: Path,
    net: GridNet,
    films: ManifestSource,
    manifest: Manifest,
    run: tuple[Training, Bundle | None],
) -> Bundle:
    """Calibrate on the validation films and write the bundle. Raises BundleError.

    ``run`` is the training record and the bundle with the initial weights, whose clinical model is
    copied. A combined model is fitted if enough validation films have clinical data. Golden films
    are synthetic, because the bundle must not contain films of the manifest.
    """
    training, start = run
    text = card_text(manifest)
    clinical = clinical_inputs(start.clinical if start else None, manifest.of(Split.VALIDATION))
    held_out = HeldOut(*films.validate(net), clinical)
    figure = card_figure("validation", held_out.logits, held_out.labels, text.validation)
    golden = _phantoms(net.config.size)
    return write_calibrated(path, net, held_out, (figure,), golden, (text, training))


def clinical_inputs(
    clinical: ClinicalModel | None, entries: Sequence[Entry]
) -> ClinicalInputs | None:
    """Return the clinical model with its logits for the films; None without a clinical model."""
    return ClinicalInputs(clinical, clinical_logits(clinical, entries)) if clinical else None


def card_text(manifest: Manifest) -> CardText:
    """Return the card's text for a net trained on the films of ``manifest``.

    The intended use is demonstration for simulated films, and research for films of patients.
    """
    simulated = manifest.origin is FilmOrigin.SIMULATED
    kind = "simulated" if simulated else "of patients"
    train, held_out = len(manifest.of(Split.TRAIN)), len(manifest.of(Split.VALIDATION))
    use = IntendedUse.DEMONSTRATION if simulated else IntendedUse.RESEARCH
    return CardText(
        name=f"osteoscreen-{use}",
        version="0.1.0",
        intended_use=use,
        summary=(
            "Grid hybrid net (ResNet-18 over 6 x 6 blocks, Transformer over the blocks), trained "
            f"on {train} films {kind}."
        ),
        limits=(
            "Not for diagnosis.",
            "The metrics apply only to films like those of the training and the validation.",
            "Only for frontal chest radiographs of adults; scores of other images are meaningless.",
        ),
        output="Calibrated probability of the manifest's label, at the prevalence of its films.",
        data=f"passes over {train} films {kind} from {', '.join(sorted(manifest.home_sites))}",
        label="the manifest's column `label`",
        validation=f"{held_out} films of the manifest's validation split, {kind}",
    )


def _phantoms(size: int) -> dict[str, Radiograph]:
    """Return two synthetic images (lungs, spine, noise), used only to check the arithmetic."""
    line = np.linspace(-1.0, 1.0, size, dtype=np.float32)
    y, x = line[:, None], line[None, :]
    lungs = np.exp(-(((np.abs(x) - 0.45) / 0.25) ** 2) - (y / 0.6) ** 2)
    spine = np.exp(-((x / 0.08) ** 2))
    phantoms = {}
    for name, bone in (("light", 0.1), ("heavy", 0.3)):
        noise = np.random.default_rng(7).normal(0.0, 0.02, (size, size))
        film = np.clip(0.6 - 0.4 * lungs + bone * spine + noise, 0.0, 1.0)
        phantoms[f"phantom-{name}.png"] = Radiograph(film.astype(np.float32))
    return phantoms
