"""Medical devices of metal and plastic in and on patients.

A device is drawn as the areal density (g/cm2) of mineral that would absorb as much as the device.
The patient's density factor does not change devices.
"""

from dataclasses import dataclass

import numpy as np

from models.images.grayscale_pipeline import Float
from models.simulate.plane import FilmPlane, Point, curve, ellipse, rod, tube

_STEEL = 12.0
"""g/cm3 of mineral that absorbs as much as steel at 60 keV, within a few percent."""

_PLASTIC = 0.5
"""g/cm3 of mineral that absorbs as much as the plastic of a catheter, which contains barium."""


@dataclass(frozen=True)
class Devices:
    """Devices of one patient; ``seed`` determines their positions."""

    seed: int
    leads: int
    pacemaker: bool
    port: bool
    catheter: bool
    feeding_tube: bool
    sternal_wires: int
    clips: int
    necklace: bool


def sample_devices(rng: np.random.Generator, inpatient: bool) -> Devices:
    """Draw the devices of one patient; in-patients also have leads, catheters and feeding tubes."""
    draws = rng.random(8)
    return Devices(
        seed=int(rng.integers(2**31)),
        leads=int(rng.integers(2, 6)) if inpatient and draws[0] < 0.6 else 0,
        pacemaker=bool(draws[1] < 0.05),
        port=bool(draws[2] < 0.05),
        catheter=bool(inpatient and draws[3] < 0.4),
        feeding_tube=bool(inpatient and draws[4] < 0.25),
        sternal_wires=int(rng.integers(4, 8)) if draws[5] < 0.06 else 0,
        clips=int(rng.integers(1, 8)) if draws[6] < 0.08 else 0,
        necklace=bool(draws[7] < 0.03),
    )


def device_mineral(plane: FilmPlane, devices: Devices) -> Float:
    """Return all devices of one patient, (rows, columns) in g/cm2 of mineral."""
    rng = np.random.default_rng([61, devices.seed])
    steel, plastic = plane.canvas(), plane.canvas()
    for _ in range(devices.leads):
        _lead(rng, plane, steel)
    if devices.pacemaker:
        _pacemaker(rng, plane, steel)
    if devices.port:
        _port(rng, plane, steel, plastic)
    if devices.catheter:
        side = rng.choice([-1.0, 1.0])
        tube(plastic, plane, _to_heart(rng, (side * rng.uniform(40, 150), -180.0)), 1.1)
    if devices.feeding_tube:
        path = [(rng.normal(0, 4), -330.0), (4.0, -100.0), (8.0, 20.0), (70.0, 150.0)]
        tube(plastic, plane, curve(path), 1.6)
    for number in range(devices.sternal_wires):
        _wire(rng, plane, steel, -85.0 + number * rng.uniform(20, 24))
    heart = (rng.normal(10, 35), rng.normal(-20, 50))
    for _ in range(devices.clips):
        x, y = rng.normal(heart[0], 14), rng.normal(heart[1], 18)
        turn = rng.uniform(0, np.pi)
        tip = (x + 5 * float(np.cos(turn)), y + 5 * float(np.sin(turn)))
        rod(steel, plane, ((x, y), tip), (0.7, 0.7))
    if devices.necklace:
        tube(steel, plane, curve([(-60, -190), (-40, -80), (40, -80), (60, -190)]), 0.6)
    # The maximum of 9 g/cm2 lets a part of the beam pass.
    return np.minimum(_STEEL * steel + _PLASTIC * plastic, 9.0).astype(np.float32)


def _lead(rng: np.random.Generator, plane: FilmPlane, steel: Float) -> None:
    """Draw an electrode of a monitor, and its wire to the edge of the film."""
    x, y = rng.choice([-1.0, 1.0]) * rng.uniform(55, 150), rng.uniform(-130, 120)
    button = ellipse(plane, (x, y), (5.0, 5.0))
    np.maximum(steel, 0.25 * (button > 0) * (1.2 - button), out=steel)
    exit_point = (rng.uniform(-60, 60), 230.0) if y > 0 else (rng.uniform(-200, 200), -230.0)
    bow = (x + rng.normal(0, 50), y + rng.normal(0, 50))
    tube(
        steel,
        plane,
        curve([(x, y), bow, (rng.uniform(-90, 90), rng.uniform(-60, 60)), exit_point]),
        0.45,
    )


def _pacemaker(rng: np.random.Generator, plane: FilmPlane, steel: Float) -> None:
    side = 1.0 if rng.random() < 0.85 else -1.0
    x, y = side * rng.normal(105, 8), rng.normal(-105, 8)
    case = ellipse(plane, (x, y), (22.0, 20.0), rng.uniform(0, np.pi))
    np.maximum(steel, 0.28 * (case > 0) + 0.35 * ((case > 0.1) & (case < 0.6)), out=steel)
    for _ in range(int(rng.integers(1, 3))):
        end = (rng.normal(35, 14), rng.normal(55, 12))
        middle = [(side * 60, -140.0), (-18.0, -110.0), (-30.0, 30.0)]
        tube(steel, plane, curve([(x, y - 12), *middle, end]), 0.8)


def _port(rng: np.random.Generator, plane: FilmPlane, steel: Float, plastic: Float) -> None:
    side = -1.0 if rng.random() < 0.7 else 1.0
    x, y = side * rng.normal(90, 10), rng.normal(-85, 12)
    ring = ellipse(plane, (x, y), (12.0, 12.0))
    np.maximum(steel, 0.3 * ((ring > 0) & (ring < 0.65)) + 0.06 * (ring > 0), out=steel)
    tube(plastic, plane, _to_heart(rng, (x, y)), 1.2)


def _to_heart(rng: np.random.Generator, start: Point) -> list[Point]:
    """Return the path of a central line below the clavicle and through the superior vena cava."""
    side = 1.0 if start[0] > 0 else -1.0
    turn = (side * 55.0, -160.0)
    return curve([start, turn, (-20.0, -135.0), (-26.0, rng.uniform(-60, 0))])


def _wire(rng: np.random.Generator, plane: FilmPlane, steel: Float, y: float) -> None:
    """Draw one sternal wire: a flat loop and its twist."""
    x, wide = rng.normal(2, 1.5), rng.uniform(7, 11)
    loop = [(x - wide, y), (x - 2, y - 4), (x + 2, y - 4), (x + wide, y), (x, y + 4), (x - wide, y)]
    tube(steel, plane, loop, 0.5)
    tube(steel, plane, [(x, y + 3), (x + rng.normal(0, 1), y + 9)], 0.8)
