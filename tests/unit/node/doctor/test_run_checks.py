"""The doctor checks a real bundle, database, clock, spool and audit trail."""

import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from models.bundle.combined import CombinedModel
from models.bundle.operating_points import OperatingPoint
from node.config.settings import Config, load
from node.doctor.local_checks import audit, challenger, clock, spool
from node.doctor.run_checks import examine
from node.domain.admission.header_rules import Admitted
from node.domain.errors import Misconfigured, OsteoScreenError
from node.domain.workflow.retry import RetryPolicy
from node.jobs import schema
from node.jobs.engine import clock_of, open_engine
from node.jobs.intake import IntakeStore
from tests.peers.bundles import DEMO_BUNDLE, write_bundle, write_recalibrated_bundle
from tests.support.film_facts import CHEST_FILM

POINT = OperatingPoint(
    name="youden", threshold=0.12, sensitivity=1, specificity=1, films=2, positives=1, source="here"
)


@pytest.fixture
def image_bundle(tmp_path: Path) -> Path:
    """Return a bundle whose only threshold is the image's Youden point, 0.371."""
    point = POINT.model_copy(update={"threshold": 0.371})
    return write_bundle(tmp_path / "image", operating_points=(point,), combined=None)


@pytest.fixture
def combined_bundle(tmp_path: Path) -> Path:
    """Return a bundle with a combined part, whose Youden threshold is 0.12."""
    part = CombinedModel(
        image=1,
        clinical=0.5,
        intercept=0,
        films=2,
        positives=1,
        source="invented",
        operating_points=(POINT,),
    )
    point = POINT.model_copy(update={"threshold": 0.371})
    return write_bundle(tmp_path / "combined", operating_points=(point,), combined=part)


def check_model(tmp_path: Path, bundle: str, threshold: float | str) -> tuple[bool, str]:
    """Return result and detail of the check of the model."""
    file = tmp_path / "config.yaml"
    file.write_text(
        f"model: {{bundle: {bundle}, device: cpu}}\npolicy: {{threshold: {threshold}}}\n"
        "dicom: {port: 1}\ndestinations: []\n"
    )
    return next((c.ok, c.detail) for c in examine(load(file)) if c.name == "model")


def test_an_operating_point_is_reported_as_the_threshold_of_each_score(
    tmp_path: Path, image_bundle: Path, combined_bundle: Path
) -> None:
    assert (
        "; default threshold 0.371; policy "
        in check_model(tmp_path, str(image_bundle), "youden")[1]
    )
    ok, detail = check_model(tmp_path, str(combined_bundle), "youden")
    assert ok
    assert "; default threshold 0.371 (image), 0.120 (combined); policy " in detail
    assert (
        "; default threshold 0.300; policy " in check_model(tmp_path, str(combined_bundle), 0.3)[1]
    )


def test_every_rule_is_reported_in_numbers(tmp_path: Path, image_bundle: Path) -> None:
    """The check reports the threshold and the indeterminate band of every rule."""
    rules = "youden, abstain: 0.2, overrides: [{name: men, threshold: 0.5, sex: M, abstain: 0}]"
    detail = check_model(tmp_path, str(image_bundle), rules)[1]
    assert (
        "; default threshold 0.371, undetermined from 0.326 to 0.419; men threshold 0.5" in detail
    )


def test_the_shipped_bundle_passes(tmp_path: Path) -> None:
    ok, detail = check_model(tmp_path, "demo", "youden")
    assert ok
    assert "osteoscreen-demo 0.4.0" in detail


def test_an_unknown_operating_point_fails(tmp_path: Path, image_bundle: Path) -> None:
    ok, detail = check_model(tmp_path, str(image_bundle), "sensitivity-90")
    assert not ok
    assert (
        "policy.threshold: the model card has no operating point 'sensitivity-90'; "
        "use one of youden" in detail
    )


@pytest.fixture
def node_config(tmp_path: Path, database_url: str) -> Config:
    """Return a configuration whose database, SQLite or PostgreSQL, has the current schema."""
    schema.upgrade(open_engine(database_url))
    file = tmp_path / "config.yaml"
    file.write_text(f"database: {{url: '{database_url}'}}\nspool: {{path: spool, min_free: 1}}\n")
    return load(file)


def test_equal_clocks_pass(node_config: Config) -> None:
    assert clock_of(open_engine(node_config.database.url)).tzinfo is UTC
    assert clock(node_config).endswith("UTC, agrees with the database")


def test_a_clock_that_was_set_back_fails(node_config: Config) -> None:
    """If the clock was set back, times in the table are in the future, and leases end too late."""
    later = datetime.now(UTC) + timedelta(hours=1)
    intake = IntakeStore(open_engine(node_config.database.url), RetryPolicy(1, 1, 1))
    assert intake.receive(CHEST_FILM, Admitted(), "films/x", later)
    with pytest.raises(OsteoScreenError, match="the clock was set back; use NTP"):
        clock(node_config)


def test_a_clock_that_differs_from_the_databases_fails(
    node_config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = datetime.now(UTC) + timedelta(seconds=30)
    monkeypatch.setattr("node.doctor.local_checks.clock_of", lambda _: later)
    with pytest.raises(OsteoScreenError, match=r"differs from the database's by (29|30) s"):
        clock(node_config)


def test_a_spool_that_can_be_synchronised_passes(node_config: Config) -> None:
    assert re.search(r"fsync takes \d+\.\d ms, \d+\.\d GiB free", spool(node_config))


def check_trail(folder: Path, path: str) -> str:
    """Return the detail of the check of an audit trail at this path."""
    file = folder / "config.yaml"
    file.write_text(f"audit: {{file: {path}}}\n")
    return audit(load(file))


def test_a_missing_trail_passes_and_is_not_created(tmp_path: Path) -> None:
    """The doctor does not create the trail, which the node's user might then be unable to write."""
    assert "is writable" in check_trail(tmp_path, "var/audit.log")
    assert not (tmp_path / "var").exists()


def test_a_disabled_trail_passes(tmp_path: Path) -> None:
    assert check_trail(tmp_path, "null").startswith("off")


@pytest.mark.parametrize(
    ("path", "message"),
    [("folder", "is not a file"), ("/proc/audit.log", "(is not writable|is full)")],
)
def test_a_trail_that_cannot_be_written_fails(tmp_path: Path, path: str, message: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OsteoScreenError, match=message):
        check_trail(tmp_path, path)


class TestChallenger:
    def config_with(self, tmp_path: Path, bundle: str, threshold: str = "youden") -> Config:
        """Return a configuration with this challenger and a database with the current schema."""
        file = tmp_path / "config.yaml"
        file.write_text(
            f"model: {{device: cpu}}\nchallenger: {{bundle: {bundle}}}\n"
            f"policy: {{threshold: {threshold}}}\n"
        )
        config = load(file)
        schema.upgrade(open_engine(config.database.url))
        return config

    def test_another_bundle_passes(self, tmp_path: Path) -> None:
        write_recalibrated_bundle(tmp_path / "next", offset=1.0)
        detail = challenger(self.config_with(tmp_path, "./next"))
        assert re.search(r"next [0-9a-f]{12} verified .*, differs from the serving bundle", detail)
        assert detail.endswith("films: none yet")

    def test_the_serving_bundle_is_refused_as_challenger(self, tmp_path: Path) -> None:
        shutil.copytree(DEMO_BUNDLE, tmp_path / "copy")
        with pytest.raises(Misconfigured, match=r"^challenger.bundle: .* is the serving bundle"):
            challenger(self.config_with(tmp_path, "./copy"))

    def test_a_bundle_that_does_not_load_is_reported_with_the_challengers_key(
        self, tmp_path: Path
    ) -> None:
        folder = write_recalibrated_bundle(tmp_path / "next", offset=1.0)
        (folder / "weights.safetensors").write_bytes(b"others")
        with pytest.raises(Misconfigured, match=r"^challenger.bundle: .*digest"):
            challenger(self.config_with(tmp_path, "./next"))
        with pytest.raises(Misconfigured, match=r"^challenger.bundle: .*nowhere"):
            challenger(self.config_with(tmp_path, "./nowhere"))

    def test_a_missing_operating_point_of_the_challenger_is_reported(self, tmp_path: Path) -> None:
        """The policy of the node names an operating point that the challenger's card lacks."""
        point = POINT.model_copy(update={"name": "other"})
        write_bundle(tmp_path / "next", operating_points=(point,), combined=None)
        with pytest.raises(
            Misconfigured, match=r"policy.threshold: the model card has no operating point 'youden'"
        ):
            challenger(self.config_with(tmp_path, "./next"))

    def test_without_a_challenger_there_is_no_check(self) -> None:
        assert "challenger" not in {check.name for check in examine(Config(dicom={"port": 1}))}
