"""What the doctor says of the house: a bundle, a database, a clock, a spool, all really there."""

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
def alone(tmp_path: Path) -> Path:
    """Return a bundle whose only threshold is the image's Youden point, 0.371."""
    point = POINT.model_copy(update={"threshold": 0.371})
    return write_bundle(tmp_path / "alone", operating_points=(point,), combined=None)


@pytest.fixture
def combining(tmp_path: Path) -> Path:
    """Return the same bundle with a combined part that has a Youden threshold of its own."""
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
    return write_bundle(tmp_path / "combining", operating_points=(point,), combined=part)


def told(tmp_path: Path, bundle: str, threshold: float | str) -> tuple[bool, str]:
    """Return whether the model is well, and what is said of it."""
    file = tmp_path / "config.yaml"
    file.write_text(
        f"model: {{bundle: {bundle}, device: cpu}}\npolicy: {{threshold: {threshold}}}\n"
        "dicom: {port: 1}\ndestinations: []\n"
    )
    return next((c.ok, c.detail) for c in examine(load(file)) if c.name == "model")


def test_a_name_is_told_as_the_threshold_of_each_score(
    tmp_path: Path, alone: Path, combining: Path
) -> None:
    assert "; default threshold 0.371; policy " in told(tmp_path, str(alone), "youden")[1]
    ok, detail = told(tmp_path, str(combining), "youden")
    assert ok
    assert "; default threshold 0.371 (image), 0.120 (combined); policy " in detail
    assert "; default threshold 0.300; policy " in told(tmp_path, str(combining), 0.3)[1]


def test_every_rule_is_told_in_numbers(tmp_path: Path, alone: Path) -> None:
    """With the band that it leaves open: what an administrator has set, as it will be used."""
    rules = "youden, abstain: 0.2, overrides: [{name: men, threshold: 0.5, sex: M, abstain: 0}]"
    detail = told(tmp_path, str(alone), rules)[1]
    assert (
        "; default threshold 0.371, undetermined from 0.326 to 0.419; men threshold 0.5" in detail
    )


def test_the_shipped_bundle_is_well(tmp_path: Path) -> None:
    ok, detail = told(tmp_path, "demo", "youden")
    assert ok
    assert "osteoscreen-demo 0.4.0" in detail


def test_a_name_that_no_score_has_is_no_health(tmp_path: Path, alone: Path) -> None:
    ok, detail = told(tmp_path, str(alone), "sensitivity-90")
    assert not ok
    assert (
        "policy.threshold: the model card has no operating point 'sensitivity-90'; "
        "use one of youden" in detail
    )


@pytest.fixture
def housed(tmp_path: Path, database_url: str) -> Config:
    """Return a configuration with a current schema, on SQLite or PostgreSQL."""
    schema.upgrade(open_engine(database_url))
    file = tmp_path / "config.yaml"
    file.write_text(f"database: {{url: '{database_url}'}}\nspool: {{path: spool, min_free: 1}}\n")
    return load(file)


def test_our_clock_and_the_databases_agree(housed: Config) -> None:
    assert clock_of(open_engine(housed.database.url)).tzinfo is UTC
    assert clock(housed).endswith("UTC, agrees with the database")


def test_a_clock_that_was_set_back_is_no_health(housed: Config) -> None:
    """Leases and waits of rows from the future would never be over."""
    later = datetime.now(UTC) + timedelta(hours=1)
    intake = IntakeStore(open_engine(housed.database.url), RetryPolicy(1, 1, 1))
    assert intake.receive(CHEST_FILM, Admitted(), "films/x", later)
    with pytest.raises(OsteoScreenError, match="the clock was set back; use NTP"):
        clock(housed)


def test_another_clock_than_the_databases_is_no_health(
    housed: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = datetime.now(UTC) + timedelta(seconds=30)
    monkeypatch.setattr("node.doctor.local_checks.clock_of", lambda _: ahead)
    with pytest.raises(OsteoScreenError, match=r"differs from the database's by (29|30) s"):
        clock(housed)


def test_the_spool_is_well_where_bytes_can_be_made_durable(housed: Config) -> None:
    assert re.search(r"fsync takes \d+\.\d ms, \d+\.\d GiB free", spool(housed))


def trail(folder: Path, place: str) -> str:
    """Return what is said of a trail in this place."""
    file = folder / "config.yaml"
    file.write_text(f"audit: {{file: {place}}}\n")
    return audit(load(file))


def test_a_trail_that_is_not_there_yet_is_well_and_is_not_made(tmp_path: Path) -> None:
    """One made by whoever runs the doctor would not be the node's to write."""
    assert "is writable" in trail(tmp_path, "var/audit.log")
    assert not (tmp_path / "var").exists()


def test_a_trail_that_is_switched_off_is_well(tmp_path: Path) -> None:
    assert trail(tmp_path, "null").startswith("off")


@pytest.mark.parametrize(
    ("place", "told"),
    [("folder", "is not a file"), ("/proc/audit.log", "(is not writable|is full)")],
)
def test_a_trail_that_cannot_be_written_is_no_health(tmp_path: Path, place: str, told: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OsteoScreenError, match=told):
        trail(tmp_path, place)


class TestChallenger:
    def of(self, tmp_path: Path, bundle: str, threshold: str = "youden") -> Config:
        """Return a configuration with this challenger, its database there."""
        file = tmp_path / "config.yaml"
        file.write_text(
            f"model: {{device: cpu}}\nchallenger: {{bundle: {bundle}}}\n"
            f"policy: {{threshold: {threshold}}}\n"
        )
        config = load(file)
        schema.upgrade(open_engine(config.database.url))
        return config

    def test_another_bundle_is_well(self, tmp_path: Path) -> None:
        write_recalibrated_bundle(tmp_path / "next", offset=1.0)
        told = challenger(self.of(tmp_path, "./next"))
        assert re.search(r"next [0-9a-f]{12} verified .*, differs from the serving bundle", told)
        assert told.endswith("films: none yet")

    def test_the_serving_bundle_is_no_challenger(self, tmp_path: Path) -> None:
        """It would be compared with itself, for nothing."""
        shutil.copytree(DEMO_BUNDLE, tmp_path / "copy")
        with pytest.raises(Misconfigured, match=r"^challenger.bundle: .* is the serving bundle"):
            challenger(self.of(tmp_path, "./copy"))

    def test_a_bundle_that_does_not_load_is_named_by_the_challengers_key(
        self, tmp_path: Path
    ) -> None:
        folder = write_recalibrated_bundle(tmp_path / "next", offset=1.0)
        (folder / "weights.safetensors").write_bytes(b"others")
        with pytest.raises(Misconfigured, match=r"^challenger.bundle: .*digest"):
            challenger(self.of(tmp_path, "./next"))
        with pytest.raises(Misconfigured, match=r"^challenger.bundle: .*nowhere"):
            challenger(self.of(tmp_path, "./nowhere"))

    def test_a_policy_that_its_card_cannot_meet_is_told(self, tmp_path: Path) -> None:
        """The node's policy names a point that the new bundle does not have."""
        point = POINT.model_copy(update={"name": "other"})
        write_bundle(tmp_path / "next", operating_points=(point,), combined=None)
        with pytest.raises(
            Misconfigured, match=r"policy.threshold: the model card has no operating point 'youden'"
        ):
            challenger(self.of(tmp_path, "./next"))

    def test_without_one_nothing_is_said(self) -> None:
        assert "challenger" not in {check.name for check in examine(Config(dicom={"port": 1}))}
