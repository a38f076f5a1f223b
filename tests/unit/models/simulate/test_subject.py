"""In simulated films only bone depends on density, and a seed determines everything."""

from dataclasses import replace

import numpy as np
import pytest

from models.calibration.auc import auc
from models.simulate.anatomy import REFERENCE_BMD, SPACING_MM, Anatomy, split
from models.simulate.anatomy_variants import (
    AnatomyVariant,
    cached_maps,
    render_maps,
    sample_variant,
)
from models.simulate.exposure import expose, sample_exposure
from models.simulate.subject import (
    SimulatedSubject,
    compose_scene,
    density_factor,
    expose_scene,
    render_film,
    sample_subject,
    with_t_score,
)

pytestmark = pytest.mark.slow

STILL = AnatomyVariant(0, 0.0, 0.0, 0.0, (1.0, 1.0, 1.0), 0.0, 0.0, 0.0, 0.0)


@pytest.fixture
def maps() -> np.ndarray:
    """Return maps (3, 104, 104) of a simple chest: tissue with two lungs, spine and ribs."""
    line = np.linspace(-1, 1, 104, dtype=np.float32)
    down, right = line[:, None], line[None, :]
    water = np.where(abs(right) < 0.85, np.float32(16.0), np.float32(0.0)) + 0 * down
    for side in (-0.35, 0.35):
        lung = ((right - side) / 0.28) ** 2 + ((down + 0.1) / 0.6) ** 2 < 1
        water = np.where(lung, np.float32(8.0), water)
    spine = np.where((abs(right) < 0.08) & (down > -2), 1.2, 0.0)
    ribs = np.where((np.sin(down * 20) > 0.6) & (abs(right) > 0.12) & (abs(right) < 0.6), 0.3, 0.0)
    return np.stack([water, spine, ribs]).astype(np.float32)


def _plain(seed: int) -> SimulatedSubject:
    """Return a subject on a square film without collimator edges, marker and deformation."""
    subject = sample_subject(seed, range(1))
    processing = replace(
        subject.exposure.processing, aspect=1.0, border=(0.0,) * 4, marker="", bits=12, detail=0.5
    )
    pose = replace(subject.pose, turn=0.0, shift=(0.0, 0.0), warp=0, field_mm=400.0, stretch=1.0)
    return replace(subject, pose=pose, exposure=replace(subject.exposure, processing=processing))


def test_a_seed_determines_everything(maps: np.ndarray) -> None:
    first, again, different = (sample_subject(seed, range(3)) for seed in (5, 5, 6))
    assert first == again
    assert first != different
    assert np.array_equal(render_film(maps, first, 96)[0], render_film(maps, again, 96)[0])
    assert sample_variant(4) == sample_variant(4)


def test_films_are_in_0_to_1_and_blocks_contain_the_mineral(maps: np.ndarray) -> None:
    film, mineral = render_film(maps, _plain(1), 96)
    assert film.dtype == np.float32
    assert film.shape == (96, 96)
    assert 0.0 <= film.min() < film.max() <= 1.0
    assert mineral.shape == (6, 6)
    assert mineral[4:, 2:4].mean() > 1.5 * mineral[4:, :2].mean()


@pytest.mark.parametrize(("aspect", "shape"), [(0.75, (96, 72)), (1.25, (77, 96))])
def test_blocks_are_those_of_the_padded_square(
    maps: np.ndarray, aspect: float, shape: tuple[int, int]
) -> None:
    square = _plain(1)
    processing = replace(square.exposure.processing, aspect=aspect)
    cut = replace(square, exposure=replace(square.exposure, processing=processing))
    film, blocks = render_film(maps, cut, 96)
    assert film.shape == shape
    square_blocks = render_film(maps, square, 96)[1]
    assert 0 < blocks.sum() < square_blocks.sum()
    # The middle of the square is in both films.
    assert blocks[2:4, 2:4] == pytest.approx(square_blocks[2:4, 2:4], rel=0.1)


def test_twins_differ_mainly_in_bone(maps: np.ndarray) -> None:
    subject = _plain(2)
    thin, dense = (render_film(maps, with_t_score(subject, t), 104)[0] for t in (-4.0, 0.0))
    scene = compose_scene(maps, subject, 104)
    bone = scene.bone > 0.1
    change = dense - thin
    assert change[bone].mean() > change[~bone].mean() + 0.005


def test_twins_share_everything_except_density(maps: np.ndarray) -> None:
    subject = sample_subject(9, range(1))
    thin, dense = (compose_scene(maps, with_t_score(subject, t), 96) for t in (-4.0, 0.0))
    assert np.array_equal(thin.water, dense.water)
    assert np.array_equal(thin.bone, dense.bone)
    assert np.array_equal(thin.metal, dense.metal)


def test_density_does_not_change_metal(maps: np.ndarray) -> None:
    """A pacemaker has the same absorption in every patient."""
    subject = _plain(3)
    without = replace(
        subject.devices, leads=0, port=False, catheter=False, clips=0, pacemaker=False
    )
    subject_with_case = replace(subject, devices=replace(without, pacemaker=True))
    plain = compose_scene(maps, replace(subject, devices=without), 104)
    with_pacemaker = compose_scene(maps, subject_with_case, 104)
    assert with_pacemaker.metal.max() > 2.0
    assert np.array_equal(with_pacemaker.bone, plain.bone)


def test_a_film_without_bone_is_the_same_at_every_density(maps: np.ndarray) -> None:
    """Density changes only the mineral of a film."""
    subject = sample_subject(4, range(1))
    scene = replace(
        compose_scene(maps, subject, 96), bone=np.zeros_like(compose_scene(maps, subject, 96).bone)
    )
    thin, dense = (expose_scene(scene, with_t_score(subject, t)) for t in (-4.0, 0.0))
    assert np.array_equal(thin, dense)


def test_the_grey_level_does_not_reveal_density(maps: np.ndarray) -> None:
    """Mean, spread and percentiles of the grey level do not predict high or low density."""
    levels: dict[str, list[float]] = {"mean": [], "spread": [], "dark": [], "bright": []}
    labels = []
    for seed in range(240):
        subject = with_t_score(sample_subject(seed, range(1)), -3.2 if seed % 2 else -1.2)
        film = render_film(maps, subject, 72)[0]
        labels.append(bool(seed % 2))
        levels["mean"].append(float(film.mean()))
        levels["spread"].append(float(film.std()))
        levels["dark"].append(float(np.percentile(film, 10)))
        levels["bright"].append(float(np.percentile(film, 90)))
    for name, values in levels.items():
        assert 0.38 < auc(np.array(values), np.array(labels)) < 0.62, name


def test_density_follows_the_t_score() -> None:
    assert density_factor(0.0) == 1.0
    assert density_factor(-2.5) == pytest.approx((REFERENCE_BMD - 2.5 * 0.110) / REFERENCE_BMD)
    assert density_factor(-99.0) > 0


def test_automatic_exposure_compensates_thickness() -> None:
    """A thicker slab gives the same grey level, except for noise."""
    exposure = sample_exposure(1)
    processing = replace(exposure.processing, marker="", bits=12)
    exposure = replace(exposure, quanta=1e7, grid=0.0, processing=processing)
    shape = np.linspace(0, 2, 104, dtype=np.float32)[None].repeat(104, axis=0)
    bone = np.zeros_like(shape)
    thin, thick = (
        expose(shape + extra, bone, exposure) for extra in (np.float32(5), np.float32(9))
    )
    assert abs(float(np.median(thin)) - float(np.median(thick))) < 0.02


def test_split_separates_water_and_mineral_and_calibrates_the_lumbar_spine() -> None:
    hounsfield = np.full((6, 64, 64), -1000, np.float32)
    hounsfield[:, 12:52, 8:56] = 40
    hounsfield[:, 28:36, 28:36] = 330
    hounsfield[:, 16:20, 12:20] = 300
    label = np.zeros(hounsfield.shape, np.uint8)
    label[:3, 28:36, 28:36], label[3:, 28:36, 28:36] = 30, 31
    anatomy = split(hounsfield, label)
    assert anatomy.density.shape == (4, 6, 32, 64)
    frontal = anatomy.density[1].sum(axis=1)[:, 31] * SPACING_MM[1] / 10
    assert frontal == pytest.approx(REFERENCE_BMD, rel=1e-3)
    contrast = anatomy.density[:, 2, 9, 15]
    assert contrast[0] == pytest.approx(1.06)
    assert contrast[1:].sum() == 0


def _phantom() -> Anatomy:
    """Return tissue with one bone, which is cranial, anterior and on the patient's left."""
    density = np.zeros((4, 132, 16, 512), np.float32)
    density[0] = 1.0
    density[1, 100:106, 8:10, 400:420] = 1.0
    return Anatomy(density, (66 * SPACING_MM[0], 8 * SPACING_MM[1], 256 * SPACING_MM[2]))


def test_the_film_has_the_standard_orientation() -> None:
    """Cranial is up, and the patient's left is on the right of the film."""
    spine = render_maps(_phantom(), STILL, 64)[1]
    row, column = np.unravel_index(spine.argmax(), spine.shape)
    assert row < 24
    assert column > 38


def test_maps_are_rendered_once_and_cached(tmp_path) -> None:
    first = cached_maps(_phantom(), 3, 32, tmp_path)
    assert np.array_equal(cached_maps(None, 3, 32, tmp_path), first)
    with pytest.raises(FileNotFoundError):
        cached_maps(None, 4, 32, tmp_path)
