"""The baseline that a net must beat: ridge regression on the energies of frequency bands.

It knows how much fine and coarse structure there is in each of 6 x 6 blocks of the prepared film,
and nothing of shapes. A net that is no better has learned no anatomy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from models.calibrate import platt
from models.card import Calibration
from models.evaluation.discrimination import Flags, Values
from models.manifest import Entry, Split
from models.pixels import Radiograph
from models.preprocess import prepare

SIDE, GRID = 384, 6
_SIGMAS = (1.0, 2.0, 4.0, 8.0)
_PENALTIES = np.logspace(-1, 5, 13)
_FOLDS = 5


@dataclass(frozen=True)
class Baseline:
    """Probabilities (n,) of all films, and in words how they were come by."""

    probabilities: Values
    how: str


def band_energies(film: Radiograph) -> Values:
    """Log energy of four bands, and the mean, of every block: (180,)."""
    rest = prepare(film, SIDE).array[0]
    parts = []
    for sigma in _SIGMAS:
        smooth = ndimage.gaussian_filter(rest, sigma)
        parts.append(np.log(_blocks(rest - smooth).std(axis=(1, 3)) + 1e-3))
        rest = smooth
    parts.append(_blocks(rest).mean(axis=(1, 3)))
    return np.stack(parts).ravel().astype(np.float64)


def fit_baseline(energies: Values, entries: Sequence[Entry], seed: int) -> Baseline:
    """Fit to the training films and score all; ``energies`` is (n, 180), of ``entries`` in order.

    Films that it is fitted to are scored by the folds that left out their patient. A manifest
    without training films is cross-validated on its test films.
    """
    splits = np.array([entry.split for entry in entries])
    chosen, how = splits == Split.TEST, "cross-validated over patients of the test films"
    for split in (Split.VALIDATION, Split.TRAIN):
        if (splits == split).any():
            chosen, how = splits == split, f"fitted on the split {split}"
    target = _targets(entries, chosen)
    left_out = _left_out(energies[chosen], target[chosen], entries, chosen, seed)
    positive = np.array([entry.label for entry in entries])
    calibration = platt(left_out, positive[chosen].astype(np.float64))
    raw = np.empty(len(entries))
    raw[chosen] = left_out
    if not chosen.all():
        raw[~chosen] = _ridge().fit(energies[chosen], target[chosen]).predict(energies[~chosen])
    return Baseline(_probabilities(raw, calibration), how)


def _blocks(picture: Values) -> Values:
    side = SIDE // GRID
    return picture.reshape(GRID, side, GRID, side)


def _targets(entries: Sequence[Entry], chosen: Flags) -> Values:
    """What to regress on: low density where T-scores are known throughout, else the label."""
    scores = [entry.t_score for entry in entries]
    if all(score is not None for score, fitted in zip(scores, chosen, strict=True) if fitted):
        return np.array([0.0 if score is None else -score for score in scores])
    return np.array([float(entry.label) for entry in entries])


def _left_out(
    energies: Values, target: Values, entries: Sequence[Entry], chosen: Flags, seed: int
) -> Values:
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

    own = [entry for entry, fitted in zip(entries, chosen, strict=True) if fitted]
    positive = np.array([entry.label for entry in own])
    patients = np.array([entry.patient_id for entry in own])
    fewest = min(len(set(patients[positive])), len(set(patients[~positive])))
    folds = StratifiedGroupKFold(max(2, min(_FOLDS, fewest)), shuffle=True, random_state=seed)
    # Folds are balanced by label, whatever the ridge regresses on.
    parts = list(folds.split(energies, positive, patients))
    return np.asarray(cross_val_predict(_ridge(), energies, target, cv=parts), np.float64)


def _ridge() -> Any:
    # Heavy, and only for research: the node runs without it.
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), RidgeCV(_PENALTIES))


def _probabilities(raw: Values, calibration: Calibration) -> Values:
    return 1 / (1 + np.exp(-np.clip(calibration.slope * raw + calibration.intercept, -60, 60)))
