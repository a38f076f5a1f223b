"""The commands of `osteoscreen model` are run with valid and invalid arguments."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from tests.peers.command import assert_fails, osteoscreen
from tests.support.paths import ROOT
from tests.support.people import make_people, manifest_rows, write_rows


class TestModel:
    """`model verify` and `model card` check and describe a bundle."""

    def test_the_shipped_bundle_verifies(self) -> None:
        """Digest, keys and golden scores are correct, and the card states the intended use."""
        process = osteoscreen("model", "verify")
        assert process.returncode == 0, process.stderr
        assert "verified" in process.stdout
        card, clinical = yaml.safe_load_all(osteoscreen("model", "card", "demo").stdout)
        assert card["intended_use"] == "demonstration"
        assert "NHANES" in clinical["population"]

    def test_a_changed_golden_film_is_named(self, tmp_path: Path) -> None:
        """The verification fails, and the message contains the name of the changed file."""
        bundle = tmp_path / "bundle"
        shutil.copytree(ROOT / "models" / "bundles" / "demo", bundle)
        first = sorted((bundle / "golden").iterdir())[0]
        first.write_bytes(first.read_bytes()[:-1])
        assert_fails(osteoscreen("model", "verify", bundle), 1, first.name, "restore")
        assert_fails(osteoscreen("model", "verify", tmp_path), 2, "not a bundle")


class TestFitClinical:
    """`model fit-clinical` fits coefficients to a table of people and cross-validates them."""

    @pytest.fixture(scope="class")
    def table(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """Return a manifest of simulated people."""
        return write_rows(
            tmp_path_factory.mktemp("tables") / "manifest.csv", manifest_rows(make_people(300))
        )

    def test_it_prints_metrics_and_stores_the_model_in_a_bundle(
        self, table: Path, tmp_path: Path
    ) -> None:
        """The output is a table or JSON, and the changed bundle verifies."""
        bundle = tmp_path / "bundle"
        shutil.copytree(ROOT / "models" / "bundles" / "demo", bundle)
        before = (bundle / "weights.safetensors").read_bytes()
        process = osteoscreen("model", "fit-clinical", table, "--bundle", bundle)
        assert process.returncode == 0, process.stderr
        for text in ("AUC", "calibration slope", "Brier", "clinical model written, sha256:"):
            assert text in process.stdout
        assert (bundle / "weights.safetensors").read_bytes() == before
        assert osteoscreen("model", "verify", bundle).returncode == 0
        as_json = osteoscreen("model", "fit-clinical", table, "--json")
        fitted = json.loads(as_json.stdout)
        stored = yaml.safe_load((bundle / "clinical.yaml").read_text())
        assert fitted["coefficients"]["age"] == pytest.approx(stored["coefficients"]["age"])
        assert fitted["figures"]["people"] == 300

    def test_unusable_input_gives_one_line(self, table: Path, tmp_path: Path) -> None:
        """The message states which file, column or class is missing. The bundle is unchanged."""
        bundle = tmp_path / "bundle"
        shutil.copytree(ROOT / "models" / "bundles" / "demo", bundle)
        rows = manifest_rows(make_people(300))
        incomplete = write_rows(tmp_path / "incomplete.csv", [{"patient_id": "1", "label": "1"}])
        one_class = write_rows(tmp_path / "one-class.csv", [row | {"label": "0"} for row in rows])
        fit = ("model", "fit-clinical")
        bundle_option = ("--bundle", bundle)
        assert_fails(osteoscreen(*fit, tmp_path / "none.csv", *bundle_option), 2, "cannot be read")
        assert_fails(osteoscreen(*fit, incomplete, *bundle_option), 2, "no column 'age'")
        assert_fails(osteoscreen(*fit, one_class, *bundle_option), 1, "needs both classes")
        assert_fails(osteoscreen(*fit, table, "--label", "hip"), 2, "femoral-neck")
        assert_fails(osteoscreen(*fit, table, "--bundle", tmp_path), 2, "not a bundle")
        assert osteoscreen("model", "verify", bundle).returncode == 0
