"""Each realism metric measures the property that it is named after."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from models.simulate.realism import (
    SIDE,
    coverage,
    film_metrics,
    main,
    metric_percentiles,
    read_film_folder,
)


def _film(seed: int, sharp: float = 2.0, tone: float = 0.5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(rng.normal(0, 1, (96, 96)), sharp)
    return np.clip(tone + 0.1 * field / field.std(), 0, 1).astype(np.float32)


def test_mean_spread_black_and_white() -> None:
    film = np.full((60, 60), 0.5, np.float32)
    film[:15], film[45:] = 0.0, 1.0
    metrics = film_metrics(film)
    assert metrics["mean"] == pytest.approx(0.5)
    assert (metrics["black"], metrics["white"]) == pytest.approx((0.25, 0.25))
    assert metrics["spread"] == pytest.approx(np.sqrt(0.125))


def test_each_band_measures_structure_of_its_size() -> None:
    fine, coarse = film_metrics(_film(1, sharp=0.6)), film_metrics(_film(1, sharp=6.0))
    assert fine["band 0.8 px"] > 5 * coarse["band 0.8 px"]
    assert coarse["band 12.8 px"] > 2 * fine["band 12.8 px"]


def test_one_device_hardly_changes_a_band() -> None:
    film = _film(2)
    plain = film_metrics(film)["band 1.6 px"]
    film[40:44, 40:44] = 1.0
    assert film_metrics(film)["band 1.6 px"] == pytest.approx(plain, rel=0.1)


def test_coverage_is_high_for_equal_and_zero_for_different_films() -> None:
    films = [_film(seed, tone=0.4 + 0.002 * seed) for seed in range(60)]
    assert min(coverage(films, films).values()) > 0.9
    assert coverage(films, [_film(seed, tone=0.8) for seed in range(9)])["mean"] == 0.0
    low, *_, high = metric_percentiles(films)["mean"]
    assert low < high


def test_the_command_compares_two_folders(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, depth in (("deep", np.uint16), ("plain", np.uint8)):
        (tmp_path / name / "site").mkdir(parents=True)
        top = np.iinfo(depth).max
        for seed in range(3):
            stored = np.round(_film(seed) * top).astype(depth)
            Image.fromarray(stored).save(tmp_path / name / "site" / f"{seed}.png")
    assert main([str(tmp_path / "deep"), str(tmp_path / "plain")]) == 0
    printed = capsys.readouterr().out
    assert "band 3.2 px" in printed
    assert "100%" in printed
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit, match="2"):
        main([str(tmp_path / "empty"), str(tmp_path / "plain")])


@pytest.mark.shared_data
def test_real_films_are_read_at_the_common_size(shared_data: Path) -> None:
    films = read_film_folder(shared_data / "nih" / "images", 5)
    assert len(films) == 5
    assert all(max(film.shape) == SIDE for film in films)
    assert 0.2 < np.mean([film_metrics(film)["mean"] for film in films]) < 0.8
