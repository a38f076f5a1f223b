"""Folds by patient for cross-validation, and the comparison of net and ridge on held-out films.

Every film is scored by a model that was trained on other patients. The checkpoint of a net is
chosen on validation patients, who are neither training nor test patients of the fold.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata
from sklearn.model_selection import StratifiedGroupKFold

from models.calibration.auc import (
    AucComparison,
    Flags,
    IntervalEstimate,
    Values,
    auc,
    auc_with_interval,
    bootstrap_auc_by_patient,
    compare_aucs,
)
from models.dataset.entry import Entry, ManifestError

Indices = npt.NDArray[np.intp]
"""Indices of films in the manifest."""

FoldIndices = list[tuple[Indices, Indices]]
"""For each fold, the films outside the fold and the films in the fold."""

NET, RIDGE = "net", "ridge"
POOLING = (
    "the scores of different folds come from different models; before pooling, each score was "
    "replaced by its rank among the films of its fold, scaled to 0..1"
)
_VALIDATION_FOLDS = 6
"""The films outside a fold are split into this many parts; one part is for validation."""


@dataclass(frozen=True)
class Fold:
    """Indices of the training, validation and test films of one fold."""

    train: Indices
    validation: Indices
    test: Indices


@dataclass(frozen=True)
class HeldOutAuc:
    """AUC of a model on held-out films.

    ``pooled`` is the AUC of all films, with DeLong's interval. ``by_patient`` is the pooled AUC
    with a bootstrap interval over patients. ``folds`` are the AUCs of the single folds, and
    ``mean`` is the mean of these AUCs.
    """

    pooled: IntervalEstimate
    by_patient: IntervalEstimate
    folds: tuple[float, ...]
    mean: float


@dataclass(frozen=True)
class FoldComparison:
    """AUCs of net and ridge regression on the same folds, and DeLong's paired test of the two."""

    net: HeldOutAuc
    ridge: HeldOutAuc
    difference: AucComparison


def draw_folds(entries: Sequence[Entry], count: int, seed: int) -> tuple[Fold, ...]:
    """Return ``count`` folds, stratified by label; no patient is in two parts of a fold.

    Raises ManifestError if a class has too few patients.
    """
    positive, patients = labels_of(entries), patients_of(entries)
    _refuse_few_patients(positive, patients, count)
    folds = tuple(
        _split_off_validation(outside, inside, positive, patients, seed)
        for outside, inside in draw_indices(positive, patients, count, seed)
    )
    for number, fold in enumerate(folds, 1):
        if any(len(set(positive[part])) < 2 for part in (fold.train, fold.validation, fold.test)):
            raise ManifestError(
                f"fold {number} of {count} has a part with films of one class only: use fewer "
                "folds or another seed"
            )
    return folds


def draw_indices(
    positive: Flags, patients: npt.NDArray[np.str_], count: int, seed: int
) -> FoldIndices:
    """Return ``count`` folds, stratified by label; no patient is in two folds."""
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    return list(splitter.split(np.zeros(len(positive)), positive, patients))


def patients_of_rarer_class(positive: Flags, patients: npt.NDArray[np.str_]) -> int:
    """Return the number of patients of the rarer class; patients with both labels count twice."""
    return min(len(set(patients[positive])), len(set(patients[~positive])))


def labels_of(entries: Sequence[Entry]) -> Flags:
    """Return the labels (n,)."""
    return np.array([entry.label for entry in entries], bool)


def patients_of(entries: Sequence[Entry]) -> npt.NDArray[np.str_]:
    """Return the patient IDs (n,)."""
    return np.array([entry.patient_id for entry in entries])


def compare_on_folds(
    entries: Sequence[Entry], folds: Sequence[Fold], net: Values, ridge: Values, seed: int
) -> FoldComparison:
    """Compare the held-out scores (n,) of net and ridge regression."""
    positive = labels_of(entries)
    net_ranks, ridge_ranks = ranks_within(net, folds), ranks_within(ridge, folds)
    patients = [entry.patient_id for entry in entries]
    return FoldComparison(
        net=_held_out_auc(net_ranks, positive, patients, folds, seed),
        ridge=_held_out_auc(ridge_ranks, positive, patients, folds, seed),
        difference=compare_aucs(NET, RIDGE, np.stack([net_ranks, ridge_ranks]), positive),
    )


def ranks_within(scores: Values, folds: Sequence[Fold]) -> Values:
    """Return each film's mid-rank among the films of its fold, scaled to 0..1."""
    ranks = np.empty(len(scores))
    for fold in folds:
        ranks[fold.test] = (rankdata(scores[fold.test]) - 0.5) / len(fold.test)
    return ranks


def _held_out_auc(
    ranks: Values, positive: Flags, patients: Sequence[str], folds: Sequence[Fold], seed: int
) -> HeldOutAuc:
    # A fold with a single case has an AUC but no variance, so the AUC is computed without interval.
    by_fold = tuple(auc(ranks[fold.test], positive[fold.test]) for fold in folds)
    return HeldOutAuc(
        pooled=auc_with_interval(ranks, positive),
        by_patient=bootstrap_auc_by_patient(ranks, positive, patients, seed),
        folds=by_fold,
        mean=float(np.mean(by_fold)),
    )


def _refuse_few_patients(positive: Flags, patients: npt.NDArray[np.str_], count: int) -> None:
    for label, in_class in ((1, positive), (0, ~positive)):
        class_size = len(set(patients[in_class]))
        if class_size < count:
            raise ManifestError(
                f"too few patients with label {label} for {count} folds: {class_size}"
            )


def _split_off_validation(
    outside: Indices, inside: Indices, positive: Flags, patients: npt.NDArray[np.str_], seed: int
) -> Fold:
    """Split the films outside the fold by patient into training and validation films."""
    labels, owners = positive[outside], patients[outside]
    parts = max(2, min(_VALIDATION_FOLDS, patients_of_rarer_class(labels, owners)))
    train, validation = draw_indices(labels, owners, parts, seed)[0]
    return Fold(outside[train], outside[validation], inside)
