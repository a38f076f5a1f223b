"""`osteoscreen reload` reaches a running node through the control folder."""

import fcntl
import getpass
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from node.config.settings import Config
from node.domain.config_change import ProcessReport, ReloadReport, SettingChange
from node.domain.errors import Misconfigured, OsteoScreenError, Permanent
from node.runtime.control_folder import FOLDER, ControlFolder, answer, request_reload, user_of
from tests.peers.waiting import wait_until

REPORT = ReloadReport(
    "config.yaml",
    "node",
    7,
    changes=(SettingChange("policy.threshold", "0.4", "0.5"),),
    requested_by="alice",
    processes=(ProcessReport("ingest", None, replaced=True, error="not started"),),
)
Ask = Callable[[], Future[list[ReloadReport]]]


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir()
    return folder


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


@pytest.fixture
def node(spool: Path, file: Path) -> Iterator[ControlFolder]:
    """Yield the control folder of a process that reads this file and accepts requests."""
    with closing(ControlFolder("node", file)) as control:
        control.open(spool)
        yield control


@pytest.fixture
def ask(spool: Path, file: Path) -> Iterator[Ask]:
    """Request a reload in a thread; yield the result of the request."""
    config = Config(spool={"path": str(spool)})
    with ThreadPoolExecutor() as pool:
        yield lambda: pool.submit(request_reload, file, config)


def request_for(control: ControlFolder) -> Path:
    """Return the first reload request that a user has made."""
    return wait_until(control.requests, bool, 30, "a request")[0]


def test_the_file_system_names_the_user_and_the_answer_arrives_unchanged(
    node: ControlFolder, ask: Ask, spool: Path
) -> None:
    reports = ask()
    request = request_for(node)
    assert user_of(request) == getpass.getuser()
    answer(request, REPORT)
    assert reports.result(30) == [REPORT]
    assert node.requests() == []
    assert [path.suffix for path in (spool / FOLDER).iterdir()] == [".lock"]


def test_every_process_that_reads_the_file_answers(
    node: ControlFolder, ask: Ask, spool: Path, file: Path
) -> None:
    """Roles without a supervisor answer a reload request; processes with another file do not."""
    with (
        closing(ControlFolder("ingest", file)) as ingest,
        closing(ControlFolder("deliver", None)) as other,
    ):
        ingest.open(spool)
        other.open(spool)
        reports = ask()
        for control in (node, ingest):
            answer(request_for(control), REPORT)
        assert len(reports.result(30)) == 2
        assert other.requests() == []


def test_a_refused_file_is_an_error(node: ControlFolder, ask: Ask) -> None:
    reports = ask()
    answer(request_for(node), ReloadReport("config.yaml", "node", 7, error="policy.x: unknown"))
    with pytest.raises(Misconfigured, match=r"policy\.x: unknown"):
        reports.result(30)


def test_without_a_process_that_reads_the_file_there_is_an_error(
    ask: Ask, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.runtime.control_folder._START_SECONDS", 0.0)
    with closing(ControlFolder("node", None)) as other:
        other.open(spool)
        with pytest.raises(OsteoScreenError, match="no node on this machine reads"):
            ask().result(30)


def test_a_process_may_accept_requests_in_two_spools(
    node: ControlFolder, tmp_path: Path, file: Path
) -> None:
    """A node whose `spool.path` changes is also found in the new spool."""
    node.open(tmp_path)
    node.open(tmp_path)
    with ThreadPoolExecutor() as pool:
        reports = pool.submit(request_reload, file, Config(spool={"path": str(tmp_path)}))
        answer(request_for(node), REPORT)
        assert reports.result(30) == [REPORT]


def test_a_successor_with_the_same_process_id_answers(
    node: ControlFolder, ask: Ask, spool: Path, file: Path
) -> None:
    """If a process restarts with the same process ID, its successor answers the open request."""
    reports = ask()
    request_for(node)
    successor = ControlFolder("node", file)
    successor.open(spool)
    answer(request_for(successor), REPORT)
    assert reports.result(30) == [REPORT]


def test_a_process_that_fails_before_it_answers_is_an_error(node: ControlFolder, ask: Ask) -> None:
    reports = ask()
    request_for(node).unlink()
    with pytest.raises(Permanent, match="ended before it answered"):
        reports.result(30)


def test_a_process_that_ends_before_it_answers_is_an_error(
    spool: Path, file: Path, ask: Ask
) -> None:
    with closing(ControlFolder("node", file)) as control:
        control.open(spool)
        reports = ask()
        request_for(control)
    with pytest.raises(Permanent, match="ended before it answered"):
        reports.result(30)
    assert list((spool / FOLDER).iterdir()) == []


def test_the_files_of_a_killed_process_are_removed(
    node: ControlFolder, ask: Ask, spool: Path, file: Path
) -> None:
    """The kernel releases the lock of a killed process; files of other machines remain."""
    dead = [spool / FOLDER / f"{socket.gethostname()}.node.1.{end}" for end in ("lock", "a.answer")]
    elsewhere = spool / FOLDER / "elsewhere.node.1.lock"
    for path in (*dead, elsewhere):
        path.write_text(str(file))
    reports = ask()
    answer(request_for(node), REPORT)
    assert reports.result(30) == [REPORT]
    assert not any(path.exists() for path in dead)
    assert elsewhere.exists()


def test_the_spool_of_another_user_is_an_error(ask: Ask, spool: Path) -> None:
    """Root may read every folder, so this test puts a file in place of the other user's folder."""
    (spool / FOLDER).touch()
    with pytest.raises(Permanent, match="run this as the node's user"):
        ask().result(30)


def test_only_the_nodes_user_can_enter_the_folder(node: ControlFolder, spool: Path) -> None:
    assert (spool / FOLDER).stat().st_mode & 0o077 == 0
    assert node.requests() == []


def test_a_file_system_without_locks_does_not_stop_the_node(
    spool: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with capture_logs() as logs, closing(ControlFolder("node", file)) as control:
        control.open(spool)
        assert control.requests() == []
    assert [entry["event"] for entry in logs] == ["control_folder_unavailable"]
