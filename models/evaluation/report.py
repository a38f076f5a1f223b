"""The report as data: what was evaluated on what, what came out, and the published figures."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from models.bundle.card import Card
from models.dataset.entry import FilmOrigin, Split
from models.dataset.manifest import Manifest
from models.evaluation.analysis import REFITTED, Study
from models.evaluation.discrimination import Interval
from models.evaluation.heatmap_checks import BoneHeat, Faithfulness
from models.evaluation.published import CLINICAL, COMBINED, IMAGE, PAPER, ROLES, in_roles

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

FORMAT = 1
"""Rises when a key of report.json changes its meaning."""


_ROWS = ((IMAGE, IMAGE), (CLINICAL, CLINICAL), (REFITTED, CLINICAL), (COMBINED, COMBINED))
"""Models in the table beside the published one, and whose published figures stand beside each."""


@dataclass(frozen=True)
class Origins:
    """The films: where they come from and how many there are, by split."""

    manifest: str
    origin: FilmOrigin | None
    films: Mapping[str, int]
    patients: Mapping[str, int]
    positives: Mapping[str, int]
    sites: tuple[str, ...]
    with_clinical_facts: int


@dataclass(frozen=True)
class BoneSummary:
    """Heat in bone over the films that have a mask; ``ratio`` has the films' percentiles."""

    films: int
    heat: float
    area: float
    ratio: Interval


@dataclass(frozen=True)
class Beside:
    """One cell of the paper's table: the published area, and ours in the same role."""

    model: str
    role: str
    paper: float
    cohort: str | None
    ours: Interval | None


@dataclass(frozen=True)
class Report:
    """Everything that ``report.json`` holds."""

    bundle: Mapping[str, str]
    data: Origins
    seed: int
    baseline: str
    refitted: str
    points_from: str
    study: Study
    beside: tuple[Beside, ...]
    bone: BoneSummary | None
    faithfulness: Faithfulness
    format: int = FORMAT


def describe_bundle(card: Card) -> dict[str, str]:
    """Which model this is about."""
    return {
        "name": card.name,
        "version": card.version,
        "digest": card.digest,
        "intended_use": card.intended_use,
    }


def describe_films(manifest: Manifest) -> Origins:
    """Count films, patients and positives by split."""
    by_split = {str(split): manifest.of(split) for split in Split}
    return Origins(
        manifest=manifest.file.name,
        origin=manifest.origin,
        films={name: len(films) for name, films in by_split.items()},
        patients={name: len({one.patient_id for one in own}) for name, own in by_split.items()},
        positives={name: sum(one.label for one in own) for name, own in by_split.items()},
        sites=manifest.sites,
        with_clinical_facts=sum(
            None not in (one.age, one.sex, one.bmi) for one in manifest.entries
        ),
    )


def beside_paper(study: Study) -> tuple[Beside, ...]:
    """The published table with ours beside it, hospitals in the manifest's order."""
    internal = [cohort for cohort in study.cohorts if cohort.internal]
    external = [cohort for cohort in study.cohorts if not cohort.internal]
    ours = in_roles(internal, external)
    cells = []
    for model, as_published in _ROWS:
        if model not in PAPER and not any(model in cohort.models for cohort in study.cohorts):
            continue
        areas = PAPER[as_published]
        for role, area in zip(ROLES, areas, strict=True):
            cohort = ours.get(role)
            result = cohort.models.get(model) if cohort else None
            name = cohort.name if cohort else None
            cells.append(Beside(model, role, area, name, result.auc if result else None))
    return tuple(cells)


def summarise_bone(found: Sequence[BoneHeat]) -> BoneSummary | None:
    """Means over films, and the median ratio with the middle 95 % of films."""
    if not found:
        return None
    low, middle, high = np.percentile([one.ratio for one in found], [2.5, 50, 97.5]).tolist()
    return BoneSummary(
        films=len(found),
        heat=float(np.mean([one.heat for one in found])),
        area=float(np.mean([one.area for one in found])),
        ratio=Interval(middle, low, high),
    )


def to_json(report: DataclassInstance) -> str:
    """JSON with keys in the order of the classes; what is no number becomes null."""
    content = dataclasses.asdict(report)
    return json.dumps(_plain(content), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
