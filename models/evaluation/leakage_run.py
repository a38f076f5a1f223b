"""Hold a bundle to the guards of ``evaluation.honesty`` on a simulated cohort.

The cohort is a folder that ``osteoscreen model simulate --twins --density-off`` left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.bundle.score import Bundle
from models.dataset.entry import Entry, ManifestError, Split, refuse
from models.dataset.manifest import read_manifest
from models.evaluation.discrimination import Flags, Interval, Values, auc
from models.evaluation.leakage_checks import (
    OFF_HIGH,
    Verdict,
    chance_alone,
    density_off,
    grey_level,
    grey_levels,
    not_too_good,
    permuted,
    shuffled,
    twins,
)
from models.evaluation.report import describe_bundle, to_json
from models.evaluation.scores import read_films, score_films
from models.io.atomic_file import write_whole

SCORES, JSON = "scores.csv", "honesty.json"
FORMAT = 1
"""Rises when a key of honesty.json changes its meaning."""

PLAIN, TWINS, OFF = "manifest.csv", "twins.csv", "density-off.csv"


@dataclass(frozen=True)
class Cohort:
    """The test films of three manifests, of the same patients in the same order.

    ``thinner`` (n,) says whose twin has less bone.
    """

    plain: tuple[Entry, ...]
    twins: tuple[Entry, ...]
    off: tuple[Entry, ...]
    thinner: Flags

    @property
    def positive(self) -> Flags:
        """Labels of the plain films, which density-off films share."""
        return np.array([entry.label for entry in self.plain])

    @property
    def sites(self) -> list[str]:
        """The hospital of each film."""
        return [entry.site for entry in self.plain]


@dataclass(frozen=True)
class Honesty:
    """Everything that ``honesty.json`` holds; ``off_by_site`` is shown, not judged."""

    bundle: Mapping[str, str]
    films: int
    positives: int
    seed: int
    holds: bool
    verdicts: tuple[Verdict, ...]
    off_by_site: Mapping[str, Interval]
    format: int = FORMAT


def examine(folder: Path, bundle: Bundle, out: Path, seed: int = 0) -> Honesty:
    """Score the cohort's test films with ``bundle`` and judge; leaves ``out/honesty.json``.

    A run that was broken off resumes from ``out/scores.csv``. Raises ManifestError.
    """
    cohort = read_cohort(folder)
    parts = (cohort.plain, cohort.twins, cohort.off)
    readings = [read_films(part, grey_levels) for part in parts]
    out.mkdir(parents=True, exist_ok=True)
    plain, other, off = (
        np.array([one.logit for one in score_films(bundle, part, read, out / SCORES)])
        for part, read in zip(parts, readings, strict=True)
    )
    greys = np.stack([one.measured for one in readings[0]])
    verdicts = judge(cohort, (plain, other, off), greys, seed)
    by_site = {
        site: auc(off[inside], cohort.positive[inside]) for site, inside in _by_site(cohort).items()
    }
    found = Honesty(
        bundle=describe_bundle(bundle.card),
        films=len(cohort.plain),
        positives=int(cohort.positive.sum()),
        seed=seed,
        holds=all(one.holds for one in verdicts),
        verdicts=verdicts,
        off_by_site=by_site,
    )
    write_whole(out / JSON, to_json(found))
    return found


def judge(
    cohort: Cohort, scores: tuple[Values, Values, Values], greys: Values, seed: int
) -> tuple[Verdict, ...]:
    """Every guard's verdict on scores of plain films, twins and density-off films, (n,) each.

    ``greys`` (n, 4) are the plain films' grey levels.
    """
    plain, other, off = scores
    return (
        density_off(off, cohort.positive),
        permuted(plain, shuffled(cohort.positive, cohort.sites, seed)),
        twins(plain, other, cohort.thinner),
        *(
            not_too_good(site, plain[inside], cohort.positive[inside])
            for site, inside in _by_site(cohort).items()
        ),
        grey_level(greys, cohort.positive, cohort.sites),
    )


def read_cohort(folder: Path) -> Cohort:
    """Read the three manifests and match their patients. Raises ManifestError."""
    absent = [name for name in (PLAIN, TWINS, OFF) if not (folder / name).is_file()]
    if absent:
        remedy = f"osteoscreen model simulate --out {folder} --twins --density-off"
        raise ManifestError(f"{folder} lacks {', '.join(absent)}: make them with {remedy}")
    plain, other, off = (
        read_manifest(folder / name).of(Split.TEST) for name in (PLAIN, TWINS, OFF)
    )
    other, off = _matched(plain, other, TWINS), _matched(plain, off, OFF)
    _refuse_relabelled(plain, off)
    cohort = Cohort(plain, other, off, _thinner(plain, other))
    _refuse_few(cohort, folder)
    return cohort


def _matched(plain: Sequence[Entry], other: Sequence[Entry], name: str) -> tuple[Entry, ...]:
    """The other manifest's films in the order of the plain ones' patients."""
    by_patient = {entry.patient_id: entry for entry in other}
    strays = sorted({entry.patient_id for entry in plain} ^ by_patient.keys())
    if strays or not len(plain) == len(other) == len(by_patient):
        raise refuse(
            f"{name} and {PLAIN} do not list one test film each of the same patients; "
            "simulate them together",
            strays or ["several films of one patient"],
        )
    return tuple(by_patient[entry.patient_id] for entry in plain)


def _refuse_relabelled(plain: Sequence[Entry], off: Sequence[Entry]) -> None:
    pairs = zip(plain, off, strict=True)
    patients = [one.patient_id for one, other in pairs if one.label != other.label]
    if patients:
        raise refuse(f"labels of {OFF} are not those of {PLAIN}; simulate them together", patients)


def _thinner(plain: Sequence[Entry], other: Sequence[Entry]) -> Flags:
    """Whose twin has the lower T-score, (n,). Raises ManifestError where that is not known."""
    scores = [(one.t_score, two.t_score) for one, two in zip(plain, other, strict=True)]
    known = [one is not None and two is not None and one != two for one, two in scores]
    if not all(known):
        patients = [one.patient_id for one, told in zip(plain, known, strict=True) if not told]
        raise refuse(f"{TWINS} does not give another t_score than {PLAIN}", patients)
    return np.array([two is not None and one is not None and two < one for one, two in scores])


def _refuse_few(cohort: Cohort, folder: Path) -> None:
    chance = chance_alone(cohort.positive) if len(cohort.plain) else 1.0
    if chance > OFF_HIGH - 0.5:
        raise ManifestError(
            f"{folder} has {len(cohort.plain)} test films: chance alone moves an area by "
            f"{chance:.2f} with so few; simulate at least 1100 patients"
        )


def _by_site(cohort: Cohort) -> dict[str, Flags]:
    sites = np.array(cohort.sites)
    return {site: sites == site for site in dict.fromkeys(cohort.sites)}
