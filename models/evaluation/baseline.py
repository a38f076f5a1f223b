"""Baseline that a net must exceed: ridge regression on the energies of frequency bands.

The features describe the amount of fine and coarse structure in 6 x 6 blocks of the prepared film,
but no shapes. A net that does not exceed this baseline has learned no anatomy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage
from scipy.special import expit
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from models.calibration.auc import Values
from models.calibration.platt import platt
from models.dataset.entry import Entry, Split
from models.evaluation.folds import (
    FoldIndices,
    draw_indices,
    labels_of,
    patients_of,
    patients_of_rarer_class,
)
from models.images.preprocess import prepare
from models.images.radiograph import Radiograph

SIDE, GRID = 384, 6
_SIGMAS = (1.0, 2.0, 4.0, 8.0)
_PENALTIES = np.logspace(-1, 5, 13)
_FOLDS = 5


@dataclass(frozen=True)
class Baseline:
    """Probabilities (n,) of all films, and a description of the fit."""

    probabilities: Values
    description: str


def band_energies(film: Radiograph) -> Values:
    """Return five features for each of 36 blocks: log energies of four bands, and the mean."""
    remainder = prepare(film, SIDE).array[0]
    features = []
    for sigma in _SIGMAS:
        smooth = ndimage.gaussian_filter(remainder, sigma)
        features.append(np.log(_blocks(remainder - smooth).std(axis=(1, 3)) + 1e-3))
        remainder = smooth
    features.append(_blocks(remainder).mean(axis=(1, 3)))
    return np.stack(features).ravel().astype(np.float64)


def fit_baseline(energies: Values, entries: Sequence[Entry], seed: int) -> Baseline:
    """Fit the baseline to one split and return the probabilities of all films.

    The baseline is fitted to the first split that has films: train, validation, test. The films of
    this split are scored by cross-validation over patients. ``energies`` is (n, 180).
    """
    splits = np.array([entry.split for entry in entries])
    in_fit, description = splits == Split.TEST, "cross-validated over patients of the test films"
    for split in (Split.VALIDATION, Split.TRAIN):
        if (splits == split).any():
            in_fit, description = splits == split, f"fitted on the split {split}"
    fit_entries = [entry for entry, included in zip(entries, in_fit, strict=True) if included]
    held_out = held_out_scores(energies[in_fit], fit_entries, _draw_folds(fit_entries, seed))
    calibration = platt(held_out, labels_of(fit_entries).astype(np.float64))
    raw_scores = np.empty(len(entries))
    raw_scores[in_fit] = held_out
    if not in_fit.all():
        ridge = _ridge().fit(energies[in_fit], _targets(fit_entries))
        raw_scores[~in_fit] = ridge.predict(energies[~in_fit])
    return Baseline(expit(calibration.slope * raw_scores + calibration.intercept), description)


def held_out_scores(energies: Values, entries: Sequence[Entry], folds: FoldIndices) -> Values:
    """Return each film's score (n,) from a ridge regression fitted to the films of other folds."""
    scores = cross_val_predict(_ridge(), energies, _targets(entries), cv=folds)
    return np.asarray(scores, np.float64)


def _blocks(image: Values) -> Values:
    side = SIDE // GRID
    return image.reshape(GRID, side, GRID, side)


def _targets(entries: Sequence[Entry]) -> Values:
    """Return the regression target: minus T-score if every film has a T-score, else the label."""
    targets = [-entry.t_score for entry in entries if entry.t_score is not None]
    if len(targets) == len(entries):
        return np.array(targets)
    return labels_of(entries).astype(np.float64)


def _draw_folds(entries: Sequence[Entry], seed: int) -> FoldIndices:
    # Folds are stratified by label, even if the ridge predicts T-scores.
    positive, patients = labels_of(entries), patients_of(entries)
    count = max(2, min(_FOLDS, patients_of_rarer_class(positive, patients)))
    return draw_indices(positive, patients, count, seed)


def _ridge() -> Any:
    return make_pipeline(StandardScaler(), RidgeCV(_PENALTIES))
