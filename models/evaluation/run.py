"""Evaluate a bundle on the films of a manifest and write the report.

``report.html`` and ``report.json``, ``predictions.csv`` with every test film's scores, and the
figures. The same manifest, bundle and seed give the same files.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from models.bundle.score import Bundle
from models.dataset.entry import Entry, ManifestError, Split
from models.dataset.manifest import Manifest, read_manifest
from models.evaluation import figures
from models.evaluation.analysis import REFITTED, RIDGE, Study, conduct
from models.evaluation.baseline import band_energies, fit_baseline
from models.evaluation.clinical_refit import refit
from models.evaluation.discrimination import Curve, Flags, Values, roc
from models.evaluation.example_films import explain_films, spread_out, surest
from models.evaluation.heatmap_checks import faithfulness
from models.evaluation.html_report import render_page
from models.evaluation.model_scores import own_points, panel
from models.evaluation.published import IMAGE
from models.evaluation.report import (
    Report,
    beside_paper,
    describe_bundle,
    describe_films,
    summarise_bone,
    to_json,
)
from models.evaluation.scores import FilmScore, Reading, read_films, score_films
from models.images.read import read_film
from models.io.atomic_file import write_whole

SCORES, PREDICTIONS, JSON, HTML = "scores.csv", "predictions.csv", "report.json", "report.html"
_MAPS = 16
"""Films on which maps are compared."""


def evaluate(file: Path, bundle: Bundle, out: Path, seed: int = 0) -> Report:
    """Evaluate ``bundle`` on the manifest ``file`` and leave the report in ``out``.

    Nothing is written before every film was read, and no report before all is measured; a run that
    was broken off resumes from ``out/scores.csv``. Raises ManifestError.
    """
    manifest = read_manifest(file)
    if not manifest.of(Split.TEST):
        raise ManifestError(f"{file} has no film of the split test: there is nothing to evaluate")
    readings = read_films(manifest.entries, band_energies)
    out.mkdir(parents=True, exist_ok=True)
    scored = _score(bundle, manifest, readings, out / SCORES)
    energies = np.stack([one.measured for one in readings])
    baseline = fit_baseline(energies, manifest.entries, seed)
    models = panel(bundle, manifest.entries, scored) | {RIDGE: baseline.probabilities}
    refitted = refit(manifest)
    if refitted.probabilities is not None:
        models |= {REFITTED: refitted.probabilities}
    card = bundle.card
    study = conduct(manifest.entries, models, own_points(card), manifest.home_sites, seed)
    tested = manifest.of(Split.TEST)
    spread = [tested[index] for index in spread_out(len(tested), _MAPS)]
    report = Report(
        bundle=describe_bundle(card),
        data=describe_films(manifest),
        seed=seed,
        baseline=baseline.how,
        refitted=refitted.how,
        points_from="frozen on the validation films"
        if manifest.of(Split.VALIDATION)
        else "the bundle's own, from its card",
        study=study,
        beside=beside_paper(study),
        bone=summarise_bone([one.bone for one in scored if one is not None and one.bone]),
        faithfulness=faithfulness(bundle, [read_film(entry.path) for entry in spread], seed),
    )
    drawn = _draw(bundle, manifest, models, study)
    write_whole(out / PREDICTIONS, _predictions(manifest, models))
    for name, png in drawn.items():
        write_whole(out / "figures" / f"{name}.png", png)
    write_whole(out / JSON, to_json(report))
    # The page comes last: it names the rest.
    write_whole(out / HTML, render_page(report, card, drawn))
    return report


def _score(
    bundle: Bundle, manifest: Manifest, readings: Sequence[Reading], cache: Path
) -> list[FilmScore | None]:
    """Image scores in the manifest's order; None for training films, which nothing is asked of."""
    wanted = [at for at, one in enumerate(manifest.entries) if one.split is not Split.TRAIN]
    entries = [manifest.entries[at] for at in wanted]
    found = score_films(bundle, entries, [readings[at] for at in wanted], cache)
    by_index = dict(zip(wanted, found, strict=True))
    return [by_index.get(at) for at in range(len(manifest.entries))]


def _draw(
    bundle: Bundle, manifest: Manifest, models: Mapping[str, Values], study: Study
) -> dict[str, bytes]:
    """Every figure as PNG, by name."""
    positive = np.array([entry.label for entry in manifest.entries])
    parts = [_of_site(manifest, cohort.site) for cohort in study.cohorts]
    curves = [
        {name: _curve(models[name][part], positive[part]) for name in cohort.models}
        for cohort, part in zip(study.cohorts, parts, strict=True)
    ]
    threshold = next(iter(study.points[IMAGE].values()), 0.5)
    tested = np.flatnonzero([entry.split is Split.TEST for entry in manifest.entries])
    own = [manifest.entries[index] for index in tested.tolist()]
    chosen = surest(own, models[IMAGE][tested], threshold)
    scores = [(models[IMAGE][part], positive[part]) for part in parts]
    return {
        "roc": figures.draw_roc(study.cohorts, curves),
        "calibration": figures.draw_calibration(study.cohorts),
        "decisions": figures.draw_decisions(study.cohorts),
        "histograms": figures.draw_histograms(study.cohorts, scores, threshold),
        "heat": figures.draw_heat(explain_films(bundle, own, chosen)),
    }


def _of_site(manifest: Manifest, site: str) -> Flags:
    return np.array([one.split is Split.TEST and one.site == site for one in manifest.entries])


def _curve(values: Values, positive: Flags) -> Curve:
    usable = np.isfinite(values)
    return roc(values[usable], positive[usable])


def _predictions(manifest: Manifest, models: Mapping[str, Values]) -> str:
    """Scores of the test films as CSV, for one's own statistics."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["path", "patient_id", "site", "label", *models])
    for index, entry in enumerate(manifest.entries):
        if entry.split is Split.TEST:
            cells = [
                "" if np.isnan(one[index]) else repr(float(one[index])) for one in models.values()
            ]
            writer.writerow([_named(entry, manifest), *_facts(entry), *cells])
    return stream.getvalue()


def _named(entry: Entry, manifest: Manifest) -> str:
    folder = manifest.file.parent
    path = entry.path
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def _facts(entry: Entry) -> tuple[str, str, int]:
    return entry.patient_id, entry.site, int(entry.label)
