"""X-ray physics: from areal density to the signal of the detector.

The label is not used. Automatic exposure depends only on the image, so the grey level does not
reveal density. The image processing of vendors is in ``vendor_processing``.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from models.images.grayscale_pipeline import Float
from models.simulate.vendor_processing import (
    Processing,
    apply_processing,
    finish_film,
    sample_processing,
)
from models.simulate.vendor_ranges import MIXED, Vendor, draw

# Mass attenuation in cm2/g at about 45, 60 and 85 keV, for water and for hydroxyapatite (bone
# mineral). The values are rounded and come from the NIST tables of Hubbell and Seltzer.
_WATER = np.array([0.245, 0.206, 0.181], np.float32)
_MINERAL = np.array([0.72, 0.40, 0.24], np.float32)
_SOFT_BEAM = np.array([0.42, 0.42, 0.16], np.float32)
_HARD_BEAM = np.array([0.20, 0.45, 0.35], np.float32)

_AIR = 0.6
"""A pixel with less matter (g/cm2) is open beam and does not affect the range of the tones."""


@dataclass(frozen=True)
class Exposure:
    """One exposure and its processing.

    ``hardness`` (0..1) corresponds to about 90 to 130 kVp. ``scatter`` is the ratio of scattered to
    primary radiation at the lung. ``quanta`` is the mean photon count per pixel. ``blur`` is a
    sigma in pixels of a 384 px film. ``grid`` is the contrast of the anti-scatter grid's lines.
    """

    seed: int
    hardness: float
    scatter: float
    quanta: float
    blur: float
    grid: float
    processing: Processing


def sample_exposure(seed: int, vendor: Vendor = MIXED) -> Exposure:
    """Draw an exposure from the ranges of a vendor's equipment."""
    rng = np.random.default_rng([11, seed])
    return Exposure(
        seed=seed,
        hardness=draw(rng, vendor.hardness),
        scatter=draw(rng, vendor.scatter),
        quanta=float(np.exp(draw(rng, vendor.log_quanta))),
        blur=draw(rng, vendor.blur),
        grid=draw(rng, vendor.grid) if rng.random() < 0.5 else 0.0,
        processing=sample_processing(rng, vendor),
    )


def expose(water: Float, mineral: Float, exposure: Exposure) -> Float:
    """Return the displayed film, float32 (rows, columns) in 0..1 with bright bone.

    ``water`` and ``mineral`` are (rows, columns) in g/cm2. The exposure's seed determines the
    noise, so films of one anatomy with two densities have the same noise.
    """
    log_signal = -np.log(_detect(water, mineral, exposure))
    body = water + mineral > _AIR
    image = apply_processing(log_signal.astype(np.float32), body, exposure.processing)
    return finish_film(image, exposure.processing, exposure.seed)


def _detect(water: Float, mineral: Float, exposure: Exposure) -> Float:
    """Return the detector's signal with scatter, blur and noise at this exposure."""
    weights = (1 - exposure.hardness) * _SOFT_BEAM + exposure.hardness * _HARD_BEAM
    primary = np.zeros_like(water)
    for weight, of_water, of_mineral in zip(weights, _WATER, _MINERAL, strict=True):
        primary += weight * np.exp(-of_water * water - of_mineral * mineral)
    signal = primary + _scatter(primary, exposure.scatter)
    signal = ndimage.gaussian_filter(signal, exposure.blur * max(water.shape) / 384, truncate=3.0)
    rng = np.random.default_rng([12, exposure.seed])
    noise = rng.standard_normal(signal.shape, dtype=np.float32)
    # Automatic exposure: the median count is the same for every patient.
    exposed = signal / np.median(signal) * exposure.quanta
    noisy = exposed + np.sqrt(exposed) * noise
    if exposure.grid:
        lines = np.sin(np.arange(signal.shape[1], dtype=np.float32) * np.float32(2.4))
        noisy *= 1 + np.float32(exposure.grid) * lines
    counted: Float = np.maximum(noisy, 1.0).astype(np.float32)
    return counted


def _scatter(primary: Float, share: float) -> Float:
    """Return scattered radiation, computed at low resolution without the open beam."""
    rows, columns = primary.shape
    step = max(1, rows // 52)
    coarse = np.minimum(primary[::step, ::step], np.percentile(primary, 75))
    wide = ndimage.gaussian_filter(coarse, coarse.shape[0] / 9, mode="nearest")
    zoom = (rows / coarse.shape[0], columns / coarse.shape[1])
    grown: Float = ndimage.zoom(wide, zoom, order=1, mode="nearest", grid_mode=True)
    return share * grown
