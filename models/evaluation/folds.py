"""Folds by patient, and what may be said of scores that came out of them.

Every film is scored by a model that never saw its patient. A model may also have to choose when to
stop; it does so on patients set apart for that, never on those that it is measured on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata
from sklearn.model_selection import StratifiedGroupKFold

from models.calibration.platt import auc as area
from models.dataset.entry import Entry, ManifestError
from models.evaluation.bootstrap import patient_bootstrap
from models.evaluation.discrimination import Comparison, Flags, Interval, Values, auc, compare

Places = npt.NDArray[np.intp]
"""Films by their place in the manifest."""

Parts = list[tuple[Places, Places]]
"""For each fold the films outside of it and those in it."""

NET, RIDGE = "net", "ridge"
POOLING = (
    "scores of different folds come from different models, so each was turned into its rank among "
    "its own fold's films, 0 to 1, before they were pooled"
)
_INNER = 6
"""One in so many of a fold's training patients chooses the checkpoint."""


@dataclass(frozen=True)
class Fold:
    """Films that weights are fitted to, that choose among the weights, and that are scored."""

    train: Places
    validation: Places
    test: Places


@dataclass(frozen=True)
class Left:
    """A model's area on films that were left out of its making.

    ``pooled`` is over all films, with DeLong's interval; ``by_patient`` the same with a bootstrap
    over patients. ``folds`` are the areas of single folds, ``mean`` is theirs.
    """

    pooled: Interval
    by_patient: Interval
    folds: tuple[float, ...]
    mean: float


@dataclass(frozen=True)
class Beside:
    """The net and the ridge on the same folds, and DeLong's paired test between them."""

    net: Left
    ridge: Left
    difference: Comparison


def draw_folds(entries: Sequence[Entry], count: int, seed: int) -> tuple[Fold, ...]:
    """``count`` folds, no patient in two parts of one, each part of both classes as far as may be.

    Raises ManifestError where there are too few patients of a class.
    """
    positive, patients = labels_of(entries), patients_of(entries)
    _refuse_few(positive, patients, count)
    folds = tuple(
        _with_inner(outside, inside, positive, patients, seed)
        for outside, inside in draw_parts(positive, patients, count, seed)
    )
    for number, fold in enumerate(folds, 1):
        if any(len(set(positive[part])) < 2 for part in (fold.train, fold.validation, fold.test)):
            raise ManifestError(
                f"fold {number} of {count} has a part with films of one class alone: ask for fewer "
                "folds, or for another seed"
            )
    return folds


def draw_parts(positive: Flags, patients: npt.NDArray[np.str_], count: int, seed: int) -> Parts:
    """Parts without a common patient, with the classes in each as in the whole."""
    drawn = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    return list(drawn.split(np.zeros(len(positive)), positive, patients))


def fewest_patients(positive: Flags, patients: npt.NDArray[np.str_]) -> int:
    """Patients of the rarer class; who has films of both counts for each."""
    return min(len(set(patients[positive])), len(set(patients[~positive])))


def labels_of(entries: Sequence[Entry]) -> Flags:
    """Labels, (n,)."""
    return np.array([entry.label for entry in entries], bool)


def patients_of(entries: Sequence[Entry]) -> npt.NDArray[np.str_]:
    """Patient IDs, (n,)."""
    return np.array([entry.patient_id for entry in entries])


def beside(
    entries: Sequence[Entry], folds: Sequence[Fold], net: Values, ridge: Values, seed: int
) -> Beside:
    """Measure both models' left-out scores, (n,) each."""
    positive = labels_of(entries)
    net_ranks, ridge_ranks = ranks_within(net, folds), ranks_within(ridge, folds)
    patients = [entry.patient_id for entry in entries]
    return Beside(
        net=_left(net_ranks, positive, patients, folds, seed),
        ridge=_left(ridge_ranks, positive, patients, folds, seed),
        difference=compare(NET, RIDGE, np.stack([net_ranks, ridge_ranks]), positive),
    )


def ranks_within(scores: Values, folds: Sequence[Fold]) -> Values:
    """Each film's mid-rank among the films of its own fold, between 0 and 1."""
    ranks = np.empty(len(scores))
    for fold in folds:
        ranks[fold.test] = (rankdata(scores[fold.test]) - 0.5) / len(fold.test)
    return ranks


def _left(
    ranks: Values, positive: Flags, patients: Sequence[str], folds: Sequence[Fold], seed: int
) -> Left:
    # A fold may hold one case alone, which has an area but no variance.
    labels = positive.astype(np.float64)
    single = tuple(area(ranks[fold.test], labels[fold.test]) for fold in folds)
    return Left(
        pooled=auc(ranks, positive),
        by_patient=patient_bootstrap(ranks, positive, patients, seed),
        folds=single,
        mean=float(np.mean(single)),
    )


def _refuse_few(positive: Flags, patients: npt.NDArray[np.str_], count: int) -> None:
    for label, own in ((1, positive), (0, ~positive)):
        found = len(set(patients[own]))
        if found < count:
            raise ManifestError(f"too few patients with label {label} for {count} folds: {found}")


def _with_inner(
    outside: Places, inside: Places, positive: Flags, patients: npt.NDArray[np.str_], seed: int
) -> Fold:
    """Set a part of the patients outside a fold aside, to choose the checkpoint by."""
    own_labels, own_patients = positive[outside], patients[outside]
    parts = max(2, min(_INNER, fewest_patients(own_labels, own_patients)))
    train, validation = draw_parts(own_labels, own_patients, parts, seed)[0]
    return Fold(outside[train], outside[validation], inside)
