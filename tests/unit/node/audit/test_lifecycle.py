"""What the trail tells of the node's own life: start, end, and what was set anew between."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from node.config.settings import Config, load
from node.runtime.audit_setup import audit_of, audited
from tests.peers.audit import Record, read


def run(folder: Path, text: str, part: str = "node") -> Config:
    """Run a part of a node that does nothing, with this configuration."""
    (folder / "config.yaml").write_text(text)
    config = load(folder / "config.yaml")
    with audited(config, part):
        pass
    return config


def trail(folder: Path) -> list[Record]:
    return read(folder / "var" / "audit.log")


def changes(folder: Path) -> list[str]:
    """Return what the trail tells of changed settings."""
    return [r.description.removeprefix("changed: ") for r in trail(folder) if "Config" in r.kind]


def test_a_start_is_told_and_an_end(tmp_path: Path) -> None:
    run(tmp_path, "", "ingest")
    told = [(one.kind, one.outcome) for one in trail(tmp_path)]
    assert told == [("Application Start", "0"), ("Application Stop", "0")]
    assert trail(tmp_path)[0].participants[0]["UserName"] == "osteoscreen ingest"


@pytest.mark.parametrize("end", [RuntimeError, SystemExit, KeyboardInterrupt])
def test_an_end_that_was_not_asked_for_is_told_as_that(
    tmp_path: Path, end: type[BaseException]
) -> None:
    (tmp_path / "config.yaml").touch()
    with pytest.raises(end), audited(load(tmp_path / "config.yaml"), "node"):
        raise end
    assert [one.outcome for one in trail(tmp_path)] == ["0", "12"]


def test_the_same_settings_are_no_change(tmp_path: Path) -> None:
    """Nor is the first start, which has nothing to compare with."""
    for text in ("", "dicom: {port: 11112}", ""):
        run(tmp_path, text)
    assert changes(tmp_path) == []


def test_a_change_is_told_once_by_its_key(tmp_path: Path) -> None:
    run(tmp_path, "")
    run(tmp_path, "policy: {threshold: 0.4}\ndicom: {port: 104}")
    run(tmp_path, "policy: {threshold: 0.4}\ndicom: {port: 104}")
    assert changes(tmp_path) == ["dicom.port, policy.threshold"]


def test_it_is_told_after_the_start(tmp_path: Path) -> None:
    run(tmp_path, "")
    run(tmp_path, "dicom: {port: 104}")
    assert [one.kind for one in trail(tmp_path)][2:] == [
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


def test_destinations_are_told_apart_by_name(tmp_path: Path) -> None:
    """Also where one is put before another."""
    run(tmp_path, PACS.format(ae="A", more=""))
    run(tmp_path, PACS.format(ae="B", more=""))
    run(tmp_path, PACS.format(ae="B", more=", {name: web, url: 'https://x'}"))
    first, second = changes(tmp_path)
    assert first == "destinations.pacs.ae_title"
    assert set(second.split(", ")) >= {"destinations.web.url", "destinations.web.send"}
    assert "pacs" not in second


def test_who_may_call_is_security(tmp_path: Path) -> None:
    run(tmp_path, "")
    run(tmp_path, "dicom: {callers: [{network: 10.0.0.0/8}]}")
    assert changes(tmp_path) == ["dicom.callers"]
    assert trail(tmp_path)[3].kind == "Security Configuration"


def test_no_setting_and_no_password_stands_in_any_file(tmp_path: Path) -> None:
    """What is kept to compare with are digests, and of the database's password not even one."""
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
    """Roles that are run alone may have files of their own, and share a trail."""
    for port in (11112, 104):
        run(tmp_path, f"dicom: {{port: {port}}}", part=f"role{port}")
    assert changes(tmp_path) == []


def test_settings_that_cannot_be_kept_stop_nothing(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / ".audit.log.node.settings").mkdir()
    with capture_logs() as told:
        run(tmp_path, "")
    assert [one["event"] for one in told] == ["settings_not_kept"]
    assert len(trail(tmp_path)) == 2


def test_without_a_file_nothing_is_kept(tmp_path: Path) -> None:
    config = run(tmp_path, "audit: {file: null}")
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]
    assert "NoTrail" in repr(audit_of(config, "node"))
