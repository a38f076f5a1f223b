"""The shipped bundle and the shipped film are valid."""

import subprocess
from datetime import date

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, JPEGLSLossless

from models.bundle.golden import verify_golden
from models.bundle.intended_use import IntendedUse
from models.bundle.score import score
from models.bundle.store import Bundle, load_bundle
from models.images.dicom import read_radiograph
from models.simulate.demo_film import build_demo_dataset
from tests.support.paths import ROOT

FILM = ROOT / "node" / "demo" / "film.dcm"


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """Return the demonstration bundle."""
    return load_bundle(ROOT / "models" / "bundles" / "demo")


@pytest.fixture(scope="module")
def film() -> Dataset:
    """Return the demonstration film."""
    return pydicom.dcmread(FILM)


def test_golden_films_have_the_stored_scores(bundle: Bundle) -> None:
    assert len(bundle.card.golden) >= 2
    assert verify_golden(bundle) < 1e-4


def test_the_card_states_that_it_is_a_demonstration(bundle: Bundle) -> None:
    card = bundle.card
    assert card.intended_use is IntendedUse.DEMONSTRATION
    limits = " ".join(card.limits)
    assert "ONE person" in limits
    assert "not for patients" in limits
    assert "No accuracy on real films" in limits
    assert any("LIDC-IDRI-0001" in line and "CC BY 3.0" in line for line in card.attribution)
    assert all("simulated" in figure.source for figure in card.figures)
    assert all("simulated" in point.source for point in card.operating_points)


def test_the_aucs_of_the_card_are_plausible(bundle: Bundle) -> None:
    """The AUCs are better than chance at every hospital, and low enough to exclude a leak."""
    images = [figure for figure in bundle.card.figures if figure.name.startswith("image, ")]
    assert len(images) == 3
    assert all(0.6 < figure.auc < 0.97 for figure in images)
    assert [figure.published for figure in images] == [0.917, 0.897, 0.921]


def test_the_demonstration_film_scores_within_bounds(bundle: Bundle, film: Dataset) -> None:
    result = score(bundle, [read_radiograph(film)])[0]
    assert 0.0 < result.probability < 1.0
    cells = bundle.net.config.size // 32
    assert result.heat.values.shape == (cells, cells)
    assert result.heat.values.max() > 0


def test_the_film_is_a_small_lossless_dx_of_a_simulated_patient(film: Dataset) -> None:
    assert FILM.stat().st_size < 1_500_000
    assert film.SOPClassUID == DigitalXRayImageStorageForPresentation
    assert film.file_meta.TransferSyntaxUID == JPEGLSLossless
    assert (film.BodyPartExamined, film.ViewPosition) == ("CHEST", "PA")
    assert (str(film.PatientName), film.PatientID) == ("DEMO^SIMULATED", "DEMO-0001")
    assert film.BitsStored == 12
    assert "imulated" in film.DerivationDescription
    assert film.Rows > 1200


def test_age_and_birth_date_agree(film: Dataset) -> None:
    born, exposed = (
        date(int(text[:4]), int(text[4:6]), int(text[6:]))
        for text in (film.PatientBirthDate, film.StudyDate)
    )
    years = exposed.year - born.year - ((exposed.month, exposed.day) < (born.month, born.day))
    assert film.PatientAge == f"{years:03d}Y"


def test_the_pixels_of_the_film_survive_its_encoding() -> None:
    picture = np.random.default_rng(0).random((64, 48), dtype=np.float32)
    picture[0, 0], picture[0, 1] = 0.0, 1.0
    read = read_radiograph(build_demo_dataset(picture))
    assert np.abs(read.pixels - picture).max() < 1 / 4095
    assert read.aspect == 1.0


def test_the_uids_of_the_film_do_not_depend_on_its_pixels(film: Dataset) -> None:
    again = build_demo_dataset(np.eye(32, dtype=np.float32))
    assert again.SOPInstanceUID == film.SOPInstanceUID
    assert again.StudyInstanceUID == film.StudyInstanceUID


@pytest.mark.tools("dciodvfy")
def test_dciodvfy_reports_no_error_in_the_film() -> None:
    process = subprocess.run(["dciodvfy", str(FILM)], capture_output=True, text=True, check=False)
    assert "Error" not in process.stderr
    assert "Warning" not in process.stderr
