"""A bundle that fails verification is not loaded."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save
from torch import Tensor

from models.bundle.card import Card, bundle_digest
from models.bundle.golden import max_device_difference, verify_golden
from models.bundle.score import score
from models.bundle.store import Bundle, BundleError, compare_gpu, load_bundle, write_bundle
from models.images.radiograph import Radiograph
from models.io.yaml_text import dump_yaml, parse_yaml
from models.nets.grid import GridConfig, GridNet

CARD = {
    "name": "test",
    "version": "0",
    "intended_use": "demonstration",
    "summary": "a net that learned nothing",
    "limits": ["for tests"],
    "inputs": "noise",
    "output": "noise",
    "net": "grid",
    "calibration": {"slope": 1.5, "intercept": -0.2},
    "operating_points": [
        {
            "name": "youden",
            "threshold": 0.5,
            "sensitivity": 0.5,
            "specificity": 0.5,
            "films": 2,
            "positives": 1,
            "source": "nowhere",
        }
    ],
    "figures": [],
    "training": {
        "data": "none",
        "label": "none",
        "films": 0,
        "steps": 0,
        "minutes": 0,
        "seed": 0,
        "software": {},
    },
    "attribution": [],
    "golden": [],
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small bundle; do not change it."""
    config = GridConfig(size=96, grid=3, dim=32, depth=1, heads=2)
    torch.manual_seed(3)
    card = Card.model_validate(CARD | {"architecture": vars(config)})
    film = Radiograph(np.random.default_rng(0).random((96, 96), dtype=np.float32))
    path = tmp_path_factory.mktemp("bundles") / "small"
    write_bundle(path, card, GridNet(config).eval(), {"noise.png": film})
    return path


@pytest.fixture
def copied(written: Path, tmp_path: Path) -> Path:
    """Return a copy of the bundle that a test may damage."""
    return Path(shutil.copytree(written, tmp_path / "bundle"))


def _resign(path: Path, weights: bytes | None = None, **change: object) -> None:
    """Change a bundle and set the matching digest, as the maker of the bundle would."""
    card = parse_yaml((path / "card.yaml").read_text(), Card)
    weights = weights or (path / "weights.safetensors").read_bytes()
    card = card.model_copy(update=change)
    card = card.model_copy(update={"digest": bundle_digest(card, weights)})
    (path / "weights.safetensors").write_bytes(weights)
    (path / "card.yaml").write_text(dump_yaml(card))


def test_a_loaded_bundle_gives_the_stored_scores(written: Path) -> None:
    bundle = load_bundle(written)
    assert verify_golden(bundle) < 1e-4
    assert bundle.card.digest.startswith("sha256:")
    assert not bundle.net.training
    assert all(p.dtype == torch.float32 for p in bundle.net.parameters())


def test_weights_are_stored_in_float16(written: Path) -> None:
    stored = load_file(written / "weights.safetensors")
    assert {t.dtype for t in stored.values() if t.is_floating_point()} == {torch.float16}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("intended_use: demonstration", "intended_use: cleared"),
        ("threshold: 0.5", "threshold: 0.4"),
        ("slope: 1.5", "slope: 2.5"),
    ],
)
def test_a_changed_card_does_not_load(copied: Path, old: str, new: str) -> None:
    card = copied / "card.yaml"
    card.write_text(card.read_text().replace(old, new))
    with pytest.raises(BundleError, match="digest"):
        load_bundle(copied)


def test_one_changed_bit_of_the_weights_does_not_load(copied: Path) -> None:
    weights = copied / "weights.safetensors"
    raw = bytearray(weights.read_bytes())
    raw[-1] ^= 1
    weights.write_bytes(raw)
    with pytest.raises(BundleError, match="digest"):
        load_bundle(copied)


def _drop(tensors: dict[str, Tensor]) -> None:
    del tensors["out.bias"]


def _add(tensors: dict[str, Tensor]) -> None:
    tensors["stray"] = torch.zeros(1)


def _reshape(tensors: dict[str, Tensor]) -> None:
    tensors["out.bias"] = torch.zeros(3, dtype=torch.float16)


def _retype(tensors: dict[str, Tensor]) -> None:
    tensors["out.bias"] = tensors["out.bias"].float()


def _poison(tensors: dict[str, Tensor]) -> None:
    tensors["out.bias"][0] = torch.nan


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (_drop, "out.bias"),
        (_add, "stray"),
        (_reshape, "out.bias"),
        (_retype, "float32"),
        (_poison, "finite"),
    ],
)
def test_weights_of_another_net_do_not_load_even_if_signed(
    copied: Path, spoil: Callable[[dict[str, Tensor]], None], word: str
) -> None:
    tensors = load_file(copied / "weights.safetensors")
    spoil(tensors)
    _resign(copied, save(tensors))
    with pytest.raises(BundleError, match=word) as refusal:
        load_bundle(copied)
    assert "\n" not in str(refusal.value)


def test_a_folder_without_a_bundle_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=re.escape(str(tmp_path))):
        load_bundle(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", "name: x", "net: unknown"])
def test_a_card_that_cannot_be_read_is_refused_in_one_line(copied: Path, text: str) -> None:
    (copied / "card.yaml").write_text(text)
    with pytest.raises(BundleError) as refusal:
        load_bundle(copied)
    assert "\n" not in str(refusal.value)


def test_a_changed_golden_score_is_detected(copied: Path) -> None:
    card = parse_yaml((copied / "card.yaml").read_text(), Card)
    drifted = card.golden[0].model_copy(update={"logit": card.golden[0].logit + 0.001})
    _resign(copied, golden=(drifted,))
    with pytest.raises(BundleError, match=r"noise\.png"):
        verify_golden(load_bundle(copied))


def test_a_changed_golden_film_is_detected(copied: Path) -> None:
    with (copied / "golden" / "noise.png").open("ab") as film:
        film.write(b"x")
    with pytest.raises(BundleError, match="changed"):
        verify_golden(load_bundle(copied))


def test_cpu_and_gpu_may_differ_by_rounding() -> None:
    assert max_device_difference(["a.png", "b.png"], [0.5, -1.0], [0.501, -1.003]) == pytest.approx(
        0.003
    )
    assert max_device_difference([], [], []) == 0.0


@pytest.mark.parametrize("wrong", [-1.05, float("nan")])
def test_a_gpu_with_different_results_is_detected_and_the_film_named(wrong: float) -> None:
    with pytest.raises(BundleError, match=r"b\.png .* on the GPU: set model\.device to cpu"):
        max_device_difference(["a.png", "b.png"], [0.5, -1.0], [0.5, wrong])


def test_a_gpu_is_compared_if_there_is_one(written: Path) -> None:
    gap = compare_gpu(load_bundle(written))
    assert (gap is not None) == torch.cuda.is_available()


def test_an_unknown_device_is_refused(written: Path) -> None:
    with pytest.raises(BundleError, match="device"):
        load_bundle(written, "abacus")


@pytest.fixture
def bundle(written: Path) -> Bundle:
    """Return the small bundle, loaded."""
    return load_bundle(written)


def _films(count: int) -> list[Radiograph]:
    rng = np.random.default_rng(1)
    return [Radiograph(rng.random((120 + 7 * i, 90), dtype=np.float32)) for i in range(count)]


def test_a_score_is_calibrated_and_has_heat_and_field_of_view(bundle: Bundle) -> None:
    result = score(bundle, _films(1))[0]
    assert result.probability == pytest.approx(1 / (1 + np.exp(-(1.5 * result.logit - 0.2))))
    assert result.heat.values.shape == (3, 3)
    assert result.heat.values.dtype == np.float32
    assert result.heat.field_of_view.height == 120.0
    assert type(result.probability) is float


def test_the_score_of_a_film_does_not_depend_on_the_batch(bundle: Bundle) -> None:
    films = _films(18)
    together = score(bundle, films)
    for film, result in list(zip(films, together, strict=True))[::6]:
        alone = score(bundle, [film])[0]
        assert alone.logit == pytest.approx(result.logit, abs=1e-5)
        assert np.allclose(alone.heat.values, result.heat.values, atol=1e-6)


def test_scoring_twice_gives_the_same(bundle: Bundle) -> None:
    films = _films(2)
    first, second = score(bundle, films), score(bundle, films)
    assert [result.logit for result in first] == [result.logit for result in second]


def test_without_films_there_are_no_scores(bundle: Bundle) -> None:
    assert score(bundle, []) == []
