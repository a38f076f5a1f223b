"""Build a bundle from a net trained on a manifest's films."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.bundle.card import Training
from models.bundle.intended_use import IntendedUse
from models.bundle.score import Bundle
from models.calibration.platt import area
from models.clinical.model import ClinicalModel
from models.dataset.clinical_inputs import clinical_logits
from models.dataset.entry import Entry, Split
from models.dataset.entry import FilmOrigin as Source
from models.dataset.manifest import Manifest
from models.images.radiograph import Radiograph
from models.nets.grid import GridNet
from models.training.build_bundle import CardText, ClinicalInputs, HeldOut, release
from models.training.manifest_source import ManifestSource


def release_listed(
    path: Path,
    net: GridNet,
    films: ManifestSource,
    manifest: Manifest,
    run: tuple[Training, Bundle | None],
) -> Bundle:
    """Calibrate on the films held out, write the bundle; ``run`` is its account, and its start.

    The start's clinical model goes into the bundle, and into a combined one with the films held out
    whose patients' facts the manifest knows. No film of the manifest does: the golden pictures are
    drawn.
    """
    training, start = run
    origin = origin_of(manifest)
    clinical = start.clinical if start else None
    held_out = HeldOut(*films.validate(net), carry(clinical, manifest.of(Split.VALIDATION)))
    figure = area("validation", held_out.logits, held_out.labels, origin.validation)
    golden = _phantoms(net.config.size)
    return release(path, net, held_out, (figure,), golden, (origin, training))


def carry(clinical: ClinicalModel | None, entries: Sequence[Entry]) -> ClinicalInputs | None:
    """A clinical model with its logits of the films' patients, for ``HeldOut``."""
    return (
        None if clinical is None else ClinicalInputs(clinical, clinical_logits(clinical, entries))
    )


def origin_of(manifest: Manifest) -> CardText:
    """What a card says of the films of ``manifest``.

    Simulated ones are for demonstration, those of patients for research.
    """
    simulated = manifest.origin is Source.SIMULATED
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
            "Its figures hold for films like those it was trained and measured on, and no others.",
            "Frontal chest films of adults only; the score of any other picture means nothing.",
        ),
        output="Calibrated probability of the manifest's label, at the prevalence of its films.",
        data=f"passes over {train} films {kind} from {', '.join(sorted(manifest.home_sites))}",
        label="the manifest's column `label`",
        validation=f"{held_out} films of the manifest's validation split, {kind}",
    )


def _phantoms(size: int) -> dict[str, Radiograph]:
    """Pictures that only check the arithmetic: two lungs, a spine, and grain from a seed."""
    line = np.linspace(-1.0, 1.0, size, dtype=np.float32)
    down, right = line[:, None], line[None, :]
    lungs = np.exp(-(((np.abs(right) - 0.45) / 0.25) ** 2) - (down / 0.6) ** 2)
    spine = np.exp(-((right / 0.08) ** 2))
    drawn = {}
    for name, bone in (("light", 0.1), ("heavy", 0.3)):
        grain = np.random.default_rng(7).normal(0.0, 0.02, (size, size))
        film = np.clip(0.6 - 0.4 * lungs + bone * spine + grain, 0.0, 1.0)
        drawn[f"phantom-{name}.png"] = Radiograph(film.astype(np.float32))
    return drawn
