"""Tests of the gate's fit: images, folds, augmentation, resumption, and storage."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from models.dataset.entry import Entry, ManifestError, Split
from models.gate.bundle_part import Gate, GateError, gate_drift, load_gate, sign_gate
from models.gate.image_findings import ImageFindings
from models.gate.inference import FeatureDistribution, predict_averaged
from models.gate.input import to_square
from models.gate.net import GateConfig, Kind
from models.images.radiograph import Radiograph
from models.training.gate.augment import SeededRandom, rotate_quarters, shuffle_tiles, transform
from models.training.gate.cross_validation import assign_folds, passes, rank_all
from models.training.gate.dataset import GateImages, images_of_drawings, images_of_manifest
from models.training.gate.drawings import BODY_PARTS, PATTERNS, draw
from models.training.gate.loop import GateBatches, GateTraining
from models.training.gate.run import GateOptions, fit_to_images

CONFIG = GateConfig(size=64, widths=(8, 8, 16, 16), features=16)
TRAINING = GateTraining(steps=4, batch=24)


def _ladder(seed: int) -> Radiograph:
    """Return an image with a clear orientation: bars that become wider downwards, and noise."""
    rng = np.random.default_rng(seed)
    down, right = np.mgrid[:96, :80] / 96
    bars = np.sin(2 * np.pi * 6 * down) > 0.2
    wide = abs(right - 0.41) < 0.05 + 0.35 * down
    grey = 0.15 + 0.5 * (bars & wide) + 0.2 * down + rng.normal(0, 0.03, down.shape)
    return Radiograph(grey.clip(0, 1).astype(np.float32))


@pytest.fixture(scope="module")
def images() -> GateImages:
    """Return 24 ladder images of 12 people, labelled as frontal chests, and 30 drawings."""
    squares = [to_square(_ladder(seed), 192) for seed in range(24)]
    ladders = GateImages(
        squares=np.stack([np.round(square * 255).astype(np.uint8) for square, _ in squares]),
        extent=np.array([extent for _, extent in squares], np.int16),
        kind=np.full(24, Kind.FRONTAL, np.int64),
        ap=np.array([0.0, 1.0] * 12, np.float32),
        person=np.array([f"here/{number // 2}" for number in range(24)]),
        source=np.array(["here"] * 24),
    )
    return GateImages.join([ladders, images_of_drawings(range(30))])


@pytest.fixture(scope="module")
def gate(images: GateImages, tmp_path_factory: pytest.TempPathFactory) -> Gate:
    """Return a gate after four training steps."""
    return fit_to_images(images, _options(tmp_path_factory.mktemp("gate")))


def _options(folder: Path) -> GateOptions:
    return GateOptions(folder / "none.csv", folder, 2, "cpu", config=CONFIG, training=TRAINING)


def test_the_view_of_a_film_determines_its_kind(tmp_path: Path) -> None:
    entries = [_entry(tmp_path, view) for view in ("PA", "AP", "LATERAL", "OTHER")]
    images = images_of_manifest(entries)
    assert images.kind.tolist() == [Kind.FRONTAL, Kind.FRONTAL, Kind.SIDE, Kind.OTHER]
    assert np.array_equal(images.ap, [0.0, 1.0, np.nan, np.nan], equal_nan=True)
    assert images.extent.tolist() == [[192, 160]] * 4
    assert set(images.person.tolist()) == {"here/PA", "here/AP", "here/LATERAL", "here/OTHER"}


@pytest.mark.parametrize("view", ["LL", None])
def test_an_unknown_view_is_refused_with_its_row(tmp_path: Path, view: str | None) -> None:
    """A lateral film with another view name must not be trained as a frontal film."""
    message = rf"views other than PA, AP, LATERAL, OTHER: row 7 \({view or 'none'}"
    with pytest.raises(ManifestError, match=message):
        images_of_manifest([_entry(tmp_path, view)])


def test_a_film_that_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    broken = _entry(tmp_path, "PA")
    broken.path.write_bytes(b"not an image")
    with pytest.raises(ManifestError, match=r"row 7 \("):
        images_of_manifest([broken])


def _entry(folder: Path, view: str | None) -> Entry:
    """Write a ladder image, and return it as an entry in line 7 of a manifest."""
    path = folder / f"{view}.png"
    Image.fromarray((_ladder(1).pixels * 255).astype(np.uint8)).save(path)
    return Entry(path, str(view), "here", Split.TRAIN, label=False, view=view, row=7)


def test_no_person_is_in_two_folds(images: GateImages) -> None:
    fold = assign_folds(images.person, 4, seed=1)
    for person in set(images.person.tolist()):
        assert len(set(fold[images.person == person].tolist())) == 1
    assert set(fold[images.source == "here"].tolist()) == {0, 1, 2, 3}


def test_all_drawings_of_a_kind_are_in_one_fold(images: GateImages) -> None:
    """A net is then tested on kinds of drawings that it was not trained on."""
    fold = assign_folds(images.person, 4, seed=1)
    drawn = np.char.startswith(images.source, "drawn")
    for source in set(images.source[drawn].tolist()):
        assert len(set(fold[images.source == source].tolist())) == 1


@pytest.mark.parametrize("name", [*BODY_PARTS, *PATTERNS])
def test_a_drawing_has_contrast_and_depends_only_on_its_seed(name: str) -> None:
    kind, first = draw(7, 96, (name,))
    _, again = draw(7, 96, (name,))
    assert kind == name
    assert first.shape == (96, 96)
    assert float(np.ptp(first)) > 0.2
    assert np.array_equal(first, again)


def test_quarter_turns_are_counter_clockwise() -> None:
    corner = torch.zeros(4, 1, 8, 8)
    corner[:, :, 0, 0] = 1  # top left
    rotated = rotate_quarters(corner, torch.arange(4))
    places = [tuple(image[0].nonzero()[0].tolist()) for image in rotated]
    assert places == [(0, 0), (7, 0), (7, 7), (0, 7)]


def test_shuffling_tiles_keeps_all_pixels() -> None:
    image = torch.arange(64.0).view(1, 1, 8, 8)
    shuffled = shuffle_tiles(image, _random(2))
    assert sorted(shuffled.flatten().tolist()) == image.flatten().tolist()
    assert not torch.equal(shuffled, image)


def test_a_crop_has_less_than_half_of_the_side() -> None:
    """In a crop of a ramp, the range of grey levels shows the size of the crop."""
    ramp = torch.linspace(0, 1, 64).expand(16, 1, 64, 64)
    full = torch.ones(16, 1, 64, 64, dtype=torch.bool)
    crops = transform(ramp, full, 64, torch.ones(16, dtype=torch.bool), _random(3))
    values = torch.where(crops[:, 1:] > 0.99, crops[:, :1], torch.nan)
    for crop in values:
        inside = crop[torch.isfinite(crop)]
        assert float(inside.max() - inside.min()) < 0.75  # 0.48 of the side, and a small rotation


def _random(seed: int) -> SeededRandom:
    return SeededRandom(torch.Generator().manual_seed(seed))


def test_images_of_other_kinds_have_no_target_for_turn_and_polarity(images: GateImages) -> None:
    batch = GateBatches(images, replace(TRAINING, batch=200), 64, "cpu").draw()
    chest = batch.kind != int(Kind.OTHER)
    assert bool((batch.turn[~chest] == -1).all())
    assert bool((batch.turn[chest] >= 0).all())
    assert bool(torch.isnan(batch.inverted[~chest]).all())
    assert bool(torch.isfinite(batch.inverted[chest]).all())
    assert set(batch.turn[chest].tolist()) == {0, 1, 2, 3}
    assert bool(torch.isfinite(batch.image).all())


def test_outputs_rotate_with_the_image(gate: Gate, images: GateImages) -> None:
    """Because outputs are averaged over all rotations, even an untrained net is consistent."""
    upright = rank_all(images.where(images.source == "here"), 64, "cpu")
    plain = predict_averaged(gate.net, upright)
    around = predict_averaged(gate.net, torch.rot90(-upright, 1, (2, 3)))
    assert np.allclose(around.kind, plain.kind, atol=1e-5)
    assert np.allclose(np.roll(around.turn, -1, axis=1), plain.turn, atol=1e-5)
    assert np.allclose(around.inverted, 1 - plain.inverted, atol=1e-5)


def test_every_image_is_counted_in_its_tests(gate: Gate) -> None:
    totals = {count.name: count.total for count in gate.part.figures}
    assert totals["here: admitted, polarity unchanged"] == 24
    assert totals["here: PA or AP correct"] == 24
    assert totals["upside down: refused"] == 24
    assert totals["inverted: corrected or refused"] == 24
    assert sum(total for name, total in totals.items() if name.startswith("drawn ")) == 30


def test_an_interrupted_fit_resumes(images: GateImages, tmp_path: Path) -> None:
    first = fit_to_images(images, _options(tmp_path))
    nets = sorted(tmp_path.rglob("*.safetensors"))
    assert [net.name for net in nets] == [
        "all.safetensors",
        "without-0.safetensors",
        "without-1.safetensors",
    ]
    before = [net.stat().st_mtime_ns for net in nets]
    nets[0].unlink()  # as if the process had been killed before the last net
    again = fit_to_images(images, _options(tmp_path))
    assert [net.stat().st_mtime_ns for net in nets[1:]] == before[1:]
    assert again.part.figures == first.part.figures
    assert torch.allclose(again.net.kind.weight, first.net.kind.weight, atol=1e-5)


def test_a_stored_gate_gives_the_same_findings(gate: Gate) -> None:
    films = {"ladder.png": _ladder(99)}
    part, content = sign_gate(gate, films)
    stored = load_gate(part, content)
    assert part.golden[0].file == "ladder.png"
    assert gate_drift(stored, films) < 1e-5
    assert gate_drift(stored, {"ladder.png": _ladder(5)}) > 1e-4


def test_a_changed_file_is_refused(gate: Gate) -> None:
    part, content = sign_gate(gate, {})
    for damaged in (content[:-1], content + b"\0", b"", bytes([content[0] ^ 1]) + content[1:]):
        with pytest.raises(GateError, match="digest"):
            load_gate(part, damaged)


def test_the_file_of_another_net_is_refused(gate: Gate) -> None:
    part, content = sign_gate(gate, {})
    wider = part.model_copy(update={"architecture": CONFIG.model_copy(update={"features": 24})})
    with pytest.raises(GateError, match="another net"):
        load_gate(wider, content)


def test_an_image_far_from_the_training_films_does_not_pass() -> None:
    distribution = FeatureDistribution(
        np.zeros(2, np.float32), np.eye(2, dtype=np.float32), scale=2.0
    )
    near, far = distribution.distances(np.array([[1.0, 0.0], [3.0, 3.0]]))
    assert near == pytest.approx(0.5)
    assert far > 1
    findings = ImageFindings(0.9, 0.05, 0.5, 0, 0.99, 0.1, near)
    assert passes(findings)
    assert not passes(replace(findings, distance=far))
    assert not passes(replace(findings, turn=2))
    assert not passes(replace(findings, frontal=0.4))
