"""What the parts of the net are worth: its variants, and the table that sets them side by side.

Pure: nets from a config, figures from scores, text from figures. ``ablate`` trains and writes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from models.dataset.entry import Entry, ManifestError, refuse
from models.evaluation.discrimination import Comparison, Interval, Values, auc, compare
from models.nets.grid import STRIDE, FilmNet, GridConfig, GridNet
from models.nets.mil import MilNet

FULL = "full"


@dataclass(frozen=True)
class Variant:
    """A net that differs from the full one in ``change``, fields of ``GridConfig``, or in kind."""

    name: str
    what: str
    change: Mapping[str, Any] = field(default_factory=dict)
    mil: bool = False

    def net(self, config: GridConfig) -> FilmNet:
        """The variant of the net that ``config`` describes, weights drawn from torch's seed."""
        return MilNet(config) if self.mil else GridNet(replace(config, **self.change))


VARIANTS = (
    Variant(FULL, "ResNet-18 on each block, thumbnail, places, Transformer, attention pooling"),
    Variant("no-transformer", "blocks meet in the pooling alone", {"transformer": False}),
    Variant("no-position", "blocks do not know where they lie", {"position": False}),
    Variant("no-thumbnail", "no token of the whole film", {"thumbnail": False}),
    Variant("whole-film", "ResNet over the film, its map cut into blocks", {"whole_film": True}),
    Variant("monai-att-trans", 'MONAI\'s MILModel("att_trans") on the same blocks', mil=True),
)


@dataclass(frozen=True)
class Learned:
    """How a variant was trained.

    ``seconds`` that ``machine`` took over ``films``, validation not counted; ``best_step`` is
    where the average that was kept stood.
    """

    parameters: int
    steps: int
    films: int
    seconds: float
    best_step: int
    validation_auc: float
    machine: str


@dataclass(frozen=True)
class Trial:
    """A variant once trained, and its logits of the test films in the manifest's order."""

    learned: Learned
    logits: tuple[float, ...]


@dataclass(frozen=True)
class AtSite:
    """A variant on one hospital's test films; ``less_full`` is None for the full net itself."""

    site: str
    films: int
    positives: int
    auc: Interval
    less_full: Comparison | None


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    variant: str
    what: str
    learned: Learned
    sites: tuple[AtSite, ...]


@dataclass(frozen=True)
class Setting:
    """What all variants share."""

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
    """DeLong's variance needs two films of each class at each hospital. Raises ManifestError."""
    small = [
        f"{site} ({sum(labels)} of {len(labels)} with label 1)"
        for site, labels in _labels(tested).items()
        if min(sum(labels), len(labels) - sum(labels)) < 2
    ]
    if small:
        raise refuse("sites with fewer than two test films of a class", small)


def refuse_lone_film(films: int, batch: int, config: GridConfig) -> None:
    """An epoch must not end on a film whose batch norm would see one value. Raises ManifestError.

    Where a block is as small as a cell of the last map, so is the whole-film net's thumbnail.
    """
    if films % batch == 1 and config.block == STRIDE:
        raise ManifestError(
            f"{films} films of the split train in batches of {batch} leave one film by itself, "
            "from which the whole-film net cannot learn: say another --batch"
        )


def tabulate(trials: Mapping[str, Trial], tested: Sequence[Entry]) -> tuple[Row, ...]:
    """A row for each variant, from the logits of the ``tested`` films in their order."""
    full = np.array(trials[FULL].logits, np.float64)
    rows = []
    for variant in VARIANTS:
        trial = trials[variant.name]
        both = np.stack([np.array(trial.logits, np.float64), full])  # (2, n)
        sites = tuple(_at_site(variant.name, site, both, tested) for site in _labels(tested))
        rows.append(Row(variant.name, variant.what, trial.learned, sites))
    return tuple(rows)


def to_json(setting: Setting, rows: Sequence[Row]) -> str:
    """The table for programs."""
    content = {"setting": asdict(setting), "variants": [asdict(row) for row in rows]}
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def to_markdown(setting: Setting, rows: Sequence[Row]) -> str:
    """The table for people, and what must be known to read it."""
    sites = [_cell(at.site) for at in rows[0].sites]
    head = ["variant", "parameters", "s a film", "kept at step"]
    head += [title for site in sites for title in (f"{site}: AUC", f"{site}: less full, p")]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    lines += [f"| {' | '.join(_cells(row))} |" for row in rows]
    what = [f"- `{row.variant}`: {row.what}." for row in rows]
    return "\n".join(
        ["# Ablation", "", *_told(setting, rows), "", *lines, "", *what, "", *_NOTES, ""]
    )


def _at_site(name: str, site: str, both: Values, tested: Sequence[Entry]) -> AtSite:
    """One hospital's figures from logits (2, n): the variant's, and the full net's."""
    here = np.array([entry.site == site for entry in tested])
    positive = np.array([entry.label for entry in tested])[here]
    return AtSite(
        site=site,
        films=len(positive),
        positives=int(positive.sum()),
        auc=auc(both[0, here], positive),
        less_full=None if name == FULL else compare(name, FULL, both[:, here], positive),
    )


def _labels(tested: Sequence[Entry]) -> dict[str, list[bool]]:
    """Labels by hospital, hospitals in the order of their first film."""
    labels: dict[str, list[bool]] = {}
    for entry in tested:
        labels.setdefault(entry.site, []).append(entry.label)
    return labels


def _cells(row: Row) -> list[str]:
    learned = row.learned
    cells = [row.variant, f"{learned.parameters:,}", f"{learned.seconds / learned.films:.3g}"]
    cells.append(str(learned.best_step))
    for at in row.sites:
        cells.append(_interval(at.auc, ""))
        less = at.less_full
        cells.append(f"{_interval(less.difference, '+')}, {_p(less.p)}" if less else "")
    return cells


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _interval(one: Interval, sign: str) -> str:
    return f"{one.value:{sign}.3f} ({one.low:{sign}.3f} to {one.high:{sign}.3f})"


def _cell(text: str) -> str:
    """A hospital's name must not end its cell or its line."""
    return " ".join(text.split()).replace("|", "\\|")


def _told(setting: Setting, rows: Sequence[Row]) -> list[str]:
    machines = "; ".join(dict.fromkeys(row.learned.machine for row in rows))
    tested = ", ".join(f"{_cell(at.site)} {at.films} ({at.positives})" for at in rows[0].sites)
    return [
        f"{_cell(setting.manifest)}, {setting.origin}: {setting.train} films to train on, "
        f"{setting.validation} of validation; test films, and how many have the label: {tested}.",
        f"Each variant: {setting.steps} steps of {setting.batch} films of {setting.size} px, "
        f"seed {setting.seed}, {machines}. ResNet: {setting.start}; all above it from the seed.",
    ]


_NOTES = (
    "AUC with DeLong's 95 % interval. *Less full* is the variant's AUC less the full net's on the "
    "same films, with its interval and the p of DeLong's paired test, not corrected for the number "
    "of comparisons.",
    "",
    "Every variant was trained once, from one seed. Intervals and p tell the chance of the test "
    "films, not that of training, which another `--seed` shows.",
    "",
    "The whole-film net's batch norm sees film and thumbnail one after the other and keeps running "
    "statistics of both, where the others see blocks and thumbnail together: part of its "
    "difference may be that.",
    "",
    "No variant learned the mineral of blocks, which a manifest does not hold; `monai-att-trans` "
    "has no head for it. All learned the label and, where it is known, the T-score.",
)
