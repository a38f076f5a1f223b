"""Settle a bundle on films of a manifest, its net untouched: `osteoscreen model calibrate`.

A score's threshold does not carry from one hospital's films to another's. Calibration, operating
points and, where the bundle has a clinical model, the combined one are fitted to the manifest's
validation films; the card's figures are measured on its test films.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from models.bundle.card import CardFigure
from models.bundle.combined import combined_probabilities
from models.bundle.golden import golden_films
from models.bundle.score import Bundle
from models.bundle.store import write_bundle
from models.calibration.platt import area
from models.dataset.clinical_inputs import clinical_logits
from models.dataset.entry import Entry, FilmOrigin, ManifestError, Split
from models.dataset.manifest import Manifest, read_manifest
from models.evaluation.published import CLINICAL, COMBINED, IMAGE, PUBLISHED_AUC, ROLES, match_roles
from models.training.build_bundle import HeldOut, freeze_on
from models.training.build_from_manifest import carry
from models.training.manifest_source import load_films, logits


def recalibrate(file: Path, bundle: Bundle, out: Path) -> Bundle:
    """Write to ``out`` the bundle settled on the films of ``file``, and load it back.

    ``out`` may be the bundle's own folder. Films that are prepared once lie beside it. Raises
    ManifestError and BundleError, before anything of the bundle is written.
    """
    manifest = read_manifest(file)
    entries = manifest.of(Split.VALIDATION)
    if not entries:
        raise ManifestError(f"{file} lists no film of the split validation to calibrate on")
    prepared = out.with_name(out.name + ".run") / "films"
    films = load_films(entries, bundle.net.config.size, prepared)
    held_out = HeldOut(logits(bundle.net, films), films.label, carry(bundle.clinical, entries))
    frozen = freeze_on(held_out, f"{len(entries)} validation films, {_kind(manifest)}")
    card = bundle.card.model_copy(
        update={
            "calibration": frozen.calibration,
            "operating_points": frozen.operating_points,
            "combined": frozen.combined,
        }
    )
    figures = _figures(
        Bundle(card, bundle.net, bundle.device, bundle.path, bundle.clinical), manifest, prepared
    )
    card = card.model_copy(update={"figures": figures or card.figures})
    net = bundle.net.cpu()
    return write_bundle(out, card, net, golden_films(bundle), (bundle.clinical, bundle.gate))


def _kind(manifest: Manifest) -> str:
    return "simulated" if manifest.origin is FilmOrigin.SIMULATED else "of patients"


def _figures(bundle: Bundle, manifest: Manifest, prepared: Path) -> tuple[CardFigure, ...]:
    """Areas of every model at every hospital with test films, the published one beside each."""
    sites = list(dict.fromkeys(entry.site for entry in manifest.of(Split.TEST)))
    internal = [site for site in sites if site in manifest.home_sites]
    external = [site for site in sites if site not in manifest.home_sites]
    roles = {site: role for role, site in match_roles(internal, external).items()}
    found: list[CardFigure] = []
    for site in sites:
        entries = [entry for entry in manifest.of(Split.TEST) if entry.site == site]
        source = f"{len(entries)} test films of {site}, {_kind(manifest)}"
        found += _measure(bundle, entries, prepared, source, roles.get(site))
    return tuple(found)


def _measure(
    bundle: Bundle, entries: list[Entry], prepared: Path, source: str, role: str | None
) -> list[CardFigure]:
    films = load_films(entries, bundle.net.config.size, prepared)
    image = logits(bundle.net, films).astype(np.float64)
    scores = {IMAGE: image}
    if bundle.clinical is not None:
        scores[CLINICAL] = clinical_logits(bundle.clinical, entries)
        scores[COMBINED] = combined_probabilities(bundle.card.combined, image, scores[CLINICAL])
    found = []
    for name, values in scores.items():
        usable = np.isfinite(values)
        labels = films.label[usable]
        if not 0 < labels.sum() < len(labels):
            continue
        made = area(f"{name}, {role or entries[0].site}", values[usable], labels, source)
        published = None if role is None else PUBLISHED_AUC[name][ROLES.index(role)]
        found.append(made.model_copy(update={"published": published}))
    return found
