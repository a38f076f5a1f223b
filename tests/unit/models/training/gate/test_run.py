"""A gate in the making: who is in which fold, what is drawn, how it learns, goes on and is kept."""

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
from models.training.gate.augment import SeededRandom, moved, scrambled, turned
from models.training.gate.cross_validation import deal, passes, rank_all
from models.training.gate.dataset import Pictures, of_manifest, of_others
from models.training.gate.loop import GateTraining, Lessons
from models.training.gate.negatives import BODY, NO_BODY, other
from models.training.gate.run import GateOptions, make

CONFIG = GateConfig(size=64, widths=(8, 8, 16, 16), features=16)
TRAINING = GateTraining(steps=4, batch=24)


def _ladder(seed: int) -> Radiograph:
    """A picture with a way up: bars that grow downwards, on a slope, with some noise."""
    rng = np.random.default_rng(seed)
    down, right = np.mgrid[:96, :80] / 96
    bars = np.sin(2 * np.pi * 6 * down) > 0.2
    wide = abs(right - 0.41) < 0.05 + 0.35 * down
    grey = 0.15 + 0.5 * (bars & wide) + 0.2 * down + rng.normal(0, 0.03, down.shape)
    return Radiograph(grey.clip(0, 1).astype(np.float32))


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    """Return 24 ladders of 12 people, said to be frontal chests, and 30 drawings."""
    squares = [to_square(_ladder(seed), 192) for seed in range(24)]
    ladders = Pictures(
        squares=np.stack([np.round(one * 255).astype(np.uint8) for one, _ in squares]),
        extent=np.array([extent for _, extent in squares], np.int16),
        kind=np.full(24, Kind.FRONTAL, np.int64),
        ap=np.array([0.0, 1.0] * 12, np.float32),
        person=np.array([f"here/{number // 2}" for number in range(24)]),
        source=np.array(["here"] * 24),
    )
    return Pictures.join([ladders, of_others(range(30))])


@pytest.fixture(scope="module")
def gate(pictures: Pictures, tmp_path_factory: pytest.TempPathFactory) -> Gate:
    """Return a gate that has learned next to nothing."""
    return make(pictures, _options(tmp_path_factory.mktemp("gate")))


def _options(folder: Path) -> GateOptions:
    return GateOptions(folder / "none.csv", folder, 2, "cpu", config=CONFIG, training=TRAINING)


def test_films_of_a_manifest_are_taken_by_their_view(tmp_path: Path) -> None:
    """In true proportions, and each patient apart."""
    films = [_entry(tmp_path, view) for view in ("PA", "AP", "LATERAL", "OTHER")]
    found = of_manifest(films)
    assert found.kind.tolist() == [Kind.FRONTAL, Kind.FRONTAL, Kind.SIDE, Kind.OTHER]
    assert np.array_equal(found.ap, [0.0, 1.0, np.nan, np.nan], equal_nan=True)
    assert found.extent.tolist() == [[192, 160]] * 4
    assert set(found.person.tolist()) == {"here/PA", "here/AP", "here/LATERAL", "here/OTHER"}


@pytest.mark.parametrize("view", ["LL", None])
def test_a_view_that_says_nothing_is_refused_by_its_row(tmp_path: Path, view: str | None) -> None:
    """A lateral film under another name would be learned as a frontal one."""
    said = rf"none of PA, AP, LATERAL, OTHER: row 7 \({view or 'none'}"
    with pytest.raises(ManifestError, match=said):
        of_manifest([_entry(tmp_path, view)])


def test_a_film_that_does_not_decode_is_named(tmp_path: Path) -> None:
    broken = _entry(tmp_path, "PA")
    broken.path.write_bytes(b"no picture")
    with pytest.raises(ManifestError, match=r"row 7 \("):
        of_manifest([broken])


def _entry(folder: Path, view: str | None) -> Entry:
    """Return a ladder in a file, as line 7 of a manifest."""
    path = folder / f"{view}.png"
    Image.fromarray((_ladder(1).pixels * 255).astype(np.uint8)).save(path)
    return Entry(path, str(view), "here", Split.TRAIN, label=False, view=view, row=7)


def test_nobody_is_in_two_folds(pictures: Pictures) -> None:
    part = deal(pictures.person, 4, seed=1)
    for person in set(pictures.person.tolist()):
        assert len(set(part[pictures.person == person].tolist())) == 1
    assert set(part[pictures.source == "here"].tolist()) == {0, 1, 2, 3}


def test_a_kind_of_drawing_is_left_out_whole(pictures: Pictures) -> None:
    """What nobody drew for the gate is what it will meet."""
    part = deal(pictures.person, 4, seed=1)
    drawn = np.char.startswith(pictures.source, "drawn")
    for source in set(pictures.source[drawn].tolist()):
        assert len(set(part[pictures.source == source].tolist())) == 1


@pytest.mark.parametrize("name", [*BODY, *NO_BODY])
def test_every_drawing_shows_something_and_is_the_same_for_ever(name: str) -> None:
    kind, first = other(7, 96, (name,))
    _, again = other(7, 96, (name,))
    assert kind == name
    assert first.shape == (96, 96)
    assert float(np.ptp(first)) > 0.2
    assert np.array_equal(first, again)


def test_quarter_turns_are_counter_clockwise() -> None:
    corner = torch.zeros(4, 1, 8, 8)
    corner[:, :, 0, 0] = 1  # top left
    found = turned(corner, torch.arange(4))
    places = [tuple(one[0].nonzero()[0].tolist()) for one in found]
    assert places == [(0, 0), (7, 0), (7, 7), (0, 7)]


def test_pieces_are_all_there_in_another_order() -> None:
    generator = torch.Generator()
    generator.manual_seed(2)
    picture = torch.arange(64.0).view(1, 1, 8, 8)
    mixed = scrambled(picture, SeededRandom(generator))
    assert sorted(mixed.flatten().tolist()) == picture.flatten().tolist()
    assert not torch.equal(mixed, picture)


def test_a_part_is_less_than_half_of_the_film() -> None:
    """A crop shows a ramp's middle half at most, whichever it is."""
    generator = torch.Generator()
    generator.manual_seed(3)
    ramp = torch.linspace(0, 1, 64).expand(16, 1, 64, 64)
    everywhere = torch.ones(16, 1, 64, 64, dtype=torch.bool)
    crop = torch.ones(16, dtype=torch.bool)
    both = moved(ramp, everywhere, 64, crop, SeededRandom(generator))
    seen = torch.where(both[:, 1:] > 0.99, both[:, :1], torch.nan)
    for one in seen:
        shown = one[torch.isfinite(one)]
        assert float(shown.max() - shown.min()) < 0.75  # 0.48 of the side, and a small turn


def test_lessons_have_answers_only_where_there_are_any(pictures: Pictures) -> None:
    lesson = Lessons(pictures, replace(TRAINING, batch=200), 64, "cpu").draw()
    chest = lesson.kind != int(Kind.OTHER)
    assert bool((lesson.turn[~chest] == -1).all())
    assert bool((lesson.turn[chest] >= 0).all())
    assert bool(torch.isnan(lesson.inverted[~chest]).all())
    assert bool(torch.isfinite(lesson.inverted[chest]).all())
    assert set(lesson.turn[chest].tolist()) == {0, 1, 2, 3}
    assert bool(torch.isfinite(lesson.picture).all())


def test_answers_turn_with_the_picture(gate: Gate, pictures: Pictures) -> None:
    """Asked in all positions, the net contradicts itself nowhere, however little it knows."""
    upright = rank_all(pictures.where(pictures.source == "here"), 64, "cpu")
    plain = predict_averaged(gate.net, upright)
    around = predict_averaged(gate.net, torch.rot90(-upright, 1, (2, 3)))
    assert np.allclose(around.kind, plain.kind, atol=1e-5)
    assert np.allclose(np.roll(around.turn, -1, axis=1), plain.turn, atol=1e-5)
    assert np.allclose(around.inverted, 1 - plain.inverted, atol=1e-5)


def test_figures_count_people_whom_the_net_had_not_seen(gate: Gate) -> None:
    totals = {one.name: one.total for one in gate.part.figures}
    assert totals["here: admitted, polarity left alone"] == 24
    assert totals["upside down: refused"] == 24
    assert totals["inverted: set right, or refused"] == 24
    assert sum(total for name, total in totals.items() if name.startswith("drawn ")) == 30


def test_a_run_goes_on_where_it_was_broken_off(pictures: Pictures, tmp_path: Path) -> None:
    first = make(pictures, _options(tmp_path))
    kept = sorted(tmp_path.rglob("*.safetensors"))
    assert [one.name for one in kept] == [
        "all.safetensors",
        "without-0.safetensors",
        "without-1.safetensors",
    ]
    before = [one.stat().st_mtime_ns for one in kept]
    kept[0].unlink()  # as if it had been killed before the last net
    again = make(pictures, _options(tmp_path))
    assert [one.stat().st_mtime_ns for one in kept[1:]] == before[1:]
    assert again.part.figures == first.part.figures
    assert torch.allclose(again.net.kind.weight, first.net.kind.weight, atol=1e-5)


def test_a_gate_sees_the_same_once_it_is_kept(gate: Gate) -> None:
    films = {"ladder.png": _ladder(99)}
    part, content = sign_gate(gate, films)
    kept = load_gate(part, content)
    assert part.golden[0].file == "ladder.png"
    assert gate_drift(kept, films) < 1e-5
    assert gate_drift(kept, {"ladder.png": _ladder(5)}) > 1e-4


def test_a_changed_file_is_no_gate(gate: Gate) -> None:
    part, content = sign_gate(gate, {})
    for spoilt in (content[:-1], content + b"\0", b"", bytes([content[0] ^ 1]) + content[1:]):
        with pytest.raises(GateError, match="digest"):
            load_gate(part, spoilt)


def test_another_net_s_file_is_no_gate(gate: Gate) -> None:
    part, content = sign_gate(gate, {})
    wider = part.model_copy(update={"architecture": CONFIG.model_copy(update={"features": 24})})
    with pytest.raises(GateError, match="another net"):
        load_gate(wider, content)


def test_a_far_picture_does_not_pass() -> None:
    spread = FeatureDistribution(np.zeros(2, np.float32), np.eye(2, dtype=np.float32), scale=2.0)
    near, far = spread.distances(np.array([[1.0, 0.0], [3.0, 3.0]]))
    assert near == pytest.approx(0.5)
    assert far > 1
    plain = ImageFindings(0.9, 0.05, 0.5, 0, 0.99, 0.1, near)
    assert passes(plain)
    assert not passes(replace(plain, distance=far))
    assert not passes(replace(plain, turn=2))
    assert not passes(replace(plain, frontal=0.4))
