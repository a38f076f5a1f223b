"""The bundle behind the Predictor port: what the analyst may rely on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from node.demo.run import SHIPPED_FILM
from node.domain.errors import Misconfigured, Permanent, Rejected
from node.domain.prediction import IntendedUse, Radiograph
from node.inference import predictor
from node.inference.predictor import BundlePredictor, load


@pytest.fixture(scope="module")
def shipped() -> BundlePredictor:
    """Return the shipped bundle, loaded on the processor."""
    return load("demo", "cpu", 0)


def test_the_shipped_model_calls_itself_a_demonstration(shipped: BundlePredictor) -> None:
    """Whoever reads a result can tell which model spoke, and for what use."""
    assert shipped.identity.intended_use is IntendedUse.DEMONSTRATION
    assert len(shipped.identity.digest) == 64


def test_a_film_is_scored_alike_alone_and_in_company(shipped: BundlePredictor) -> None:
    """A batch is a matter of speed, never of the score."""
    film = shipped.decode(SHIPPED_FILM)
    mirrored = Radiograph(np.ascontiguousarray(film.pixels[:, ::-1]), film.aspect)
    [alone] = shipped.predict([film])
    together = shipped.predict([mirrored, film])
    assert together[1].probability.image == pytest.approx(alone.probability.image, abs=1e-5)
    assert together[0].probability.image != pytest.approx(alone.probability.image, abs=1e-5)


def test_the_rendering_is_the_film_as_it_is_displayed(shipped: BundlePredictor) -> None:
    """Rows and columns of the film, grey, bone bright."""
    film = shipped.decode(SHIPPED_FILM)
    [prediction] = shipped.predict([film])
    ds = dcmread(SHIPPED_FILM, stop_before_pixels=True)
    assert prediction.rendering.grey.shape == (ds.Rows, ds.Columns)
    np.testing.assert_allclose(prediction.rendering.grey / 255, film.pixels, atol=1 / 255)
    assert prediction.heat.values.min() >= 0


def test_a_blank_film_is_rejected_not_scored(shipped: BundlePredictor, tmp_path: Path) -> None:
    """A net would give it a confident number."""
    ds = dcmread(SHIPPED_FILM)
    ds.decompress()
    ds.PixelData = bytes(len(ds.PixelData))
    ds.save_as(tmp_path / "blank.dcm")
    with pytest.raises(Rejected) as refused:
        shipped.decode(tmp_path / "blank.dcm")
    assert refused.value.reason == "pixels"


def test_a_damaged_file_is_permanent(shipped: BundlePredictor, tmp_path: Path) -> None:
    """Trying again reads the same bytes."""
    (tmp_path / "damaged.dcm").write_bytes(b"no DICOM at all")
    with pytest.raises(Permanent, match="damaged"):
        shipped.decode(tmp_path / "damaged.dcm")


def test_a_score_that_is_no_number_is_an_error(
    shipped: BundlePredictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither present nor absent may be said on a NaN."""
    film = shipped.decode(SHIPPED_FILM)
    scored = predictor.scoring.score

    def broken(*arguments: object) -> list[object]:
        return [replace(one, probability=float("nan")) for one in scored(*arguments)]

    monkeypatch.setattr(predictor.scoring, "score", broken)
    with pytest.raises(Permanent, match="no finite score"):
        shipped.predict([film])


def test_thresholds_are_numbers_or_names_of_the_card(shipped: BundlePredictor) -> None:
    """A name that the card does not have is a matter of configuration."""
    assert shipped.threshold(0.3) == 0.3
    assert 0 < shipped.threshold("youden") < 1
    with pytest.raises(Misconfigured, match=r"policy\.threshold.*'lucky'.*youden"):
        shipped.threshold("lucky")


def test_a_bundle_that_was_tampered_with_does_not_load(tmp_path: Path) -> None:
    """One bit of the weights, and the digest tells."""
    for file in (predictor._SHIPPED / "demo").rglob("*"):
        if file.is_file():
            copy = tmp_path / file.relative_to(predictor._SHIPPED / "demo")
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    weights = tmp_path / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(Misconfigured, match=r"model\.bundle"):
        load(str(tmp_path), "cpu", 0)
