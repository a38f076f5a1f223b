"""Neck, shoulders and arms, which the CT does not contain.

The CT was taken with raised arms and ends at the first ribs. On a film, the arms hang beside the
trunk. Neck, shoulders and arms are built from rods. The mineral of these bones depends on the
patient's density.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from models.images.grayscale_pipeline import Float
from models.simulate.plane import FilmPlane, curve, ellipse, rod, smoothstep, tube

_CT_TOP = -152.0
"""mm: above this height the CT's tissue is replaced by the neck and shoulders of this module."""

_CORTEX = 0.5
"""g/cm3 of mineral in cortical bone, on the scale of the CT's calibration."""


@dataclass(frozen=True)
class Shoulders:
    """Shoulders and arms of one patient, in mm and degrees.

    ``breadth`` is the distance from the spine to the head of the humerus. ``height`` is an offset
    of the shoulders from the usual height. ``spread`` is the angle between arms and trunk.
    ``stoutness`` is the radius of the arms. ``roll`` (0..1) moves the scapulae away from the lungs.
    ``lean`` is the lateral offset of the neck.
    """

    breadth: float
    height: float
    spread: float
    stoutness: float
    roll: float
    lean: float


def sample_shoulders(rng: np.random.Generator) -> Shoulders:
    """Draw the shoulders of one patient; the draw does not depend on density."""
    return Shoulders(
        breadth=float(rng.normal(176.0, 9.0)),
        height=float(rng.normal(0.0, 10.0)),
        spread=float(rng.uniform(8.0, 36.0)),
        stoutness=float(np.clip(rng.normal(46.0, 7.0), 32.0, 66.0)),
        roll=float(rng.uniform(0.0, 1.0)),
        lean=float(rng.normal(0.0, 6.0)),
    )


def add_shoulders(water: Float, plane: FilmPlane, shoulders: Shoulders) -> Float:
    """Return the tissue (rows, columns) in g/cm2, with neck, shoulders and arms added."""
    around = plane.canvas()
    tube(around, plane, [(shoulders.lean, -340.0), (shoulders.lean, -200.0), (0.0, -120.0)], 62.0)
    for side in (-1.0, 1.0):
        head, elbow = _arm(shoulders, side)
        rod(around, plane, ((side * 30, -215.0), (head[0], head[1] - 8)), (46.0, 30.0))
        rod(around, plane, ((side * 55, -140.0), head), (80.0, 56.0))
        rod(around, plane, (head, elbow), (shoulders.stoutness + 4, shoulders.stoutness - 6))
    tube(hollow := plane.canvas(), plane, [(shoulders.lean, -340.0), (0.0, -140.0)], 8.0)
    around = ndimage.gaussian_filter(around, 7.0 / plane.step, truncate=2.5) - hollow
    above_ct = smoothstep(plane.y[:, None], _CT_TOP + 16, _CT_TOP - 28)
    lateral = smoothstep(abs(plane.x)[None, :], 128.0, 158.0)
    outer = np.maximum(water, around * lateral)
    tissue: Float = ((1 - above_ct) * outer + above_ct * np.maximum(around, 0.0)).astype(np.float32)
    return tissue


def girdle_mineral(plane: FilmPlane, shoulders: Shoulders) -> Float:
    """Return the mineral of clavicles, scapulae and humeri at density factor 1, in g/cm2."""
    total = plane.canvas()
    for side in (-1.0, 1.0):
        (head_x, head_y), elbow = _arm(shoulders, side)
        total += _shaft(plane, [(head_x, head_y + 16), elbow], 10.5, 7.0)
        knob = ellipse(plane, (head_x - side * 4, head_y), (23.0, 25.0))
        total += 0.75 * np.sqrt(np.maximum(knob, 0.0)) + 0.15 * (knob > 0) * (knob < 0.14)
        collar = curve(
            [
                (side * 14, -122.0),
                (side * 60, -118.0 + 0.2 * shoulders.height),
                (side * 90, -172.0 + shoulders.height),
                (head_x - side * 18, head_y - 26),
            ]
        )
        total += _shaft(plane, collar, 6.5, 3.6)
        total += _scapula(plane, shoulders, side, head_x, head_y)
    return np.asarray(ndimage.gaussian_filter(total, 0.5 / plane.step), np.float32)


def _arm(shoulders: Shoulders, side: float) -> tuple[tuple[float, float], tuple[float, float]]:
    head = (side * shoulders.breadth + 0.4 * shoulders.lean, -132.0 + shoulders.height)
    angle = np.deg2rad(shoulders.spread)
    reach = (head[0] + side * 300.0 * float(np.sin(angle)), head[1] + 300.0 * float(np.cos(angle)))
    return head, reach


def _shaft(plane: FilmPlane, path: list[tuple[float, float]], outer: float, inner: float) -> Float:
    """Return the mineral of a hollow bone."""
    solid, marrow = plane.canvas(), plane.canvas()
    tube(solid, plane, path, outer)
    tube(marrow, plane, path, inner)
    return np.asarray(_CORTEX * (solid - np.float32(0.85) * marrow), np.float32)


def _scapula(
    plane: FilmPlane, shoulders: Shoulders, side: float, head_x: float, head_y: float
) -> Float:
    """Return the mineral of a scapula: blade, lateral border, spine, glenoid and coracoid."""
    out = 12.0 + 22.0 * shoulders.roll
    inner, low = abs(head_x) - 66.0 + out * 0.6, head_y + 108.0
    tip = (side * (abs(head_x) - 42.0 + out), low)
    socket = (head_x - side * 24, head_y + 6)
    upper = (side * inner, head_y + 4)
    blade = plane.canvas()
    for share in np.linspace(0.0, 1.0, 7):
        near = (socket[0] + share * (upper[0] - socket[0]), socket[1] + share * 6)
        rod(blade, plane, (near, tip), (8.0, 5.0))
    plate = np.minimum(blade, 0.45)
    edges = plane.canvas()
    tube(edges, plane, curve([socket, (socket[0] - side * 4, head_y + 60), tip]), 3.6)
    tube(edges, plane, curve([upper, (upper[0] - side * 6, head_y + 55), tip]), 1.6)
    tube(
        edges, plane, curve([upper, (head_x - side * 40, head_y - 14), (head_x, head_y - 30)]), 4.0
    )
    tube(edges, plane, [socket, (head_x - side * 34, head_y - 14)], 5.5)
    return np.asarray(0.16 * plate + _CORTEX * 0.75 * edges, np.float32)
