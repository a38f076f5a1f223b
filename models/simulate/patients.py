"""Who comes to the three hospitals: age, sex, build, latent and measured T-score, split, anatomy.

Case mix is made by whom a hospital sees and against whom its patients are matched, never by noise
on the label.
"""

from __future__ import annotations

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

_POOL = 8
"""Candidates for each place; matching needs enough to choose from."""

_LEAST_POOL = 6000
_PATIENTS_PER_VARIANT = 6


@dataclass(frozen=True)
class Patient:
    """One simulated patient and all that decides the film.

    ``latent`` is the T-score that the bones have, ``t_score`` what the densitometer read, ``label``
    whether that is at or under -2.5. ``seed`` decides the film's nuisances.
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
        """The patient on a film of the patient's hospital."""
        home = hospital(self.site)
        return build_subject(
            self.seed, self.variant, (self.latent, self.label), home.vendor, home.inpatient_share
        )


@dataclass(frozen=True)
class _Candidates:
    """Candidates as columns; ``expected`` is the T-score that age, sex and build lead to expect."""

    age: Values
    woman: npt.NDArray[np.bool_]
    height: Values
    weight: Values
    expected: Values
    latent: Values
    measured: Values


def draw_cohort(count: int, seed: int) -> list[Patient]:
    """A cohort of ``count`` patients, the same for the same seed; prevalence as in the study."""
    places = apportion(count, [home.patients for home in HOSPITALS])
    sick = apportion(
        round(count * STUDY_POSITIVE / STUDY_PATIENTS), [home.positive for home in HOSPITALS]
    )
    patients: list[Patient] = []
    for number, home in enumerate(HOSPITALS):
        patients += _draw_hospital(home, (places[number], sick[number]), (seed, number))
    return patients


def apportion(total: int, weights: Sequence[float]) -> list[int]:
    """``total`` in whole parts as near to the weights as can be, and exactly ``total`` in sum."""
    exact = np.asarray(weights, np.float64) / np.sum(weights) * total
    parts = np.floor(exact).astype(int)
    rest = np.argsort(parts - exact, kind="stable")[: total - int(parts.sum())]
    parts[rest] += 1
    return [int(part) for part in parts]


def _draw_hospital(home: Hospital, places: tuple[int, int], seed: tuple[int, int]) -> list[Patient]:
    """The patients of one hospital: its sick and its well, shuffled and dealt to the splits."""
    count, sick = places
    rng = np.random.default_rng([71, *seed])
    pool = _draw_candidates(POPULATION, max(_LEAST_POOL, _POOL * count), rng)
    positive = pool.measured <= T_LIMIT
    chosen_sick = rng.permutation(np.flatnonzero(positive))[:sick]
    chosen_well = _draw_controls(pool.expected, positive, home.matching, count - sick, rng)
    names = [name for name, _ in home.split_shares]
    weights = [share for _, share in home.split_shares]
    patients: list[Patient] = []
    dealt = [apportion(len(group), weights) for group in (chosen_sick, chosen_well)]
    start = [0, 0]
    for index, split in enumerate(names):
        members: list[int] = []
        for side, group in enumerate((chosen_sick, chosen_well)):
            members += group[start[side] : start[side] + dealt[side][index]].tolist()
            start[side] += dealt[side][index]
        order = rng.permutation(members)
        patients += _register(home, split, pool, order, len(patients), rng)
    return patients


def _draw_candidates(people: Population, count: int, rng: np.random.Generator) -> _Candidates:
    age = np.clip(rng.normal(people.age_mean, people.age_spread, count), *people.age_range).round()
    woman = rng.random(count) < people.women
    height = np.where(
        woman, rng.normal(*people.height_women, count), rng.normal(*people.height_men, count)
    )
    bmi = np.clip(rng.normal(*people.bmi, count), 15.0, 42.0)
    weight = (bmi * (height / 100) ** 2).round(1)
    over = age - 65
    expected = people.t_at_65 + people.t_per_year * over + people.t_per_bmi * (bmi - 25)
    expected = expected + woman * (people.t_women + people.t_per_year_women * over)
    latent = expected + rng.normal(0.0, people.t_spread, count)
    # A densitometer prints two decimals; the label is of what it prints.
    measured = (latent + rng.normal(0.0, DXA_ERROR, count)).round(2)
    return _Candidates(age, woman, height.round(1), weight, expected, latent, measured)


def _draw_controls(
    expected: Values,
    positive: npt.NDArray[np.bool_],
    matching: float,
    count: int,
    rng: np.random.Generator,
) -> npt.NDArray[np.int64]:
    """Choose the well: by how often the sick have their expected T-score, to the power given."""
    well = np.flatnonzero(~positive)
    edges = np.quantile(expected, np.linspace(0.0, 1.0, 26)[1:-1])
    among_sick = np.bincount(np.digitize(expected[positive], edges), minlength=25) + 1.0
    bins = np.digitize(expected[well], edges)
    among_well = np.bincount(bins, minlength=25) + 1.0
    weight = matching * np.log(among_sick / among_well)[bins]
    # The largest of log weight + Gumbel noise are a weighted draw without putting back.
    drawn = np.argsort(-(weight + rng.gumbel(size=len(well))), kind="stable")[:count]
    return rng.permutation(well[drawn])


def _register(
    home: Hospital,
    split: str,
    pool: _Candidates,
    members: npt.NDArray[np.int64],
    first: int,
    rng: np.random.Generator,
) -> list[Patient]:
    """Give each member a number, an anatomy of the split's own, and a seed."""
    split_variants = dict(home.split_variants)[split]
    used = min(len(split_variants), max(2, len(members) // _PATIENTS_PER_VARIANT))
    letter = home.name[0].upper() + home.name[-1].upper()
    return [
        Patient(
            patient_id=f"SIM-{letter}-{first + number + 1:05d}",
            site=home.name,
            split=split,
            seed=int(rng.integers(2**40)),
            variant=split_variants[int(rng.integers(used))],
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
