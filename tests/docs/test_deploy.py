"""The files in deploy/ fit the program, as far as tests without a container engine can show."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from node.config.settings import load
from tests.peers import orthanc
from tests.peers.programs import run
from tests.support.paths import ROOT

DEPLOY = ROOT / "deploy"


@pytest.fixture
def compose() -> dict[str, Any]:
    services: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return services


def test_the_tests_run_the_deployed_pacs() -> None:
    """Acceptance tests run Orthanc with the configuration file that is shipped."""
    assert DEPLOY / "orthanc.json" == orthanc.CONFIGURATION


def test_the_compose_configuration_is_valid(compose: dict[str, Any]) -> None:
    """The configuration names only services and networks of compose.yaml."""
    config = load(DEPLOY / "config.compose.yaml")
    [pacs] = config.destinations
    assert pacs.host in compose["services"]
    [subnet] = compose["networks"]["default"]["ipam"]["config"]
    assert subnet["subnet"] in {str(caller.network) for caller in config.dicom.callers}


def test_compose_sets_keys_that_exist(
    compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment in compose.yaml is read by the node's own configuration loader."""
    monkeypatch.setenv("POSTGRES_PASSWORD", "secret")
    environment = compose["services"]["node"]["environment"]
    for name, value in environment.items():
        monkeypatch.setenv(name, value.replace("${POSTGRES_PASSWORD}", "secret"))
    url = load(DEPLOY / "config.compose.yaml").database.url
    assert url == "postgresql://osteoscreen:secret@database/osteoscreen"


def test_files_volumes_and_services_in_compose_exist(compose: dict[str, Any]) -> None:
    """Files beside compose.yaml exist, and volumes and dependencies are declared."""
    for service in compose["services"].values():
        for mount in service["volumes"]:
            source = mount.split(":")[0]
            there = (DEPLOY / source).is_file() if "/" in source else source in compose["volumes"]
            assert there, mount
        assert set(service.get("depends_on", {})) <= set(compose["services"])


def test_every_port_is_published_on_loopback(compose: dict[str, Any]) -> None:
    """Other machines of the hospital's network cannot reach a trial installation."""
    published = [port for s in compose["services"].values() for port in s.get("ports", ())]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_every_file_that_the_image_copies_exists() -> None:
    """Each file that the Containerfile copies from the checkout exists."""
    text = (DEPLOY / "Containerfile").read_text()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE)
    missing = [name for line in copied for name in line.split() if not (ROOT / name).exists()]
    assert copied
    assert missing == []


def test_the_service_can_write_to_the_audit_trail(compose: dict[str, Any]) -> None:
    """Container and service can write to the trail's folder, and logrotate uses the same path."""
    trail = load(DEPLOY / "config.compose.yaml").audit.file
    assert str(trail) == "/var/lib/osteoscreen/audit.log"
    assert "spool:/var/lib/osteoscreen" in compose["services"]["node"]["volumes"]
    assert f"\n{trail} {{" in (DEPLOY / "osteoscreen.logrotate").read_text()
    text = " ".join((DEPLOY / "README.md").read_text().split())
    assert f"`audit.file` to `{trail}`" in text


def test_a_reload_asks_about_the_file_that_is_served() -> None:
    """`ExecReload` of the systemd unit names the configuration file of `ExecStart`."""
    text = (DEPLOY / "osteoscreen.service").read_text()
    [served] = re.findall(r"^ExecStart=(\S+) serve (.+)$", text, re.MULTILINE)
    [reloaded] = re.findall(r"^ExecReload=(\S+) reload (.+)$", text, re.MULTILINE)
    assert reloaded == served


@pytest.mark.tools("systemd-analyze")
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    """systemd-analyze accepts the unit, with the path of an existing program."""
    text = (DEPLOY / "osteoscreen.service").read_text()
    unit = tmp_path / "osteoscreen.service"
    unit.write_text(text.replace("/opt/osteoscreen/.venv/bin/osteoscreen", sys.executable))
    checked = run("systemd-analyze", "verify", "--man=no", unit)
    assert unit.name not in checked.stderr
    assert checked.returncode == 0, checked.stderr
