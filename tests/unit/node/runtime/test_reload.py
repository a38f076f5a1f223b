"""A changed configuration file is validated and takes effect, or changes nothing."""

import getpass
import os
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from node.audit.lifecycle import audit_lifetime
from node.config.settings import Config, load
from node.domain.config_change import ProcessReport, ReloadReport, SettingChange
from node.domain.errors import Misconfigured
from node.runtime.control_folder import ControlFolder, request_reload
from node.runtime.reload import BY_FILE, BY_SIGNAL, Reloader
from tests.peers.audit import Record, read
from tests.peers.waiting import wait_until

PROCESS = ProcessReport("ingest", 7, replaced=True)
DATABASE = "database: {url: 'sqlite:///osteoscreen.db'}\nspool: {path: spool}\n"


class Site:
    """A configuration file, and a node that records each configuration that it applies."""

    def __init__(self, folder: Path, text: str = "policy: {threshold: 0.4}") -> None:
        self.folder = folder
        self.file = folder / "config.yaml"
        self.write(text)
        self.used: list[Config] = []
        self.refusal = ""
        self.stop = threading.Event()
        self.control = ControlFolder("node", self.file)
        (folder / "spool").mkdir()
        self.control.open(folder / "spool")
        self.reloader = Reloader(
            self.file,
            load(self.file),
            ReloadReport(str(self.file), "node", 7),
            self._replace,
            self.control,
            self.stop,
        )

    def write(self, text: str) -> None:
        self.file.write_text(DATABASE + text if text else "")

    def _replace(self, config: Config) -> tuple[ProcessReport, ...]:
        if self.refusal:
            raise Misconfigured(self.refusal)
        self.used.append(config)
        return (PROCESS,)

    @property
    def threshold(self) -> float | str:
        return self.reloader.config.policy.threshold

    def request(self) -> Path:
        """Request a reload as a user does; return the file of the request."""
        name = f"{socket.gethostname()}.node.{os.getpid()}.a.request"
        request = self.folder / "spool" / "control" / name
        request.touch()
        return request

    def trail(self) -> list[Record]:
        return read(self.folder / "var" / "audit.log")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def watched(site: Site) -> Iterator[tuple[Site, threading.Event]]:
    """Yield a site whose file is watched, and the event that SIGHUP sets."""
    signalled = threading.Event()

    def watch() -> None:
        while not site.stop.wait(0.05):
            site.reloader.step(signalled)

    thread = threading.Thread(target=watch)
    thread.start()
    yield site, signalled
    site.stop.set()
    thread.join()


def test_a_sound_file_takes_effect(site: Site) -> None:
    site.write("policy: {threshold: 0.5}")
    with capture_logs() as logs:
        report = site.reloader.reload("alice")
    assert report.changes == (SettingChange("policy.threshold", "0.4", "0.5"),)
    assert (site.threshold, report.error, report.requested_by) == (0.5, "", "alice")
    assert report.processes == (PROCESS,)
    [entry] = logs
    assert entry["event"] == "configuration_reloaded"
    assert (entry["requested_by"], entry["changed"]) == ("alice", ["policy.threshold"])


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        ("dicom: {port: 104}", "dicom.port"),
        ("results: {language: zh, font: /f.ttf}", "results.font"),
        ("destinations: [{name: a, ae_title: A, host: a, port: 104}]", "destinations.a.host"),
        ("model: {bundle: ../demo}", "model.bundle"),
        ("log: {format: console}", "log.format"),
        ("database: {url: 'sqlite:///other.db'}", "database.url"),
    ],
)
def test_every_setting_takes_effect(
    site: Site, monkeypatch: pytest.MonkeyPatch, text: str, setting: str
) -> None:
    monkeypatch.setattr("node.runtime.reload.require_usable", lambda _config: None)
    site.file.write_text((DATABASE if "database" not in text else "") + text)
    report = site.reloader.reload("alice")
    assert setting in [change.key for change in report.changes]
    assert site.used == [load(site.file)] == [site.reloader.config]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("policy: {threshold: 1.5}", "policy.threshold: 1.5: a threshold is a number from 0 to 1"),
        ("polity: {}", "polity: unknown key"),
        (
            "policy: {threshold: lucky}",
            "policy.threshold: the model card has no operating point 'lucky'",
        ),
        ("policy: {threshold: [", "config.yaml"),
        ("", "the file is empty"),
        ("model: {bundle: ./nowhere}", "model.bundle"),
        ("challenger: {bundle: demo}", "challenger.bundle: demo is the serving bundle"),
        ("results: {font: /nowhere.ttf}", "results.font /nowhere.ttf cannot be read"),
        ("dicom: {tls: {certificate: /no.pem}}", "tls.certificate /no.pem"),
        (
            "destinations: [{name: a, ae_title: A, host: a, port: 1, tls: {ca: /no.pem}}]",
            "tls.ca /no.pem",
        ),
        ("audit: {syslog: {host: a, tls: {ca: /no.pem}}}", "tls.ca /no.pem"),
    ],
)
def test_an_unsound_file_changes_nothing_and_the_report_has_the_reason(
    site: Site, text: str, reason: str
) -> None:
    site.write(text)
    with capture_logs() as logs:
        report = site.reloader.reload("alice")
    assert reason in report.error
    assert not report.complete
    assert (site.threshold, site.used, site.trail()) == (0.4, [], [])
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [("reload_refused", "error")]


def test_a_missing_file_changes_nothing(site: Site) -> None:
    site.file.unlink()
    assert "No such file" in site.reloader.reload(BY_SIGNAL).error
    assert site.threshold == 0.4


def test_a_port_in_use_changes_nothing(site: Site) -> None:
    """The supervisor notices an occupied port only when it opens the port."""
    site.refusal = "dicom.port: cannot listen on 127.0.0.1:104"
    site.write("dicom: {port: 104}")
    assert site.reloader.reload(BY_SIGNAL).error == site.refusal
    assert (site.reloader.config.dicom.port, site.trail()) == (11112, [])


def test_a_request_after_a_change_reports_who_requested_the_change(site: Site) -> None:
    """The file watcher may notice a changed file before the user runs `reload`."""
    site.write("policy: {threshold: 0.5}")
    first = site.reloader.reload(BY_FILE)
    second = site.reloader.reload("alice")
    assert (second.requested_by, second.at, second.changes) == (BY_FILE, first.at, first.changes)


def test_a_file_that_changes_no_setting_is_not_logged(site: Site) -> None:
    site.write("# as before\npolicy: {threshold: 0.4}")
    with capture_logs() as logs:
        site.reloader.reload(BY_FILE)
    assert (logs, site.trail()) == ([], [])


def test_the_audit_trail_has_the_values_and_who_requested_the_change(site: Site) -> None:
    site.write("policy: {threshold: youden}")
    site.reloader.reload("alice")
    [record] = site.trail()
    assert record.kind == "Software Configuration"
    assert record.description == 'changed: policy.threshold from 0.4 to "youden"'
    assert [participant["UserID"] for participant in record.participants][1:] == ["alice"]


def test_no_password_is_reported_or_recorded(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed password takes effect, but the report does not contain the password."""
    monkeypatch.setattr("node.runtime.reload.upgrade_schema", lambda _config: None)
    for password in ("s3cret", "0ther"):
        site.file.write_text(
            f"spool: {{path: spool}}\ndatabase: {{url: 'postgresql://a:{password}@db/o'}}\n"
            "drift: {alarms: {webhook: {url: 'https://hooks.example/s3cret'}}}"
        )
        report = site.reloader.reload("alice")
        assert "database.url" in [change.key for change in report.changes]
        assert "s3cret" not in repr(report)
        assert "0ther" not in repr(report)
    assert len(site.used) == 2
    for file in (site.folder / "var").iterdir():
        assert "s3cret" not in file.read_text()


def test_the_next_start_does_not_record_a_reload_again(tmp_path: Path) -> None:
    site = Site(tmp_path, "policy: {threshold: youden}")
    with audit_lifetime("node", lambda: site.reloader.config):
        site.write("policy: {threshold: 0.5}")
        site.reloader.reload(BY_SIGNAL)
    with audit_lifetime("node", lambda: load(site.file)):
        pass
    changes = [record.description for record in site.trail() if "Config" in record.kind]
    assert changes == ['changed: policy.threshold from "youden" to 0.5']


def test_the_end_is_recorded_in_the_trail_that_the_reload_has_named(tmp_path: Path) -> None:
    site = Site(tmp_path)
    with audit_lifetime("node", lambda: site.reloader.config):
        site.write("audit: {file: other.log}")
        site.reloader.reload(BY_SIGNAL)
    assert [record.kind for record in site.trail()] == ["Application Start"]
    kinds = [record.kind for record in read(tmp_path / "other.log")]
    assert kinds == ["Security Configuration", "Software Configuration", "Application Stop"] or (
        kinds[-1] == "Application Stop" and len(kinds) == 2
    )


def test_a_changed_file_is_noticed(watched: tuple[Site, threading.Event]) -> None:
    site, _ = watched
    site.write("policy: {threshold: 0.5}")
    [record] = wait_until(site.trail, bool, 30, "a record")
    assert site.threshold == 0.5
    assert record.participants[1]["UserID"] == BY_FILE


def test_a_change_that_keeps_size_and_time_is_noticed(
    watched: tuple[Site, threading.Event],
) -> None:
    """Tools that copy a file with its times may keep size and time."""
    site, _ = watched
    before = site.file.stat()
    site.write("policy: {threshold: 0.5}")
    os.utime(site.file, ns=(before.st_atime_ns, before.st_mtime_ns))
    wait_until(lambda: site.threshold, lambda threshold: threshold == 0.5, 30, "the threshold")


def test_a_signal_causes_a_reload(watched: tuple[Site, threading.Event]) -> None:
    _, signalled = watched
    signalled.set()
    wait_until(signalled.is_set, lambda pending: not pending, 30, "a reload")


def test_an_unsound_file_is_logged_once(watched: tuple[Site, threading.Event]) -> None:
    """An error in the file is logged once, not each second, and a corrected file takes effect."""
    site, _ = watched
    with capture_logs() as logs:
        site.write("polity: {}")
        wait_until(lambda: len(logs), lambda count: count == 1, 30, "a refusal")
        site.write("policy: {threshold: 0.5}")
        wait_until(lambda: len(logs), lambda count: count == 2, 30, "a reload")
    assert [entry["event"] for entry in logs] == ["reload_refused", "configuration_reloaded"]
    assert site.threshold == 0.5


def test_a_file_is_read_when_two_comparisons_find_no_change(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of a file that is being written may be a valid configuration."""
    digests = iter(["a", "b", "c", "c", "c"])
    requests: list[str] = []

    def note(requested_by: str) -> None:
        requests.append(requested_by)
        site.reloader._validated = "c"

    monkeypatch.setattr("node.runtime.reload._COMPARE_SECONDS", 0.0)
    monkeypatch.setattr(site.reloader, "_read_digest", lambda: next(digests))
    monkeypatch.setattr(site.reloader, "reload", note)
    for _ in range(5):
        site.reloader.step(threading.Event())
    assert requests == [BY_FILE]


def test_a_request_is_answered(site: Site) -> None:
    site.write("policy: {threshold: 0.5}")
    config = load(site.file)
    with ThreadPoolExecutor(1) as pool:
        reports = pool.submit(request_reload, site.file, config)
        wait_until(site.control.requests, bool, 30, "a request")
        site.reloader.step(threading.Event())
        [report] = reports.result(30)
    assert report == site.reloader.last
    assert (report.requested_by, site.threshold) == (getpass.getuser(), 0.5)


def test_a_request_is_left_to_the_successor_of_a_process_that_ends(site: Site) -> None:
    """A role without a supervisor sets `stop` before it starts again as a new program."""
    request = site.request()
    site.stop.set()
    site.reloader.step(threading.Event())
    assert site.control.requests() == [request]


def test_an_unexpected_error_ends_neither_the_node_nor_the_wait_of_the_user(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_user: str) -> None:
        raise RuntimeError

    site.request()
    monkeypatch.setattr(site.reloader, "reload", fail)
    with capture_logs() as logs:
        site.reloader.step(threading.Event())
    assert [entry["event"] for entry in logs] == ["unexpected_error"]
    assert site.control.requests() == []


def test_a_report_is_complete_when_no_process_has_an_error() -> None:
    failed = ProcessReport("analyse", None, error="model.bundle: damaged")
    assert ReloadReport("f", "node", 1, processes=(PROCESS,)).complete
    assert not ReloadReport("f", "node", 1, processes=(PROCESS, failed)).complete
    assert not ReloadReport("f", "node", 1, error="dicom.port: 0").complete
