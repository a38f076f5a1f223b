"""`osteoscreen model` as researchers meet it, with right arguments and with wrong ones."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from tests.peers.command import assert_one_clear_line, osteoscreen
from tests.support.paths import ROOT
from tests.support.people import crowd, manifest_rows
from tests.support.people import write as write_table


class TestModel:
    """`model verify` and `model card`: what a bundle is, and whether it is intact."""

    def test_the_shipped_bundle_verifies(self) -> None:
        """Digest, keys, and the golden films' scores; its card says what it is."""
        done = osteoscreen("model", "verify")
        assert done.returncode == 0, done.stderr
        assert "verified" in done.stdout
        card, clinical = yaml.safe_load_all(osteoscreen("model", "card", "demo").stdout)
        assert card["intended_use"] == "demonstration"
        assert "NHANES" in clinical["population"]

    def test_a_changed_golden_film_is_named(self, tmp_path: Path) -> None:
        """A bundle that was tampered with is not worth a score."""
        bundle = tmp_path / "bundle"
        shutil.copytree(ROOT / "models" / "bundles" / "demo", bundle)
        first = sorted((bundle / "golden").iterdir())[0]
        first.write_bytes(first.read_bytes()[:-1])
        assert_one_clear_line(osteoscreen("model", "verify", bundle), 1, first.name, "restore")
        assert_one_clear_line(osteoscreen("model", "verify", tmp_path), 2, "not a bundle")


class TestFitClinical:
    """`model fit-clinical`: a table of people in, coefficients and honest figures out."""

    @pytest.fixture(scope="class")
    def table(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """Return a manifest of invented people."""
        return write_table(
            tmp_path_factory.mktemp("tables") / "manifest.csv", manifest_rows(crowd(300))
        )

    def test_it_shows_figures_and_puts_the_model_into_a_bundle(
        self, table: Path, tmp_path: Path
    ) -> None:
        """For people as a table, for programs as JSON; the bundle verifies afterwards."""
        bundle = tmp_path / "bundle"
        shutil.copytree(ROOT / "models" / "bundles" / "demo", bundle)
        before = (bundle / "weights.safetensors").read_bytes()
        done = osteoscreen("model", "fit-clinical", table, "--bundle", bundle)
        assert done.returncode == 0, done.stderr
        for words in ("AUC", "calibration slope", "Brier", "clinical model written, sha256:"):
            assert words in done.stdout
        assert (bundle / "weights.safetensors").read_bytes() == before
        assert osteoscreen("model", "verify", bundle).returncode == 0
        as_json = osteoscreen("model", "fit-clinical", table, "--json")
        made = json.loads(as_json.stdout)
        stored = yaml.safe_load((bundle / "clinical.yaml").read_text())
        assert made["coefficients"]["age"] == pytest.approx(stored["coefficients"]["age"])
        assert made["figures"]["people"] == 300

    def test_what_cannot_be_fitted_is_one_clear_line(self, table: Path, tmp_path: Path) -> None:
        """The file, the column or the class that is missing; the bundle stays as it was."""
        bundle = tmp_path / "bundle"
        shutil.copytree(ROOT / "models" / "bundles" / "demo", bundle)
        rows = manifest_rows(crowd(300))
        lame = write_table(tmp_path / "lame.csv", [{"patient_id": "1", "label": "1"}])
        alike = write_table(tmp_path / "alike.csv", [row | {"label": "0"} for row in rows])
        fit = ("model", "fit-clinical")
        into = ("--bundle", bundle)
        assert_one_clear_line(osteoscreen(*fit, tmp_path / "none.csv", *into), 2, "cannot be read")
        assert_one_clear_line(osteoscreen(*fit, lame, *into), 2, "no column 'age'")
        assert_one_clear_line(osteoscreen(*fit, alike, *into), 1, "needs both classes")
        assert_one_clear_line(osteoscreen(*fit, table, "--label", "hip"), 2, "femoral-neck")
        assert_one_clear_line(osteoscreen(*fit, table, "--bundle", tmp_path), 2, "not a bundle")
        assert osteoscreen("model", "verify", bundle).returncode == 0
