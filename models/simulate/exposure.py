"""From areal density to a displayed film: X-ray physics, then what a vendor does to the picture.

Nothing here knows the label. Automatic exposure and the tone curve follow the picture alone, so
grey level does not give density away.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Float = npt.NDArray[np.float32]

# Three bands at about 45, 60 and 85 keV. Mass attenuation in cm2/g, composed from the elemental
# tables of NIST (Hubbell and Seltzer) and rounded: water, and hydroxyapatite for bone mineral.
_WATER = np.array([0.245, 0.206, 0.181], np.float32)
_MINERAL = np.array([0.72, 0.40, 0.24], np.float32)
_SOFT_BEAM = np.array([0.42, 0.42, 0.16], np.float32)
_HARD_BEAM = np.array([0.20, 0.45, 0.35], np.float32)


@dataclass(frozen=True)
class Exposure:
    """One shot and its processing.

    ``hardness`` 0..1 runs from about 90 to 130 kVp. ``scatter`` is scattered over primary at the
    lung. ``quanta`` is the mean count of a pixel. ``blur`` is in film pixels. ``compression`` 0..1
    flattens what is wider than a rib. ``edge`` strengthens what is finer. ``gamma``, ``low`` and
    ``high`` shape the tone curve; ``low`` and ``high`` are shares of the picture's own range.
    ``border`` is the blackened or whitened margin of the collimator, top, bottom, left, right, as
    shares of the side.
    """

    seed: int
    hardness: float
    scatter: float
    quanta: float
    blur: float
    compression: float
    edge: float
    gamma: float
    low: float
    high: float
    toe: float
    border: tuple[float, float, float, float]
    bits: int
    marker: bool


def sample_exposure(seed: int) -> Exposure:
    """A random shot; wide enough to hold the looks of several vendors."""
    rng = np.random.default_rng([11, seed])
    border = np.where(rng.random(4) < 0.12, rng.uniform(0.0, 0.05, 4), 0.0).tolist()
    return Exposure(
        seed=seed,
        hardness=float(rng.uniform(0.0, 1.0)),
        scatter=float(rng.uniform(0.1, 0.5)),
        quanta=float(np.exp(rng.uniform(np.log(3e3), np.log(4e4)))),
        blur=float(rng.uniform(0.15, 0.6)),
        compression=float(rng.uniform(0.1, 0.6)),
        edge=float(rng.uniform(0.2, 1.4)),
        gamma=float(np.exp(rng.normal(-0.1, 0.22))),
        low=float(rng.uniform(-0.3, 0.03)),
        high=float(rng.uniform(0.92, 1.25)),
        toe=float(rng.uniform(0.0, 1.0)),
        border=(border[0], border[1], border[2], border[3]),
        bits=int(rng.choice([8, 10, 12])),
        marker=bool(rng.random() < 0.7),
    )


def expose(water: Float, mineral: Float, shot: Exposure) -> Float:
    """Displayed film of areal densities.

    ``water`` and ``mineral`` are (rows, columns) in g/cm2. Returns float32 of the same shape in
    0..1, bone bright. The noise is the shot's own: two densities of one anatomy share it.
    """
    log_signal = -np.log(_detect(water, mineral, shot))
    picture = _process(log_signal.astype(np.float32), shot)
    picture = _collimate(picture, shot)
    levels = float(2**shot.bits - 1)
    return (np.round(picture * levels) / levels).astype(np.float32)


def _detect(water: Float, mineral: Float, shot: Exposure) -> Float:
    """Signal of the detector over that of the open beam, with scatter, blur and noise."""
    weights = (1 - shot.hardness) * _SOFT_BEAM + shot.hardness * _HARD_BEAM
    primary = np.zeros_like(water)
    for weight, of_water, of_mineral in zip(weights, _WATER, _MINERAL, strict=True):
        primary += weight * np.exp(-of_water * water - of_mineral * mineral)
    signal = primary + _scatter(primary, shot.scatter)
    signal = ndimage.gaussian_filter(signal, shot.blur)
    rng = np.random.default_rng([12, shot.seed])
    grain = rng.standard_normal(signal.shape, dtype=np.float32)
    # Automatic exposure: the same count at the picture's middle whoever is in front of it.
    exposed = signal / np.median(signal) * shot.quanta
    noisy = exposed + np.sqrt(exposed) * grain
    counted: Float = np.maximum(noisy, 1.0).astype(np.float32)
    return counted


def _scatter(primary: Float, share: float) -> Float:
    """Scatter is broad: made at an eighth of the resolution, and follows tissue, not open air."""
    rows, columns = primary.shape
    step = max(1, rows // 52)
    coarse = np.minimum(primary[::step, ::step], np.percentile(primary, 75))
    wide = ndimage.gaussian_filter(coarse, coarse.shape[0] / 9, mode="nearest")
    zoom = (rows / coarse.shape[0], columns / coarse.shape[1])
    grown: Float = ndimage.zoom(wide, zoom, order=1, mode="nearest", grid_mode=True)
    return share * grown


def _process(log_signal: Float, shot: Exposure) -> Float:
    """Vendor processing: range compression, edge enhancement, window and tone curve."""
    size = log_signal.shape[0]
    wide = _lowpass(log_signal, size / 24)
    fine = log_signal - ndimage.gaussian_filter(log_signal, size / 200)
    middle = float(np.median(wide))
    picture = log_signal - shot.compression * (wide - middle) + shot.edge * fine
    dark, bright = np.percentile(picture, [2, 99])
    low = dark + shot.low * (bright - dark)
    high = dark + shot.high * (bright - dark)
    unit = np.clip((picture - low) / (high - low), 0.0, 1.0) ** shot.gamma
    # A sigmoid mixed in: the toe and shoulder of film, which most vendors imitate.
    curve = unit * unit * (3 - 2 * unit)
    toned: Float = ((1 - shot.toe) * unit + shot.toe * curve).astype(np.float32)
    return toned


def _lowpass(picture: Float, sigma: float) -> Float:
    """Gaussian of a wide sigma at a quarter of the resolution: as good and far cheaper."""
    coarse = ndimage.gaussian_filter(picture[::4, ::4], sigma / 4)
    zoom = (picture.shape[0] / coarse.shape[0], picture.shape[1] / coarse.shape[1])
    grown: Float = ndimage.zoom(coarse, zoom, order=1, mode="nearest", grid_mode=True)
    return grown


def _collimate(picture: Float, shot: Exposure) -> Float:
    """Dark margins, and a lead letter beside the patient's left shoulder."""
    rows, columns = picture.shape
    top, bottom, left, right = shot.border
    picture = picture.copy()
    if shot.marker:
        rng = np.random.default_rng([13, shot.seed])
        tall = max(4, rows // 28)
        y, x = int(rows * rng.uniform(0.03, 0.2)), int(columns * rng.uniform(0.84, 0.93))
        stroke = max(1, tall // 5)
        picture[y : y + tall, x : x + stroke] = 1.0
        picture[y + tall - stroke : y + tall, x : x + tall // 2] = 1.0
    picture[: int(top * rows)] = 0.0
    picture[rows - int(bottom * rows) :] = 0.0
    picture[:, : int(left * columns)] = 0.0
    picture[:, columns - int(right * columns) :] = 0.0
    return picture
