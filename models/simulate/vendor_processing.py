"""What a vendor makes of the detector's signal: several frequency bands, tone curve, margins."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from models.simulate.vendor_ranges import Vendor, draw

Float = npt.NDArray[np.float32]
Border = tuple[float, float, float, float]

_BANDS = (0.7, 1.6, 3.6, 8.0)
"""Sigmas between which processing amplifies, in pixels of a film of 384: up to a rib's width."""


@dataclass(frozen=True)
class Processing:
    """One film's processing.

    ``latitude`` 0..1 flattens what is wider than a rib. ``detail`` amplifies the bands up to a
    rib's width, and ``equal`` 0..1 does so more for faint structures than for strong ones.
    ``gamma``, ``low`` and ``high`` shape the tone curve; ``low`` and ``high`` are shares of the
    body's own range. ``toe`` mixes in a film's sigmoid. ``border`` is the collimator's margin, top,
    bottom, left, right, as shares of the side; ``border_level`` its grey. ``marker`` is the letter
    beside the patient's left shoulder, empty for none. ``aspect`` is width over height.
    """

    latitude: float
    detail: float
    equal: float
    gamma: float
    low: float
    high: float
    toe: float
    border: Border
    border_level: float
    marker: str
    bits: int
    monochrome1: bool
    aspect: float


def sample_processing(rng: np.random.Generator, vendor: Vendor) -> Processing:
    """A film's processing out of a vendor's ranges."""
    share = np.where(rng.random(4) < vendor.collimated, rng.uniform(0.004, 0.06, 4), 0.0).tolist()
    initials = "".join(rng.choice(list("ABCDEGHJKMPRST"), 2))
    letter = str(rng.choice(["L", "L", "L", f"L\n{initials}", f"{initials} L", "L PA"]))
    return Processing(
        latitude=draw(rng, vendor.latitude),
        detail=draw(rng, vendor.detail),
        equal=draw(rng, vendor.equal),
        gamma=float(np.exp(rng.normal(*vendor.gamma))),
        low=draw(rng, vendor.low),
        high=draw(rng, vendor.high),
        toe=draw(rng, vendor.toe),
        border=(share[0], share[1], share[2], share[3]),
        border_level=float(rng.choice([0.0, 0.0, 0.0, 1.0])),
        marker=letter if rng.random() < vendor.marker else "",
        bits=int(rng.choice(vendor.bits)),
        monochrome1=bool(rng.random() < vendor.monochrome1),
        aspect=float(rng.choice(vendor.aspects)),
    )


def apply_processing(log_signal: Float, body: npt.NDArray[np.bool_], how: Processing) -> Float:
    """Range compression, detail, window and tone curve; (rows, columns), 0..1, bone bright."""
    size = max(log_signal.shape)
    wide = lowpass(log_signal, size / 24)
    middle = float(np.median(wide))
    picture = log_signal - how.latitude * (wide - middle) + _detail(log_signal, body, how)
    seen = picture[body] if body.any() else picture
    dark, bright = np.percentile(seen[::4], [2, 98.5])
    low = dark + how.low * (bright - dark)
    high = dark + how.high * (bright - dark)
    unit = np.clip((picture - low) / max(high - low, 1e-6), 0.0, 1.0) ** how.gamma
    # A sigmoid mixed in: the toe and shoulder of film, which most vendors imitate.
    curve = unit * unit * (3 - 2 * unit)
    toned: Float = ((1 - how.toe) * unit + how.toe * curve).astype(np.float32)
    return toned


def _detail(log_signal: Float, body: npt.NDArray[np.bool_], how: Processing) -> Float:
    """What the bands add; faint structures gain most, metal and the skin's edge least."""
    scale = max(log_signal.shape) / 384
    added = np.zeros_like(log_signal)
    finer = log_signal
    for sigma in _BANDS:
        coarser = ndimage.gaussian_filter(log_signal, sigma * scale, truncate=3.0)
        band = finer - coarser
        finer = coarser
        usual = max(float(band[body].std() if body.any() else band.std()), 1e-6)
        gain = how.detail / (1.0 + how.equal * (band / usual) ** 2)
        added += band * gain
    return added


def lowpass(picture: Float, sigma: float) -> Float:
    """Gaussian of a wide sigma at a quarter of the resolution: as good and far cheaper."""
    coarse = ndimage.gaussian_filter(picture[::4, ::4], sigma / 4)
    zoom = (picture.shape[0] / coarse.shape[0], picture.shape[1] / coarse.shape[1])
    grown: Float = ndimage.zoom(coarse, zoom, order=1, mode="nearest", grid_mode=True)
    return grown


def finish_film(picture: Float, how: Processing, seed: int) -> Float:
    """Margins, a lead letter beside the patient's left shoulder, and the film's bit depth."""
    rows, columns = picture.shape
    top, bottom, left, right = how.border
    picture = picture.copy()
    if how.marker:
        _mark(picture, how.marker, np.random.default_rng([13, seed]))
    level = np.float32(how.border_level)
    picture[: int(top * rows)] = level
    picture[rows - int(bottom * rows) :] = level
    picture[:, : int(left * columns)] = level
    picture[:, columns - int(right * columns) :] = level
    levels = float(2**how.bits - 1)
    return (np.round(picture * levels) / levels).astype(np.float32)


def _mark(picture: Float, text: str, rng: np.random.Generator) -> None:
    """Lead letters, turned a little as technologists place them; in place."""
    rows, columns = picture.shape
    turn = float(rng.normal(0, 12) if rng.random() < 0.7 else rng.uniform(-60, 60))
    letter = _letters(text, max(6, rows // 22)).rotate(
        turn, expand=True, resample=Image.Resampling.BILINEAR
    )
    ink = np.asarray(letter, np.float32) / 255.0
    tall, wide = min(ink.shape[0], rows), min(ink.shape[1], columns)
    y = int((rows - tall) * rng.uniform(0.02, 0.22))
    # Aspect crops take the sides: the letter stays within the middle eight tenths.
    x = int((columns - wide) * rng.uniform(0.78, 0.88))
    part = picture[y : y + tall, x : x + wide]
    np.maximum(part, ink[:tall, :wide] * np.float32(rng.uniform(0.85, 1.0)), out=part)


@cache
def _letters(text: str, height: int) -> Image.Image:
    font = ImageFont.load_default(size=height)
    left, top, right, bottom = ImageDraw.Draw(Image.new("L", (1, 1))).multiline_textbbox(
        (0, 0), text, font=font
    )
    card = Image.new("L", (int(right - left) + 2, int(bottom - top) + 2))
    ImageDraw.Draw(card).multiline_text(
        (1 - left, 1 - top), text, fill=255, font=font, align="center"
    )
    return card
