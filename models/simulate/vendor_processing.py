"""Image processing of a vendor: frequency bands, tone curve, collimator edges, lead marker."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from models.images.grayscale_pipeline import Float
from models.simulate.vendor_ranges import Vendor, draw

Border = tuple[float, float, float, float]

_BANDS = (0.7, 1.6, 3.6, 8.0)
"""Sigmas of the frequency bands that ``detail`` amplifies, in pixels of a 384 px film."""


@dataclass(frozen=True)
class Processing:
    """Processing parameters of one film.

    ``latitude`` (0..1) compresses structures wider than a rib. ``detail`` amplifies structures up
    to a rib's width; ``equal`` (0..1) reduces this gain for high-contrast structures. ``gamma``,
    ``low`` and ``high`` define the tone curve; ``low`` and ``high`` are relative to the range of
    the body. ``toe`` (0..1) is the share of a sigmoid in the tone curve. ``border`` is the width of
    the collimator edge (top, bottom, left, right) relative to the side, ``border_level`` its grey
    level. An empty ``marker`` means no marker on the film. ``aspect`` is width over height.
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
    """Draw the processing of one film from a vendor's ranges."""
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


def apply_processing(
    log_signal: Float, body: npt.NDArray[np.bool_], parameters: Processing
) -> Float:
    """Apply range compression, detail, window and tone curve.

    The result (rows, columns) is in 0..1 with bright bone. ``body`` is False in the open beam.
    """
    size = max(log_signal.shape)
    wide = lowpass(log_signal, size / 24)
    middle = float(np.median(wide))
    image = (
        log_signal - parameters.latitude * (wide - middle) + _detail(log_signal, body, parameters)
    )
    values = image[body] if body.any() else image
    dark, bright = np.percentile(values[::4], [2, 98.5])
    low = dark + parameters.low * (bright - dark)
    high = dark + parameters.high * (bright - dark)
    unit = np.clip((image - low) / max(high - low, 1e-6), 0.0, 1.0) ** parameters.gamma
    # Most vendors imitate the tone curve of analogue film, which is a sigmoid.
    curve = unit * unit * (3 - 2 * unit)
    toned: Float = ((1 - parameters.toe) * unit + parameters.toe * curve).astype(np.float32)
    return toned


def _detail(log_signal: Float, body: npt.NDArray[np.bool_], parameters: Processing) -> Float:
    """Return the detail to add: most for low contrast, least for metal and the skin edge."""
    scale = max(log_signal.shape) / 384
    added = np.zeros_like(log_signal)
    finer = log_signal
    for sigma in _BANDS:
        coarser = ndimage.gaussian_filter(log_signal, sigma * scale, truncate=3.0)
        band = finer - coarser
        finer = coarser
        typical = max(float(band[body].std() if body.any() else band.std()), 1e-6)
        gain = parameters.detail / (1.0 + parameters.equal * (band / typical) ** 2)
        added += band * gain
    return added


def lowpass(image: Float, sigma: float) -> Float:
    """Filter with a wide Gaussian, computed at a quarter of the resolution for speed."""
    coarse = ndimage.gaussian_filter(image[::4, ::4], sigma / 4)
    zoom = (image.shape[0] / coarse.shape[0], image.shape[1] / coarse.shape[1])
    grown: Float = ndimage.zoom(coarse, zoom, order=1, mode="nearest", grid_mode=True)
    return grown


def finish_film(image: Float, parameters: Processing, seed: int) -> Float:
    """Add marker and collimator edges, and round to the film's bit depth."""
    rows, columns = image.shape
    top, bottom, left, right = parameters.border
    image = image.copy()
    if parameters.marker:
        _mark(image, parameters.marker, np.random.default_rng([13, seed]))
    level = np.float32(parameters.border_level)
    image[: int(top * rows)] = level
    image[rows - int(bottom * rows) :] = level
    image[:, : int(left * columns)] = level
    image[:, columns - int(right * columns) :] = level
    levels = float(2**parameters.bits - 1)
    return (np.round(image * levels) / levels).astype(np.float32)


def _mark(image: Float, text: str, rng: np.random.Generator) -> None:
    """Draw the lead marker, in place, slightly rotated."""
    rows, columns = image.shape
    turn = float(rng.normal(0, 12) if rng.random() < 0.7 else rng.uniform(-60, 60))
    letter = _letters(text, max(6, rows // 22)).rotate(
        turn, expand=True, resample=Image.Resampling.BILINEAR
    )
    ink = np.asarray(letter, np.float32) / 255.0
    tall, wide = min(ink.shape[0], rows), min(ink.shape[1], columns)
    y = int((rows - tall) * rng.uniform(0.02, 0.22))
    # The film's aspect may crop the sides, so the marker is placed in the middle 80 %.
    x = int((columns - wide) * rng.uniform(0.78, 0.88))
    part = image[y : y + tall, x : x + wide]
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
