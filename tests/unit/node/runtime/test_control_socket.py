"""The socket on which `osteoscreen reload` reaches a running node."""

import getpass
import socket
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from node.domain.errors import Permanent
from node.runtime.control_socket import FOLDER, ControlSocket, reply, request


def echo(file: str, user: str) -> dict[str, str]:
    return {"file": file, "user": user}


def test_the_kernel_names_the_user(tmp_path: Path) -> None:
    with ControlSocket("node", echo).listening(tmp_path):
        assert request(tmp_path, "config.yaml") == [
            {"file": "config.yaml", "user": getpass.getuser()}
        ]


def test_every_process_of_this_machine_answers(tmp_path: Path) -> None:
    """Such as roles that run without a supervisor, on one spool."""
    with (
        ControlSocket("ingest", lambda *_: {"part": "ingest"}).listening(tmp_path),
        ControlSocket("analyse", lambda *_: {"part": "analyse"}).listening(tmp_path),
    ):
        assert request(tmp_path, "") == [{"part": "analyse"}, {"part": "ingest"}]


def test_a_socket_may_listen_in_two_spools(tmp_path: Path) -> None:
    """A node that changes `spool.path` is found in both folders."""
    control = ControlSocket("node", echo)
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    with control.listening(tmp_path / "old"), control.listening(tmp_path / "new"):
        assert len(request(tmp_path / "old", "")) == len(request(tmp_path / "new", "")) == 1


def test_a_connection_without_an_answer_stays_open(tmp_path: Path) -> None:
    """A process that executes itself again answers afterwards."""
    control = ControlSocket("ingest", lambda *_: None)
    with control.listening(tmp_path):
        [path] = (tmp_path / FOLDER).iterdir()
        with socket.socket(socket.AF_UNIX) as user:
            user.connect(str(path))
            user.shutdown(socket.SHUT_WR)
            user.settimeout(0.2)
            with pytest.raises(TimeoutError):
                user.recv(10)
            [connection] = control.unanswered
            reply(connection, {})
            user.settimeout(30)
            assert user.recv(10) == b"{}"


def test_a_process_that_ends_before_it_answers_is_an_error(tmp_path: Path) -> None:
    def fail(*_: str) -> dict[str, str]:
        raise RuntimeError

    with (
        capture_logs() as logs,
        ControlSocket("node", fail).listening(tmp_path),
        pytest.raises(Permanent, match="ended before it answered"),
    ):
        request(tmp_path, "")
    assert [entry["event"] for entry in logs] == ["unexpected_error"]


def test_the_socket_of_an_ended_process_is_removed(tmp_path: Path) -> None:
    with ControlSocket("node", echo).listening(tmp_path):
        pass
    assert request(tmp_path, "") == []
    assert list((tmp_path / FOLDER).iterdir()) == []


def test_the_socket_of_a_killed_process_is_removed(tmp_path: Path) -> None:
    """The sockets of other machines stay."""
    folder = tmp_path / FOLDER
    folder.mkdir()
    dead = folder / f"{socket.gethostname()}.node.1.sock"
    elsewhere = folder / "elsewhere.node.1.sock"
    for path in (dead, elsewhere):
        with socket.socket(socket.AF_UNIX) as killed:
            killed.bind(str(path))
    assert request(tmp_path, "") == []
    assert list(folder.iterdir()) == [elsewhere]


def test_the_spool_of_another_user_is_an_error(tmp_path: Path) -> None:
    """A file in place of the folder stands for it, since root may read every folder."""
    (tmp_path / FOLDER).touch()
    with pytest.raises(Permanent, match="run this as the node's user"):
        request(tmp_path, "")


def test_only_the_nodes_user_can_enter_the_folder(tmp_path: Path) -> None:
    with ControlSocket("node", echo).listening(tmp_path):
        assert (tmp_path / FOLDER).stat().st_mode & 0o077 == 0


def test_the_path_of_the_spool_may_be_long(tmp_path: Path) -> None:
    """The address of a socket holds about a hundred characters."""
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    with ControlSocket("node", echo).listening(deep):
        assert len(request(deep, "")) == 1


def test_a_file_system_without_sockets_does_not_stop_the_node(tmp_path: Path) -> None:
    (tmp_path / FOLDER).touch()
    with capture_logs() as logs, ControlSocket("node", echo).listening(tmp_path):
        pass
    assert [entry["event"] for entry in logs] == ["control_socket_unavailable"]


def test_a_user_who_leaves_before_the_answer_does_not_affect_the_next(tmp_path: Path) -> None:
    with ControlSocket("node", echo).listening(tmp_path):
        [path] = (tmp_path / FOLDER).iterdir()
        with socket.socket(socket.AF_UNIX) as user:
            user.connect(str(path))
        assert len(request(tmp_path, "")) == 1
