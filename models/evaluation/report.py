"""Content of ``report.json``: the bundle, the films, all results, and the published AUCs."""

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from models.bundle.card import Card
from models.calibration.auc import IntervalEstimate
from models.dataset.entry import FilmOrigin, Split
from models.dataset.manifest import Manifest
from models.evaluation.analysis import REFITTED, Analysis
from models.evaluation.heatmap_checks import BoneHeat, HeatmapChecks
from models.evaluation.published import (
    CLINICAL,
    COMBINED,
    IMAGE,
    PUBLISHED_AUC,
    ROLES,
    match_roles,
)

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

FORMAT = 2
"""Version of report.json; it increases when a key changes its name or meaning."""

_COMPARED = ((IMAGE, IMAGE), (CLINICAL, CLINICAL), (REFITTED, CLINICAL), (COMBINED, COMBINED))
"""Models compared with the published study, each with the corresponding published model."""


@dataclass(frozen=True)
class ManifestSummary:
    """Origin of the films, and number of films by split."""

    manifest: str
    origin: FilmOrigin | None
    films: Mapping[str, int]
    patients: Mapping[str, int]
    positives: Mapping[str, int]
    sites: tuple[str, ...]
    with_clinical_inputs: int


@dataclass(frozen=True)
class BoneHeatSummary:
    """Summary of the heat in bone of all films that have a bone mask.

    ``heat_share`` and ``area_share`` are means over the films. ``ratio`` is the median over the
    films, with the interval that contains the middle 95 %.
    """

    films: int
    heat_share: float
    area_share: float
    ratio: IntervalEstimate


@dataclass(frozen=True)
class PublishedComparison:
    """A published AUC, and the AUC of this evaluation for the same model and role."""

    model: str
    role: str
    published: float
    cohort: str | None
    measured: IntervalEstimate | None


@dataclass(frozen=True)
class EvaluationReport:
    """Content of ``report.json``."""

    bundle: Mapping[str, str]
    data: ManifestSummary
    seed: int
    baseline: str
    clinical_refit: str
    thresholds_from: str
    analysis: Analysis
    published_comparison: tuple[PublishedComparison, ...]
    bone_heat: BoneHeatSummary | None
    heatmap_checks: HeatmapChecks
    format: int = FORMAT


def describe_bundle(card: Card) -> dict[str, str]:
    """Return name, version, digest and intended use of a bundle."""
    return {key: getattr(card, key) for key in ("name", "version", "digest", "intended_use")}


def describe_films(manifest: Manifest) -> ManifestSummary:
    """Count films, patients and positives by split."""
    by_split = {str(split): manifest.of(split) for split in Split}
    return ManifestSummary(
        manifest=manifest.file.name,
        origin=manifest.origin,
        films={name: len(films) for name, films in by_split.items()},
        patients={
            name: len({film.patient_id for film in films}) for name, films in by_split.items()
        },
        positives={name: sum(film.label for film in films) for name, films in by_split.items()},
        sites=manifest.sites,
        with_clinical_inputs=sum(
            None not in (film.age, film.sex, film.bmi) for film in manifest.entries
        ),
    )


def compare_with_published(analysis: Analysis) -> tuple[PublishedComparison, ...]:
    """Return published and measured AUCs, model by model, in the order of ``ROLES``."""
    internal = [cohort for cohort in analysis.cohorts if cohort.internal]
    external = [cohort for cohort in analysis.cohorts if not cohort.internal]
    cohorts = match_roles(internal, external)
    cells = []
    for model, published_model in _COMPARED:
        measured = any(model in cohort.models for cohort in analysis.cohorts)
        if model not in PUBLISHED_AUC and not measured:
            continue
        for role, area in zip(ROLES, PUBLISHED_AUC[published_model], strict=True):
            cohort = cohorts.get(role)
            result = cohort.models.get(model) if cohort else None
            name = cohort.name if cohort else None
            auc = result.auc if result else None
            cells.append(PublishedComparison(model, role, area, name, auc))
    return tuple(cells)


def summarise_bone_heat(films: Sequence[BoneHeat]) -> BoneHeatSummary | None:
    """Summarise the films' shares of heat in bone; return None if there are no films."""
    if not films:
        return None
    low, median, high = np.percentile([film.ratio for film in films], [2.5, 50, 97.5]).tolist()
    return BoneHeatSummary(
        films=len(films),
        heat_share=float(np.mean([film.heat_share for film in films])),
        area_share=float(np.mean([film.area_share for film in films])),
        ratio=IntervalEstimate(median, low, high),
    )


def to_json(report: "DataclassInstance") -> str:
    """Return JSON with keys in the order of the fields; NaN and infinity become null."""
    content = dataclasses.asdict(report)
    return json.dumps(_plain(content), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
