"""Patients of a simulated cohort: age, sex, build, latent and measured T-score, split, anatomy.

The case mix of a hospital results from the matching of its controls, not from noise on the label.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.simulate.hospitals import (
    HOSPITALS,
    POPULATION,
    STUDY_PATIENTS,
    STUDY_POSITIVE,
    Hospital,
    Population,
    hospital,
)
from models.simulate.subject import DXA_ERROR, T_LIMIT, SimulatedSubject, build_subject

Values = npt.NDArray[np.float64]

_CANDIDATES_PER_PATIENT = 8
"""Number of candidates for each patient of the cohort; close matching needs many candidates."""

_MINIMUM_POOL = 6000
_PATIENTS_PER_VARIANT = 6


@dataclass(frozen=True)
class Patient:
    """One simulated patient and everything that determines the film.

    ``latent`` is the true T-score, ``t_score`` the measured T-score. ``label`` is True if
    ``t_score`` is at or below -2.5. ``seed`` determines pose, findings, devices and exposure.

    The digests and UIDs of simulated files depend on the names of this class and its fields.
    """

    patient_id: str
    site: str
    split: str
    seed: int
    variant: int
    age: int
    sex: str
    weight_kg: float
    height_cm: float
    latent: float
    t_score: float
    label: bool

    def subject(self) -> SimulatedSubject:
        """Return the subject on a film of the patient's hospital."""
        home = hospital(self.site)
        return build_subject(
            self.seed, self.variant, (self.latent, self.label), home.vendor, home.inpatient_share
        )


@dataclass(frozen=True)
class _Candidates:
    """Candidates as arrays; ``expected`` is the mean T-score for age, sex and build."""

    age: Values
    woman: npt.NDArray[np.bool_]
    height: Values
    weight: Values
    expected: Values
    latent: Values
    measured: Values


def draw_cohort(count: int, seed: int) -> list[Patient]:
    """Return ``count`` patients with the study's prevalence; they depend only on the seed."""
    totals = apportion(count, [home.patients for home in HOSPITALS])
    positives = apportion(
        round(count * STUDY_POSITIVE / STUDY_PATIENTS), [home.positive for home in HOSPITALS]
    )
    patients: list[Patient] = []
    for number, home in enumerate(HOSPITALS):
        patients += _draw_hospital(home, (totals[number], positives[number]), (seed, number))
    return patients


def apportion(total: int, weights: Sequence[float]) -> list[int]:
    """Divide ``total`` into integers in proportion to the weights; their sum is ``total``."""
    exact = np.asarray(weights, np.float64) / np.sum(weights) * total
    parts = np.floor(exact).astype(int)
    largest_remainders = np.argsort(parts - exact, kind="stable")[: total - int(parts.sum())]
    parts[largest_remainders] += 1
    return [int(part) for part in parts]


def _draw_hospital(home: Hospital, counts: tuple[int, int], seed: tuple[int, int]) -> list[Patient]:
    """Return the patients of one hospital; its splits have equal prevalence."""
    count, positives = counts
    rng = np.random.default_rng([71, *seed])
    pool = _draw_candidates(POPULATION, max(_MINIMUM_POOL, _CANDIDATES_PER_PATIENT * count), rng)
    positive = pool.measured <= T_LIMIT
    cases = rng.permutation(np.flatnonzero(positive))[:positives]
    controls = _draw_controls(pool.expected, positive, home.matching, count - positives, rng)
    weights = [share for _, share in home.split_shares]
    splits = [
        np.split(group, np.cumsum(apportion(len(group), weights))[:-1])
        for group in (cases, controls)
    ]
    patients: list[Patient] = []
    for (split, _), members in zip(home.split_shares, zip(*splits, strict=True), strict=True):
        order = rng.permutation(np.concatenate(members))
        patients += _register(home, split, pool, order, len(patients), rng)
    return patients


def _draw_candidates(population: Population, count: int, rng: np.random.Generator) -> _Candidates:
    age = np.clip(
        rng.normal(population.age_mean, population.age_spread, count), *population.age_range
    ).round()
    woman = rng.random(count) < population.women
    height = np.where(
        woman,
        rng.normal(*population.height_women, count),
        rng.normal(*population.height_men, count),
    )
    bmi = np.clip(rng.normal(*population.bmi, count), 15.0, 42.0)
    weight = (bmi * (height / 100) ** 2).round(1)
    years_over_65 = age - 65
    expected = (
        population.t_at_65
        + population.t_per_year * years_over_65
        + population.t_per_bmi * (bmi - 25)
    )
    expected = expected + woman * (population.t_women + population.t_per_year_women * years_over_65)
    latent = expected + rng.normal(0.0, population.t_spread, count)
    # A densitometer reports two decimals, and the label is based on them.
    measured = (latent + rng.normal(0.0, DXA_ERROR, count)).round(2)
    return _Candidates(age, woman, height.round(1), weight, expected, latent, measured)


def _draw_controls(
    expected: Values,
    positive: npt.NDArray[np.bool_],
    matching: float,
    count: int,
    rng: np.random.Generator,
) -> npt.NDArray[np.int64]:
    """Draw controls, weighted by the ratio of cases to controls at their expected T-score.

    The weight is this ratio, raised to the power ``matching``.
    """
    candidates = np.flatnonzero(~positive)
    edges = np.quantile(expected, np.linspace(0.0, 1.0, 26)[1:-1])
    case_counts = np.bincount(np.digitize(expected[positive], edges), minlength=25) + 1.0
    bins = np.digitize(expected[candidates], edges)
    control_counts = np.bincount(bins, minlength=25) + 1.0
    weight = matching * np.log(case_counts / control_counts)[bins]
    # The highest sums of log weight and Gumbel noise are a weighted draw without replacement.
    drawn = np.argsort(-(weight + rng.gumbel(size=len(candidates))), kind="stable")[:count]
    return rng.permutation(candidates[drawn])


def _register(
    home: Hospital,
    split: str,
    pool: _Candidates,
    members: npt.NDArray[np.int64],
    first: int,
    rng: np.random.Generator,
) -> list[Patient]:
    """Return the patients of a split; each gets an ID, an anatomy of the split, and a seed."""
    variants = dict(home.split_variants)[split]
    variant_count = min(len(variants), max(2, len(members) // _PATIENTS_PER_VARIANT))
    letter = home.name[0].upper() + home.name[-1].upper()
    return [
        Patient(
            patient_id=f"SIM-{letter}-{first + number + 1:05d}",
            site=home.name,
            split=split,
            seed=int(rng.integers(2**40)),
            variant=variants[int(rng.integers(variant_count))],
            age=int(pool.age[member]),
            sex="F" if pool.woman[member] else "M",
            weight_kg=float(pool.weight[member]),
            height_cm=float(pool.height[member]),
            latent=float(pool.latent[member]),
            t_score=float(pool.measured[member]),
            label=bool(pool.measured[member] <= T_LIMIT),
        )
        for number, member in enumerate(members.tolist())
    ]
