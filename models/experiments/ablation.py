"""Ablation: the variants of the net, and the table that compares them.

This module is pure; ``ablation_run`` trains the variants and writes the table.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from models.calibration.auc import (
    AucComparison,
    IntervalEstimate,
    Values,
    auc_with_interval,
    compare_aucs,
    p_value_text,
)
from models.dataset.entry import Entry, ManifestError, manifest_error
from models.experiments.monai_mil import MilNet
from models.nets.grid import STRIDE, FilmNet, GridConfig, GridNet

FULL = "full"


@dataclass(frozen=True)
class NetVariant:
    """A net to compare: the full net with ``changes`` to ``GridConfig``, or MONAI's MIL net."""

    name: str
    description: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    mil: bool = False

    def build(self, config: GridConfig) -> FilmNet:
        """Return this variant of the net for ``config``, with weights from torch's random seed."""
        return MilNet(config) if self.mil else GridNet(replace(config, **self.changes))


VARIANTS = (
    NetVariant(
        FULL, "ResNet-18 on each block, thumbnail, position, Transformer, attention pooling"
    ),
    NetVariant("no-transformer", "blocks are combined only by the pooling", {"transformer": False}),
    NetVariant("no-position", "no position embedding of the blocks", {"position": False}),
    NetVariant("no-thumbnail", "no token for the whole film", {"thumbnail": False}),
    NetVariant(
        "whole-film",
        "ResNet on the whole film; its feature map is cut into blocks",
        {"whole_film": True},
    ),
    NetVariant("monai-att-trans", 'MONAI\'s MILModel("att_trans") on the same blocks', mil=True),
)


@dataclass(frozen=True)
class VariantTraining:
    """Record of a variant's training.

    ``seconds`` is the time that ``machine`` needed for ``films`` films, without validation.
    ``best_step`` is the step of the selected checkpoint.
    """

    parameters: int
    steps: int
    films: int
    seconds: float
    best_step: int
    validation_auc: float
    machine: str


@dataclass(frozen=True)
class VariantResult:
    """Training record of a variant, and its logits for the test films in the manifest's order."""

    training: VariantTraining
    logits: tuple[float, ...]


@dataclass(frozen=True)
class SiteComparison:
    """Result of a variant on the test films of one site.

    ``difference_from_full`` is None for the full net itself.
    """

    site: str
    films: int
    positives: int
    auc: IntervalEstimate
    difference_from_full: AucComparison | None


@dataclass(frozen=True)
class VariantRow:
    """One row of the table."""

    variant: str
    description: str
    training: VariantTraining
    sites: tuple[SiteComparison, ...]


@dataclass(frozen=True)
class AblationSetting:
    """Data and settings that all variants share."""

    manifest: str
    manifest_sha256: str
    origin: str
    train: int
    validation: int
    test: int
    size: int
    steps: int
    batch: int
    seed: int
    start: str


def refuse_small_sites(tested: Sequence[Entry]) -> None:
    """Raise ManifestError if a site has fewer than two test films of a class (DeLong needs two)."""
    small = [
        f"{site} ({sum(labels)} of {len(labels)} with label 1)"
        for site, labels in _labels(tested).items()
        if min(sum(labels), len(labels) - sum(labels)) < 2
    ]
    if small:
        raise manifest_error("sites with fewer than two test films of a class", small)


def refuse_single_film_batch(films: int, batch: int, config: GridConfig) -> None:
    """Raise ManifestError if the last batch of an epoch has one film with a feature map of 1 x 1.

    Batch norm cannot compute a variance from one value. A whole-film net whose blocks have one cell
    computes a map of 1 x 1 from each thumbnail.
    """
    if films % batch == 1 and config.block == STRIDE:
        raise ManifestError(
            f"{films} films of the split train in batches of {batch} leave a batch with one film, "
            "which the whole-film net cannot use: choose another --batch"
        )


def tabulate(
    results: Mapping[str, VariantResult], tested: Sequence[Entry]
) -> tuple[VariantRow, ...]:
    """Return a row for each variant; ``tested`` are the test films in the order of the logits."""
    full = np.array(results[FULL].logits, np.float64)
    rows = []
    for variant in VARIANTS:
        result = results[variant.name]
        logits = np.stack([np.array(result.logits, np.float64), full])  # (2, n)
        sites = tuple(
            _compare_at_site(variant.name, site, logits, tested) for site in _labels(tested)
        )
        rows.append(VariantRow(variant.name, variant.description, result.training, sites))
    return tuple(rows)


def to_json(setting: AblationSetting, rows: Sequence[VariantRow]) -> str:
    """Return the table as JSON."""
    content = {"setting": asdict(setting), "variants": [asdict(row) for row in rows]}
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def to_markdown(setting: AblationSetting, rows: Sequence[VariantRow]) -> str:
    """Return the table as Markdown, with the notes that a reader needs."""
    sites = [_cell(result.site) for result in rows[0].sites]
    head = ["variant", "parameters", "s per film", "best step"]
    head += [title for site in sites for title in (f"{site}: AUC", f"{site}: minus full, p")]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    lines += [f"| {' | '.join(_cells(row))} |" for row in rows]
    descriptions = [f"- `{row.variant}`: {row.description}." for row in rows]
    return "\n".join(
        [
            "# Ablation",
            "",
            *_describe(setting, rows),
            "",
            *lines,
            "",
            *descriptions,
            "",
            *_NOTES,
            "",
        ]
    )


def _compare_at_site(
    name: str, site: str, logits: Values, tested: Sequence[Entry]
) -> SiteComparison:
    """Compare two nets at one site; ``logits`` (2, n) has rows for the variant and the full net."""
    inside = np.array([entry.site == site for entry in tested])
    positive = np.array([entry.label for entry in tested])[inside]
    return SiteComparison(
        site=site,
        films=len(positive),
        positives=int(positive.sum()),
        auc=auc_with_interval(logits[0, inside], positive),
        difference_from_full=None
        if name == FULL
        else compare_aucs(name, FULL, logits[:, inside], positive),
    )


def _labels(tested: Sequence[Entry]) -> dict[str, list[bool]]:
    """Return the labels by site, with sites in the order of their first film."""
    labels: dict[str, list[bool]] = {}
    for entry in tested:
        labels.setdefault(entry.site, []).append(entry.label)
    return labels


def _cells(row: VariantRow) -> list[str]:
    training = row.training
    cells = [row.variant, f"{training.parameters:,}", f"{training.seconds / training.films:.3g}"]
    cells.append(str(training.best_step))
    for site in row.sites:
        cells.append(site.auc.text())
        gap = site.difference_from_full
        cells.append(f"{gap.difference.text(sign='+')}, {p_value_text(gap.p)}" if gap else "")
    return cells


def _cell(text: str) -> str:
    """Return the text without line breaks, and with each table separator ``|`` escaped."""
    return " ".join(text.split()).replace("|", "\\|")


def _describe(setting: AblationSetting, rows: Sequence[VariantRow]) -> list[str]:
    machines = "; ".join(dict.fromkeys(row.training.machine for row in rows))
    test = ", ".join(
        f"{_cell(site.site)} {site.films} ({site.positives})" for site in rows[0].sites
    )
    return [
        f"Manifest {_cell(setting.manifest)}, {setting.origin}: {setting.train} training films, "
        f"{setting.validation} validation films; test films (with label 1): {test}.",
        f"Each variant: {setting.steps} steps of {setting.batch} films of {setting.size} px, "
        f"seed {setting.seed}, {machines}. ResNet: {setting.start}; other weights: from the seed.",
    ]


_NOTES = (
    "AUC with DeLong's 95 % interval. *Minus full* is the variant's AUC minus that of the full net "
    "on the same films, with its interval and the p value of DeLong's paired test. p values are "
    "not corrected for multiple comparisons.",
    "",
    "Every variant was trained once, from one seed. Intervals and p values cover the sampling of "
    "the test films, not the randomness of the training; repeat with another `--seed` for that.",
    "",
    "The batch norm of the whole-film net processes film and thumbnail one after the other, with "
    "common running statistics. The other variants process blocks and thumbnail together. This "
    "may explain a part of its difference.",
    "",
    "No variant was trained on the mineral of blocks, because a manifest does not contain it; "
    "`monai-att-trans` has no head for it. All were trained on the label and, where it is known, "
    "the T-score.",
)
