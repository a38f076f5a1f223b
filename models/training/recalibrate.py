"""Calibrate a bundle on other films without changing its net (`osteoscreen model calibrate`).

A threshold that was fitted at one hospital may be wrong at another hospital. Calibration, operating
points and combined model are fitted on the manifest's validation films. A combined model needs a
clinical model in the bundle. The card's AUCs are measured on the manifest's test films.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from models.bundle.card import CardFigure
from models.bundle.combined import combined_probabilities
from models.bundle.golden import golden_films
from models.bundle.score import Bundle
from models.bundle.store import write_bundle
from models.calibration.platt import card_figure
from models.dataset.clinical_inputs import clinical_logits
from models.dataset.entry import Entry, FilmOrigin, ManifestError, Split
from models.dataset.manifest import Manifest, read_manifest
from models.evaluation.published import CLINICAL, COMBINED, IMAGE, PUBLISHED_AUC, ROLES, match_roles
from models.training.build_bundle import HeldOut, calibrate
from models.training.build_from_manifest import clinical_inputs
from models.training.manifest_source import load_films, logits


def recalibrate(file: Path, bundle: Bundle, out: Path) -> Bundle:
    """Calibrate ``bundle`` on the films of the manifest ``file`` and write it to ``out``.

    ``out`` may be the folder of ``bundle``. The folder ``<out>.run`` caches prepared films.
    A ManifestError or BundleError is raised before a file of the bundle is written.
    """
    manifest = read_manifest(file)
    entries = manifest.of(Split.VALIDATION)
    if not entries:
        raise ManifestError(f"{file} has no film of the split validation: there is nothing to fit")
    prepared = out.with_name(out.name + ".run") / "films"
    films = load_films(entries, bundle.net.config.size, prepared)
    clinical = clinical_inputs(bundle.clinical, entries)
    held_out = HeldOut(logits(bundle.net, films), films.label, clinical)
    parts = calibrate(held_out, f"{len(entries)} validation films, {_kind(manifest)}")
    card = bundle.card.model_copy(update=vars(parts))
    figures = _measure_sites(replace(bundle, card=card), manifest, prepared)
    card = card.model_copy(update={"figures": figures or card.figures})
    net = bundle.net.cpu()
    return write_bundle(out, card, net, golden_films(bundle), (bundle.clinical, bundle.gate))


def _kind(manifest: Manifest) -> str:
    return "simulated" if manifest.origin is FilmOrigin.SIMULATED else "of patients"


def _measure_sites(bundle: Bundle, manifest: Manifest, prepared: Path) -> tuple[CardFigure, ...]:
    """Return each model's AUC at each site with test films, together with the published AUC."""
    sites = list(dict.fromkeys(entry.site for entry in manifest.of(Split.TEST)))
    internal = [site for site in sites if site in manifest.home_sites]
    external = [site for site in sites if site not in manifest.home_sites]
    roles = {site: role for role, site in match_roles(internal, external).items()}
    figures: list[CardFigure] = []
    for site in sites:
        entries = [entry for entry in manifest.of(Split.TEST) if entry.site == site]
        source = f"{len(entries)} test films of {site}, {_kind(manifest)}"
        figures += _measure_site(bundle, entries, prepared, source, roles.get(site))
    return tuple(figures)


def _measure_site(
    bundle: Bundle, entries: list[Entry], prepared: Path, source: str, role: str | None
) -> list[CardFigure]:
    films = load_films(entries, bundle.net.config.size, prepared)
    image = logits(bundle.net, films).astype(np.float64)
    scores = {IMAGE: image}
    if bundle.clinical is not None:
        scores[CLINICAL] = clinical_logits(bundle.clinical, entries)
        scores[COMBINED] = combined_probabilities(bundle.card.combined, image, scores[CLINICAL])
    figures = []
    for name, values in scores.items():
        usable = np.isfinite(values)
        labels = films.label[usable]
        if not 0 < labels.sum() < len(labels):
            continue
        figure = card_figure(f"{name}, {role or entries[0].site}", values[usable], labels, source)
        published = None if role is None else PUBLISHED_AUC[name][ROLES.index(role)]
        figures.append(figure.model_copy(update={"published": published}))
    return figures
