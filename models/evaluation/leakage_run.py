"""Leakage checks of a bundle on a simulated cohort (`osteoscreen model leakage`).

The cohort is a folder that ``osteoscreen model simulate --twins --density-off`` has written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.bundle.score import Bundle
from models.calibration.auc import Flags, IntervalEstimate, Values, auc_with_interval
from models.dataset.entry import Entry, ManifestError, Split, manifest_error
from models.dataset.manifest import read_manifest
from models.evaluation.image_scores import read_film_features, score_films
from models.evaluation.leakage_checks import (
    DENSITY_OFF_HIGH,
    LeakageCheck,
    chance_margin,
    check_density_off,
    check_grey_level,
    check_permuted_labels,
    check_plausible_auc,
    check_twins,
    grey_level_features,
    permute_labels,
)
from models.evaluation.report import describe_bundle, to_json
from models.io.atomic_file import write_atomically

SCORES, JSON = "scores.csv", "leakage.json"
FORMAT = 2
"""Version of leakage.json; it increases when a key changes its name or meaning."""

ORIGINALS, TWINS, DENSITY_OFF = "manifest.csv", "twins.csv", "density-off.csv"


@dataclass(frozen=True)
class LeakageCohort:
    """Test films of three manifests, which list the same patients in the same order.

    ``thinner`` (n,) is True if the twin has less bone than the original.
    """

    originals: tuple[Entry, ...]
    twins: tuple[Entry, ...]
    density_off: tuple[Entry, ...]
    thinner: Flags

    @property
    def positive(self) -> Flags:
        """Labels of the original films; the density-off films have the same labels."""
        return np.array([entry.label for entry in self.originals])

    @property
    def sites(self) -> list[str]:
        """The hospital of each film."""
        return [entry.site for entry in self.originals]


@dataclass(frozen=True)
class LeakageReport:
    """Content of ``leakage.json``; no check uses ``density_off_by_site``."""

    bundle: Mapping[str, str]
    films: int
    positives: int
    seed: int
    holds: bool
    checks: tuple[LeakageCheck, ...]
    density_off_by_site: Mapping[str, IntervalEstimate]
    format: int = FORMAT


def check_leakage(folder: Path, bundle: Bundle, out: Path, seed: int = 0) -> LeakageReport:
    """Score the cohort's test films with ``bundle``, run all checks, write ``out/leakage.json``.

    An interrupted run resumes from ``out/scores.csv``. Raises ManifestError.
    """
    cohort = read_leakage_cohort(folder)
    parts = (cohort.originals, cohort.twins, cohort.density_off)
    features = [read_film_features(part, grey_level_features) for part in parts]
    out.mkdir(parents=True, exist_ok=True)
    original, twin, density_off = (
        np.array([film.logit for film in score_films(bundle, part, films, out / SCORES)])
        for part, films in zip(parts, features, strict=True)
    )
    grey_levels = np.stack([film.features for film in features[0]])
    checks = run_checks(cohort, (original, twin, density_off), grey_levels, seed)
    by_site = {
        site: auc_with_interval(density_off[inside], cohort.positive[inside])
        for site, inside in _films_by_site(cohort).items()
    }
    report = LeakageReport(
        bundle=describe_bundle(bundle.card),
        films=len(cohort.originals),
        positives=int(cohort.positive.sum()),
        seed=seed,
        holds=all(check.holds for check in checks),
        checks=checks,
        density_off_by_site=by_site,
    )
    write_atomically(out / JSON, to_json(report))
    return report


def run_checks(
    cohort: LeakageCohort, scores: tuple[Values, Values, Values], grey_levels: Values, seed: int
) -> tuple[LeakageCheck, ...]:
    """Return all checks; ``scores`` contains scores (n,) of original, twin and density-off films.

    ``grey_levels`` (n, 4) belong to the original films.
    """
    original, twin, density_off = scores
    return (
        check_density_off(density_off, cohort.positive),
        check_permuted_labels(original, permute_labels(cohort.positive, cohort.sites, seed)),
        check_twins(original, twin, cohort.thinner),
        *(
            check_plausible_auc(site, original[inside], cohort.positive[inside])
            for site, inside in _films_by_site(cohort).items()
        ),
        check_grey_level(grey_levels, cohort.positive, cohort.sites),
    )


def read_leakage_cohort(folder: Path) -> LeakageCohort:
    """Read the three manifests and match their patients. Raises ManifestError."""
    names = (ORIGINALS, TWINS, DENSITY_OFF)
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        command = f"osteoscreen model simulate --out {folder} --twins --density-off"
        raise ManifestError(f"{folder} lacks {', '.join(missing)}: create them with {command}")
    originals, twins, density_off = (read_manifest(folder / name).of(Split.TEST) for name in names)
    twins = _match_patients(originals, twins, TWINS)
    density_off = _match_patients(originals, density_off, DENSITY_OFF)
    _refuse_changed_labels(originals, density_off)
    cohort = LeakageCohort(originals, twins, density_off, _thinner(originals, twins))
    _refuse_small_cohort(cohort, folder)
    return cohort


def _match_patients(
    originals: Sequence[Entry], films: Sequence[Entry], name: str
) -> tuple[Entry, ...]:
    """Return ``films`` of the manifest ``name`` in the order of the patients in ``originals``."""
    by_patient = {entry.patient_id: entry for entry in films}
    unmatched = sorted({entry.patient_id for entry in originals} ^ by_patient.keys())
    if unmatched or not len(originals) == len(films) == len(by_patient):
        raise manifest_error(
            f"{name} and {ORIGINALS} do not list one test film each of the same patients; "
            "simulate them together",
            unmatched or ["several films of one patient"],
        )
    return tuple(by_patient[entry.patient_id] for entry in originals)


def _refuse_changed_labels(originals: Sequence[Entry], density_off: Sequence[Entry]) -> None:
    pairs = zip(originals, density_off, strict=True)
    patients = [original.patient_id for original, film in pairs if original.label != film.label]
    if patients:
        raise manifest_error(
            f"labels of {DENSITY_OFF} differ from those of {ORIGINALS}; simulate them together",
            patients,
        )


def _thinner(originals: Sequence[Entry], twins: Sequence[Entry]) -> Flags:
    """Return whether each twin has the lower T-score, (n,).

    Raises ManifestError if a T-score is missing, or if a twin has the same T-score.
    """
    thinner, undecided = [], []
    for original, twin in zip(originals, twins, strict=True):
        t_score, twin_t_score = original.t_score, twin.t_score
        if t_score is None or twin_t_score is None or t_score == twin_t_score:
            undecided.append(original.patient_id)
        else:
            thinner.append(twin_t_score < t_score)
    if undecided:
        raise manifest_error(f"t_score is missing or equal in {TWINS} and {ORIGINALS}", undecided)
    return np.array(thinner)


def _refuse_small_cohort(cohort: LeakageCohort, folder: Path) -> None:
    margin = chance_margin(cohort.positive) if len(cohort.originals) else 1.0
    if margin > DENSITY_OFF_HIGH - 0.5:
        raise ManifestError(
            f"{folder} has {len(cohort.originals)} test films, too few: by chance, the AUC differs "
            f"from 0.5 by up to {margin:.2f}; simulate at least 1100 patients"
        )


def _films_by_site(cohort: LeakageCohort) -> dict[str, Flags]:
    sites = np.array(cohort.sites)
    return {site: sites == site for site in dict.fromkeys(cohort.sites)}
