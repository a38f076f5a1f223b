"""The audit trail records the start and end of each role, and the keys of changed settings."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from node.audit.file_trail import open_trail
from node.audit.lifecycle import audit_lifetime
from node.config.settings import Config, load
from tests.peers.audit import Record, read


def run(folder: Path, text: str, part: str = "node") -> Config:
    """Run a part of a node that does nothing, with this configuration."""
    (folder / "config.yaml").write_text(text)
    config = load(folder / "config.yaml")
    with audit_lifetime(part, lambda: config):
        pass
    return config


def trail(folder: Path) -> list[Record]:
    return read(folder / "var" / "audit.log")


def changes(folder: Path) -> list[str]:
    """Return the descriptions of changed settings."""
    return [r.description.removeprefix("changed: ") for r in trail(folder) if "Config" in r.kind]


def test_start_and_end_are_recorded(tmp_path: Path) -> None:
    run(tmp_path, "", "ingest")
    records = [(record.kind, record.outcome) for record in trail(tmp_path)]
    assert records == [("Application Start", "0"), ("Application Stop", "0")]
    assert trail(tmp_path)[0].participants[0]["UserName"] == "osteoscreen ingest"


@pytest.mark.parametrize("end", [RuntimeError, SystemExit, KeyboardInterrupt])
def test_an_end_by_an_error_has_the_outcome_major(tmp_path: Path, end: type[BaseException]) -> None:
    (tmp_path / "config.yaml").touch()
    config = load(tmp_path / "config.yaml")
    with pytest.raises(end), audit_lifetime("node", lambda: config):
        raise end
    assert [record.outcome for record in trail(tmp_path)] == ["0", "12"]


def test_the_same_settings_are_no_change(tmp_path: Path) -> None:
    """The first start has no earlier settings to compare with, so it records no change."""
    for text in ("", "dicom: {port: 11112}", ""):
        run(tmp_path, text)
    assert changes(tmp_path) == []


def test_a_change_is_recorded_once_by_its_key(tmp_path: Path) -> None:
    run(tmp_path, "")
    run(tmp_path, "policy: {threshold: 0.4}\ndicom: {port: 104}")
    run(tmp_path, "policy: {threshold: 0.4}\ndicom: {port: 104}")
    assert changes(tmp_path) == ["dicom.port, policy.threshold"]


def test_a_change_is_recorded_after_the_start(tmp_path: Path) -> None:
    run(tmp_path, "")
    run(tmp_path, "dicom: {port: 104}")
    assert [record.kind for record in trail(tmp_path)][2:] == [
        "Application Start",
        "Network Configuration",
        "Application Stop",
    ]


def test_the_environment_is_a_setting_like_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path, "")
    monkeypatch.setenv("OSTEOSCREEN__MODEL__BATCH", "8")
    run(tmp_path, "")
    assert changes(tmp_path) == ["model.batch"]


PACS = "destinations: [{{name: pacs, ae_title: {ae}, host: pacs, port: 104}}{more}]"


def test_the_key_of_a_destination_has_its_name(tmp_path: Path) -> None:
    """The key contains the destination's name instead of its position in the list."""
    run(tmp_path, PACS.format(ae="A", more=""))
    run(tmp_path, PACS.format(ae="B", more=""))
    run(tmp_path, PACS.format(ae="B", more=", {name: web, url: 'https://x'}"))
    first, second = changes(tmp_path)
    assert first == "destinations.pacs.ae_title"
    assert set(second.split(", ")) >= {"destinations.web.url", "destinations.web.send"}
    assert "pacs" not in second


def test_a_change_of_callers_is_a_security_alert(tmp_path: Path) -> None:
    run(tmp_path, "")
    run(tmp_path, "dicom: {callers: [{network: 10.0.0.0/8}]}")
    assert changes(tmp_path) == ["dicom.callers"]
    assert trail(tmp_path)[3].kind == "Security Configuration"


def test_no_file_has_a_setting_or_a_password(tmp_path: Path) -> None:
    """The file for the comparison contains digests, but no digest of the database password."""
    url = "database: {url: 'postgresql://osteo:%s@db.example/osteo'}"
    run(tmp_path, url % "s3cret")
    run(tmp_path, url % "0ther")
    assert changes(tmp_path) == []
    run(tmp_path, url.replace("db.example", "elsewhere.example") % "0ther")
    assert changes(tmp_path) == ["database.url"]
    for file in (tmp_path / "var").iterdir():
        for word in ("s3cret", "0ther", "example"):
            assert word not in file.read_text(), file


def test_each_part_compares_with_itself(tmp_path: Path) -> None:
    """Two roles may share one trail, but each role compares only its own settings."""
    for port in (11112, 104):
        run(tmp_path, f"dicom: {{port: {port}}}", part=f"role{port}")
    assert changes(tmp_path) == []


def test_digests_that_cannot_be_written_stop_nothing(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / ".audit.log.node.settings").mkdir()
    with capture_logs() as logs:
        run(tmp_path, "")
    assert [entry["event"] for entry in logs] == ["setting_digests_not_written"]
    assert len(trail(tmp_path)) == 2


def test_without_a_file_nothing_is_kept(tmp_path: Path) -> None:
    config = run(tmp_path, "audit: {file: null}")
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]
    assert "NoTrail" in repr(open_trail(config, "node"))
