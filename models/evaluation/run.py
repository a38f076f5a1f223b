"""Evaluation of a bundle on the films of a manifest (`osteoscreen model evaluate`).

The command writes ``report.html``, ``report.json``, the figures, and ``predictions.csv`` with the
scores of every test film. The same manifest, bundle and seed give the same files.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_curve

from models.bundle.score import Bundle
from models.calibration.auc import Flags, Values
from models.dataset.entry import Entry, FilmOrigin, ManifestError, Split
from models.dataset.manifest import Manifest, read_manifest, to_cell
from models.evaluation import figures
from models.evaluation.analysis import REFITTED, RIDGE, Analysis, analyse_models
from models.evaluation.baseline import Baseline, band_energies, fit_baseline
from models.evaluation.clinical_refit import ClinicalRefit, refit_clinical
from models.evaluation.example_films import evenly_spaced, load_examples, most_confident
from models.evaluation.heatmap_checks import HeatmapChecks, check_heatmaps
from models.evaluation.html_report import render_html
from models.evaluation.image_scores import FilmFeatures, FilmScore, read_film_features, score_films
from models.evaluation.model_scores import card_thresholds, score_models
from models.evaluation.published import IMAGE
from models.evaluation.report import (
    EvaluationReport,
    compare_with_published,
    describe_bundle,
    describe_films,
    summarise_bone_heat,
    to_json,
)
from models.images.read import read_film
from models.io.atomic_file import write_atomically

SCORES, PREDICTIONS, JSON, HTML = "scores.csv", "predictions.csv", "report.json", "report.html"
_HEATMAP_CHECK_FILMS = 16
_FILMS = {
    FilmOrigin.SIMULATED: "simulated films",
    FilmOrigin.PATIENT: "films of patients",
    None: "films of unknown origin",
}
"""Description of the films in every figure."""


def evaluate(file: Path, bundle: Bundle, out: Path, seed: int = 0) -> EvaluationReport:
    """Evaluate ``bundle`` on the manifest ``file`` and write the report to ``out``.

    All films are decoded before the first file is written. The HTML report is written last. An
    interrupted run resumes from ``out/scores.csv``. Raises ManifestError.
    """
    manifest = read_manifest(file)
    if not manifest.of(Split.TEST):
        raise ManifestError(f"{file} has no film of the split test: there is nothing to evaluate")
    features = read_film_features(manifest.entries, band_energies)
    out.mkdir(parents=True, exist_ok=True)
    film_scores = _score_films(bundle, manifest, features, out / SCORES)
    baseline = fit_baseline(np.stack([film.features for film in features]), manifest.entries, seed)
    refit = refit_clinical(manifest)
    scores = score_models(bundle, manifest.entries, film_scores) | {RIDGE: baseline.probabilities}
    if refit.probabilities is not None:
        scores |= {REFITTED: refit.probabilities}
    analysis = analyse_models(
        manifest.entries, scores, card_thresholds(bundle.card), manifest.home_sites, seed
    )
    checks = _check_heatmaps(bundle, manifest, seed)
    report = _report(bundle, manifest, (analysis, checks), (baseline, refit), film_scores, seed)
    drawings = _draw(bundle, manifest, scores, analysis)
    write_atomically(out / PREDICTIONS, _predictions(manifest, scores))
    for name, png in drawings.items():
        write_atomically(out / "figures" / f"{name}.png", png)
    write_atomically(out / JSON, to_json(report))
    # The HTML page is written last, because its presence means that the run is complete.
    write_atomically(out / HTML, render_html(report, bundle.card, drawings))
    return report


def _score_films(
    bundle: Bundle, manifest: Manifest, features: Sequence[FilmFeatures], cache: Path
) -> list[FilmScore | None]:
    """Return image scores in the manifest's order; None for training films."""
    scored = [
        index for index, entry in enumerate(manifest.entries) if entry.split is not Split.TRAIN
    ]
    entries = [manifest.entries[index] for index in scored]
    scores = score_films(bundle, entries, [features[index] for index in scored], cache)
    by_index = dict(zip(scored, scores, strict=True))
    return [by_index.get(index) for index in range(len(manifest.entries))]


def _check_heatmaps(bundle: Bundle, manifest: Manifest, seed: int) -> HeatmapChecks:
    test = manifest.of(Split.TEST)
    chosen = [test[index] for index in evenly_spaced(len(test), _HEATMAP_CHECK_FILMS)]
    return check_heatmaps(bundle, [read_film(entry.path) for entry in chosen], seed)


def _report(
    bundle: Bundle,
    manifest: Manifest,
    results: tuple[Analysis, HeatmapChecks],
    fits: tuple[Baseline, ClinicalRefit],
    film_scores: Sequence[FilmScore | None],
    seed: int,
) -> EvaluationReport:
    analysis, checks = results
    baseline, refit = fits
    from_validation = bool(manifest.of(Split.VALIDATION))
    return EvaluationReport(
        bundle=describe_bundle(bundle.card),
        data=describe_films(manifest),
        seed=seed,
        baseline=baseline.description,
        clinical_refit=refit.description,
        thresholds_from="validation films of the manifest" if from_validation else "model card",
        analysis=analysis,
        published_comparison=compare_with_published(analysis),
        bone_heat=summarise_bone_heat(
            [film.bone_heat for film in film_scores if film is not None and film.bone_heat]
        ),
        heatmap_checks=checks,
    )


def _draw(
    bundle: Bundle, manifest: Manifest, scores: Mapping[str, Values], analysis: Analysis
) -> dict[str, bytes]:
    """Return every figure as PNG, by name."""
    positive = np.array([entry.label for entry in manifest.entries])
    cohort_films = [_test_films_of(manifest, cohort.site) for cohort in analysis.cohorts]
    curves = [
        {name: _roc_curve(scores[name][films], positive[films]) for name in cohort.models}
        for cohort, films in zip(analysis.cohorts, cohort_films, strict=True)
    ]
    threshold = next(iter(analysis.operating_points[IMAGE].values()), 0.5)
    test = np.flatnonzero([entry.split is Split.TEST for entry in manifest.entries])
    test_entries = [manifest.entries[index] for index in test.tolist()]
    selection = most_confident(test_entries, scores[IMAGE][test], threshold)
    image_scores = [(scores[IMAGE][films], positive[films]) for films in cohort_films]
    cohorts, films = analysis.cohorts, _FILMS[manifest.origin]
    return {
        "roc": figures.draw_roc(cohorts, films, curves),
        "calibration": figures.draw_calibration(cohorts, films),
        "decisions": figures.draw_decision_curves(cohorts, films),
        "histograms": figures.draw_histograms(cohorts, films, image_scores, threshold),
        "heat": figures.draw_heatmaps(load_examples(bundle, test_entries, selection), films),
    }


def _test_films_of(manifest: Manifest, site: str) -> Flags:
    return np.array(
        [entry.split is Split.TEST and entry.site == site for entry in manifest.entries]
    )


def _roc_curve(values: Values, positive: Flags) -> figures.RocCurve:
    usable = np.isfinite(values)
    curve = roc_curve(positive[usable], values[usable], drop_intermediate=False)
    return curve[0], curve[1]


def _predictions(manifest: Manifest, scores: Mapping[str, Values]) -> str:
    """Return the scores of the test films as CSV."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["path", "patient_id", "site", "label", *scores])
    for index, entry in enumerate(manifest.entries):
        if entry.split is Split.TEST:
            cells = [
                "" if np.isnan(values[index]) else repr(float(values[index]))
                for values in scores.values()
            ]
            writer.writerow([*_identify(entry, manifest), *cells])
    return stream.getvalue()


def _identify(entry: Entry, manifest: Manifest) -> tuple[str, str, str, int]:
    path = to_cell(entry.path, manifest.file.parent)
    return path, entry.patient_id, entry.site, int(entry.label)
