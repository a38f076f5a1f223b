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
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from models.bundle.card import Calibration
from models.calibration.platt import platt
from models.dataset.entry import Entry, Split
from models.evaluation.discrimination import Values
from models.evaluation.folds import Parts, draw_parts, fewest_patients, labels_of, patients_of
from models.images.dicom import Radiograph
from models.images.preprocess import prepare

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
    own = [entry for entry, one in zip(entries, chosen, strict=True) if one]
    held_out = left_out(energies[chosen], own, _parts(own, seed))
    calibration = platt(held_out, labels_of(own).astype(np.float64))
    raw = np.empty(len(entries))
    raw[chosen] = held_out
    if not chosen.all():
        fitted = _ridge().fit(energies[chosen], _targets(own))
        raw[~chosen] = fitted.predict(energies[~chosen])
    return Baseline(_probabilities(raw, calibration), how)


def left_out(energies: Values, entries: Sequence[Entry], parts: Parts) -> Values:
    """Score each film, (n,), by a ridge fitted to the films outside its part; uncalibrated."""
    found = cross_val_predict(_ridge(), energies, _targets(entries), cv=parts)
    return np.asarray(found, np.float64)


def _blocks(picture: Values) -> Values:
    side = SIDE // GRID
    return picture.reshape(GRID, side, GRID, side)


def _targets(entries: Sequence[Entry]) -> Values:
    """What to regress on: low density where T-scores are known throughout, else the label."""
    known = [-entry.t_score for entry in entries if entry.t_score is not None]
    return np.array(known) if len(known) == len(entries) else labels_of(entries).astype(np.float64)


def _parts(entries: Sequence[Entry], seed: int) -> Parts:
    # Folds are balanced by label, whatever the ridge regresses on.
    positive, patients = labels_of(entries), patients_of(entries)
    count = max(2, min(_FOLDS, fewest_patients(positive, patients)))
    return draw_parts(positive, patients, count, seed)


def _ridge() -> Any:
    return make_pipeline(StandardScaler(), RidgeCV(_PENALTIES))


def _probabilities(raw: Values, calibration: Calibration) -> Values:
    return 1 / (1 + np.exp(-np.clip(calibration.slope * raw + calibration.intercept, -60, 60)))
