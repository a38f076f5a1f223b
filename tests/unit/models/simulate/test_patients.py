"""Tests of simulated patients: case mix, splits, and independence of films from the label."""

from collections import Counter, defaultdict
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from models.calibration.auc import auc
from models.simulate import patients
from models.simulate.hospitals import HOSPITALS, STUDY_PATIENTS, STUDY_POSITIVE, hospital
from models.simulate.patients import Patient, apportion, draw_cohort


@pytest.fixture(scope="module")
def cohort() -> list[Patient]:
    """Return a cohort of the study's size."""
    return draw_cohort(STUDY_PATIENTS, 1)


def _clinical_auc(cohort: list[Patient]) -> dict[str, float]:
    """Return the AUC by site of a logistic regression on age, sex and BMI, fitted on train."""
    rows = np.array(
        [[1, p.age, p.sex == "F", p.weight_kg / (p.height_cm / 100) ** 2] for p in cohort], float
    )
    rows[:, 1:] = (rows[:, 1:] - rows[:, 1:].mean(axis=0)) / rows[:, 1:].std(axis=0)
    labels = np.array([p.label for p in cohort], float)
    train = np.array([p.split == "train" for p in cohort])
    sign = 1 - 2 * labels[train]
    fitted = minimize(lambda b: np.logaddexp(0, sign * (rows[train] @ b)).sum(), np.zeros(4)).x
    areas = {}
    for home in HOSPITALS:
        test = np.array([p.site == home.name and p.split == "test" for p in cohort])
        areas[home.name] = auc(rows[test] @ fitted, labels[test] > 0.5)
    return areas


def test_counts_are_the_published_studys(cohort: list[Patient]) -> None:
    assert (len(cohort), sum(p.label for p in cohort)) == (STUDY_PATIENTS, STUDY_POSITIVE)
    assert sum(home.patients for home in HOSPITALS) == STUDY_PATIENTS
    assert sum(home.positive for home in HOSPITALS) == STUDY_POSITIVE
    for home in HOSPITALS:
        mine = [p for p in cohort if p.site == home.name]
        assert (len(mine), sum(p.label for p in mine)) == (home.patients, home.positive)


def test_the_clinical_model_has_the_published_aucs() -> None:
    """The mean AUCs of three cohorts are near 0.84 (internal), 0.76 and 0.53 (external)."""
    cohorts = [_clinical_auc(draw_cohort(STUDY_PATIENTS, seed)) for seed in (11, 12, 13)]
    for name, target in (("internal", 0.84), ("external-1", 0.76), ("external-2", 0.53)):
        assert np.mean([areas[name] for areas in cohorts]) == pytest.approx(target, abs=0.03), name


def test_the_differences_between_sites_result_from_matching(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without matching, age, sex and build have a similar AUC at every site."""
    unmatched = tuple(replace(home, matching=0.0) for home in HOSPITALS)
    monkeypatch.setattr(patients, "HOSPITALS", unmatched)
    areas = _clinical_auc(draw_cohort(STUDY_PATIENTS, 11))
    assert max(areas.values()) - min(areas.values()) < 0.08
    assert areas["external-2"] > 0.65


def test_the_label_follows_from_the_measured_t_score(
    cohort: list[Patient],
) -> None:
    assert all(p.label == (p.t_score <= -2.5) for p in cohort)
    error = np.array([p.t_score - p.latent for p in cohort])
    assert 0.35 < error.std() < 0.45
    # The measurement noise is the same at every hospital.
    by_site = [
        np.std([p.t_score - p.latent for p in cohort if p.site == s.name]) for s in HOSPITALS
    ]
    assert max(by_site) - min(by_site) < 0.06


def test_no_patient_and_no_variant_is_in_two_splits(cohort: list[Patient]) -> None:
    assert len({p.patient_id for p in cohort}) == len(cohort)
    assert len({p.seed for p in cohort}) == len(cohort)
    splits_of_variant = defaultdict(set)
    for patient in cohort:
        splits_of_variant[patient.variant].add((patient.site, patient.split))
    assert all(len(splits) == 1 for splits in splits_of_variant.values())
    assert {split for _, split in set.union(*splits_of_variant.values())} == {
        "train",
        "validation",
        "test",
    }


@pytest.mark.parametrize("count", [60, 333, 1000])
def test_a_smaller_cohort_keeps_prevalence_and_both_classes_everywhere(count: int) -> None:
    cohort = draw_cohort(count, 3)
    assert len(cohort) == count
    assert sum(p.label for p in cohort) == round(count * STUDY_POSITIVE / STUDY_PATIENTS)
    classes = Counter((p.site, p.split, p.label) for p in cohort)
    assert len(classes) == 2 * 5


def test_the_seed_determines_the_patients() -> None:
    assert draw_cohort(100, 5) == draw_cohort(100, 5)
    assert draw_cohort(100, 5) != draw_cohort(100, 6)


def test_only_bone_depends_on_the_label(cohort: list[Patient]) -> None:
    """With density off, no property of a film may correlate with the label."""
    for home in HOSPITALS:
        mine = [p for p in cohort if p.site == home.name]
        labels = np.array([p.label for p in mine], float)
        properties = defaultdict(list)
        for subject in (p.subject() for p in mine):
            for name, value in _numbers(subject):
                properties[name].append(value)
        assert len(properties) > 40
        for name, values in properties.items():
            if np.std(values) == 0:
                continue
            # The limit is 4.5 standard errors, because about a hundred properties are tested.
            correlation = abs(np.corrcoef(values, labels)[0, 1])
            assert correlation < 4.5 / np.sqrt(len(mine)), (home.name, name, correlation)


def _numbers(subject: object, prefix: str = "") -> list[tuple[str, float]]:
    """Return every number of a subject except density, label and seeds, by dotted name."""
    numbers: list[tuple[str, float]] = []
    for name, value in vars(subject).items():
        if name in ("t_score", "label", "seed", "warp"):
            continue
        if hasattr(value, "__dict__"):
            numbers += _numbers(value, f"{prefix}{name}.")
        elif isinstance(value, tuple):
            numbers += [(f"{prefix}{name}.{i}", float(v)) for i, v in enumerate(value)]
        elif isinstance(value, str):
            numbers.append(
                (prefix + name, float(len(value) if name == "marker" else value == "AP"))
            )
        else:
            numbers.append((prefix + name, float(value)))
    return numbers


def test_hospitals_differ_in_equipment(cohort: list[Patient]) -> None:
    exposures = {
        s.name: [p.subject().exposure for p in cohort if p.site == s.name][:150] for s in HOSPITALS
    }
    hard = {
        name: np.mean([exposure.hardness for exposure in group])
        for name, group in exposures.items()
    }
    assert hard["external-1"] < hard["internal"] - 0.2
    assert all(exposure.processing.monochrome1 for exposure in exposures["external-1"])
    assert not any(exposure.processing.monochrome1 for exposure in exposures["external-2"])
    bits = [{exposure.processing.bits for exposure in group} for group in exposures.values()]
    assert bits[0] != bits[1] != bits[2]
    assert hospital("internal").vendor != hospital("external-2").vendor


def test_apportioned_parts_add_up() -> None:
    assert apportion(10, [1, 1, 1]) == [4, 3, 3]
    assert apportion(0, [2, 1]) == [0, 0]
    assert sum(apportion(4541, [2742, 1000, 800])) == 4541
