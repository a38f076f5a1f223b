"""The colours of the heatmap, from violet through red to light yellow.

The scale is computed in Oklab (Björn Ottosson, 2020), in which equal steps look equal. Lightness
and opacity rise with the heat, so that colour-blind readers can distinguish the steps.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

_STEPS = 256
_LIGHTNESS = (0.42, 0.92)
_HUE_DEGREES = (305.0, 460.0)  # violet, red (390), yellow
_CHROMA = 0.22
_VISIBLE_FROM, _FULL_FROM, _OPACITY = 0.12, 0.75, 0.62
_SHADE = 0.4  # the film is darkened below the colours, because bright films would hide them

_OKLAB_TO_LMS = np.array(
    [
        [1.0, 0.3963377774, 0.2158037573],
        [1.0, -0.1055613458, -0.0638541728],
        [1.0, -0.0894841775, -1.2914855480],
    ]
)
_LMS_TO_RGB = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)


@cache
def scale() -> npt.NDArray[np.uint8]:
    """Return the 256 sRGB colours of the scale, from zero to maximum heat."""
    position = np.linspace(0.0, 1.0, _STEPS)
    lightness = np.interp(position, (0, 1), _LIGHTNESS)
    hue = np.radians(np.interp(position, (0, 1), _HUE_DEGREES))
    chroma = _CHROMA * _largest_chroma(lightness, hue)
    linear = np.clip(_linear_rgb(lightness, chroma, hue), 0.0, 1.0)
    gamma = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    colours = np.round(gamma * 255).astype(np.uint8)
    colours.flags.writeable = False
    return colours


def opacity(heat: Array) -> Array:
    """Return the opacity of the colours for heat from 0 to 1; low heat has the opacity 0."""
    ramp = np.clip((heat - _VISIBLE_FROM) / (_FULL_FROM - _VISIBLE_FROM), 0.0, 1.0)
    return np.asarray(_OPACITY * ramp * ramp * (3.0 - 2.0 * ramp), dtype=np.float32)


def blend(grey: npt.NDArray[np.uint8], heat: Array) -> npt.NDArray[np.uint8]:
    """Return an RGB image of heat (0 to 1) over a grey film of the same size."""
    index = np.round(np.clip(heat, 0.0, 1.0) * (_STEPS - 1)).astype(np.uint8)
    alpha = opacity(heat)[..., None]
    film = grey[..., None].astype(np.float32)
    film *= 1.0 - _SHADE * alpha
    blended = film + alpha * (scale()[index].astype(np.float32) - film)
    return np.round(blended).astype(np.uint8)


def _largest_chroma(
    lightness: npt.NDArray[np.float64], hue: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return, for each step, the largest fraction of the chroma that sRGB can represent."""
    low, high = np.zeros(_STEPS), np.ones(_STEPS)
    for _ in range(20):
        middle = (low + high) / 2
        rgb = _linear_rgb(lightness, _CHROMA * middle, hue)
        in_gamut = ((rgb >= 0.0) & (rgb <= 1.0)).all(axis=-1)
        low, high = np.where(in_gamut, middle, low), np.where(in_gamut, high, middle)
    return low


def _linear_rgb(
    lightness: npt.NDArray[np.float64],
    chroma: npt.NDArray[np.float64],
    hue: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    lab = np.stack([lightness, chroma * np.cos(hue), chroma * np.sin(hue)], axis=-1)
    linear: npt.NDArray[np.float64] = ((lab @ _OKLAB_TO_LMS.T) ** 3) @ _LMS_TO_RGB.T
    return linear
