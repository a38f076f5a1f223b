"""Simulated films: density is in the bone, nothing else knows of it, a seed decides all."""

from dataclasses import replace

import numpy as np
import pytest

from models.simulate.anatomy import REFERENCE_BMD, SPACING_MM, Anatomy, split
from models.simulate.cohort import density_factor, render, sample_subject, twin
from models.simulate.exposure import expose, sample_exposure
from models.simulate.variants import Variant, cached_maps, render_maps, sample_variant

STILL = Variant(0, 0.0, 0.0, 0.0, (1.0, 1.0, 1.0), 0.0, 0.0, 0.0, 0.0)


@pytest.fixture
def maps() -> np.ndarray:
    """Return a chest of sorts: tissue, two lungs, a spine, ribs, collar bones; (4, 104, 104)."""
    line = np.linspace(-1, 1, 104, dtype=np.float32)
    down, right = line[:, None], line[None, :]
    water = np.full((104, 104), 16.0, np.float32)
    for side in (-0.45, 0.45):
        lung = ((right - side) / 0.35) ** 2 + ((down + 0.1) / 0.6) ** 2 < 1
        water = np.where(lung, np.float32(6.0), water)
    spine = np.where((abs(right) < 0.08) & (down > -2), 1.2, 0.0)
    ribs = np.where((np.sin(down * 20) > 0.6) & (abs(right) > 0.15), 0.3, 0.0)
    girdle = np.where((abs(down + 0.8) < 0.04) & (abs(right) > 0.2), 0.5, 0.0)
    return np.stack([water, spine, ribs, girdle]).astype(np.float32)


def test_a_seed_decides_everything(maps: np.ndarray) -> None:
    one, again, other = (sample_subject(seed, range(3)) for seed in (5, 5, 6))
    assert one == again
    assert one != other
    assert np.array_equal(render(maps, one, 96)[0], render(maps, again, 96)[0])
    assert sample_variant(4) == sample_variant(4)


def test_films_are_in_0_to_1_and_blocks_hold_the_mineral(maps: np.ndarray) -> None:
    subject = replace(sample_subject(1, range(1)), turn=0.0, zoom=1.0, shift=(0.0, 0.0))
    film, mineral = render(maps, subject, 96)
    assert film.dtype == np.float32
    assert film.shape == (96, 96)
    assert 0.0 <= film.min() < film.max() <= 1.0
    assert mineral.shape == (6, 6)
    assert mineral[:, 2:4].mean() > 1.5 * mineral[:, :2].mean()


def test_twins_differ_in_bone_and_hardly_elsewhere(maps: np.ndarray) -> None:
    plain = replace(sample_exposure(3), border=(0.0, 0.0, 0.0, 0.0), marker=False, bits=12)
    subject = replace(
        sample_subject(2, range(1)), turn=0.0, zoom=1.0, shift=(0.0, 0.0), breast=0.0, shot=plain
    )
    thin, dense = (render(maps, twin(subject, t), 104)[0] for t in (-4.0, 0.0))
    bone = maps[1:].sum(axis=0) > 0
    change = dense - thin
    assert change[bone].mean() > change[~bone].mean() + 0.005


def test_density_follows_the_t_score() -> None:
    assert density_factor(0.0) == 1.0
    assert density_factor(-2.5) == pytest.approx((REFERENCE_BMD - 2.5 * 0.110) / REFERENCE_BMD)
    assert density_factor(-99.0) > 0


def test_no_nuisance_knows_the_label() -> None:
    subjects = [sample_subject(seed, range(50)) for seed in range(4000)]
    labels = np.array([subject.label for subject in subjects], float)
    assert 0.30 < labels.mean() < 0.44
    nuisances = {
        "variant": [s.variant for s in subjects],
        "fat": [s.fat_g_cm2 for s in subjects],
        "breast": [s.breast for s in subjects],
        "zoom": [s.zoom for s in subjects],
        "scatter": [s.shot.scatter for s in subjects],
        "hardness": [s.shot.hardness for s in subjects],
        "gamma": [s.shot.gamma for s in subjects],
        "noise": [s.shot.quanta for s in subjects],
        "spine": [s.regional[0] for s in subjects],
    }
    for name, values in nuisances.items():
        # Four standard errors of a correlation of nothing with nothing.
        assert abs(np.corrcoef(values, labels)[0, 1]) < 4 / np.sqrt(4000), name


def test_automatic_exposure_hides_density_from_the_grey_level() -> None:
    """A slab twice as thick comes out as the same picture, noise apart."""
    shot = replace(sample_exposure(1), marker=False, quanta=1e7, bits=12)
    shape = np.linspace(0, 2, 104, dtype=np.float32)[None].repeat(104, axis=0)
    bone = np.zeros_like(shape)
    one, other = (expose(shape + extra, bone, shot) for extra in (np.float32(5), np.float32(9)))
    assert abs(float(np.median(one)) - float(np.median(other))) < 0.02


def test_split_parts_water_from_mineral_and_calibrates_the_lumbar_spine() -> None:
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
    """Tissue with a bone high up, forward, on the patient's left."""
    density = np.zeros((4, 132, 16, 512), np.float32)
    density[0] = 1.0
    density[1, 100:106, 8:10, 400:420] = 1.0
    return Anatomy(density, (66 * SPACING_MM[0], 8 * SPACING_MM[1], 256 * SPACING_MM[2]))


def test_the_film_hangs_as_radiologists_hang_it() -> None:
    """The head is up and the patient's left is on the right of the film."""
    spine = render_maps(_phantom(), STILL, 64)[1]
    row, column = np.unravel_index(spine.argmax(), spine.shape)
    assert row < 24
    assert column > 40


def test_maps_are_rendered_once_and_kept(tmp_path) -> None:
    first = cached_maps(_phantom(), 3, 32, tmp_path)
    assert np.array_equal(cached_maps(None, 3, 32, tmp_path), first)
    with pytest.raises(FileNotFoundError):
        cached_maps(None, 4, 32, tmp_path)
