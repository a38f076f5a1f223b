"""The socket on which a running node is asked."""

import getpass
import socket
import threading
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from node.domain.errors import Permanent
from node.runtime.reload.control_socket import FOLDER, answering, ask


def echo(question: str, user: str) -> dict[str, str]:
    return {"question": question, "user": user}


def test_who_asks_is_known_by_the_kernel(tmp_path: Path) -> None:
    with answering(tmp_path, "node", echo, threading.Event()):
        assert ask(tmp_path, "config.yaml") == [
            {"question": "config.yaml", "user": getpass.getuser()}
        ]


def test_every_node_of_this_machine_is_asked(tmp_path: Path) -> None:
    """Such as roles that are run alone, on one spool."""
    stop = threading.Event()
    with (
        answering(tmp_path, "ingest", lambda *_: {"i": "ingest"}, stop),
        answering(tmp_path, "analyse", lambda *_: {"i": "analyse"}, stop),
    ):
        assert ask(tmp_path, "") == [{"i": "analyse"}, {"i": "ingest"}]


def test_nothing_is_left_of_one_that_has_ended(tmp_path: Path) -> None:
    with answering(tmp_path, "node", echo, threading.Event()):
        pass
    assert ask(tmp_path, "") == []
    assert list((tmp_path / FOLDER).iterdir()) == []


def test_one_that_was_killed_is_not_waited_for(tmp_path: Path) -> None:
    """Its socket is still there; other machines' sockets are theirs, and stay."""
    folder = tmp_path / FOLDER
    folder.mkdir()
    dead = folder / f"{socket.gethostname()}.node.1.sock"
    elsewhere = folder / "elsewhere.node.1.sock"
    for path in (dead, elsewhere):
        with socket.socket(socket.AF_UNIX) as killed:
            killed.bind(str(path))
    assert ask(tmp_path, "") == []
    assert list(folder.iterdir()) == [elsewhere]


def test_a_spool_that_is_another_users_is_said_to_be_that(tmp_path: Path) -> None:
    """Not that no node runs. A file in the folder's place stands for what root may always read."""
    (tmp_path / FOLDER).touch()
    with pytest.raises(Permanent, match="run this as the node's user"):
        ask(tmp_path, "")


def test_nobody_else_can_reach_it(tmp_path: Path) -> None:
    with answering(tmp_path, "node", echo, threading.Event()):
        assert (tmp_path / FOLDER).stat().st_mode & 0o077 == 0


def test_a_folder_far_down_has_one_too(tmp_path: Path) -> None:
    """The address of a socket has room for a hundred letters, a path for thousands."""
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    with answering(deep, "node", echo, threading.Event()):
        assert len(ask(deep, "")) == 1


def test_a_folder_that_can_have_none_stops_no_node(tmp_path: Path) -> None:
    (tmp_path / FOLDER).touch()
    with capture_logs() as told, answering(tmp_path, "node", echo, threading.Event()):
        pass
    assert [one["event"] for one in told] == ["control_unavailable"]


def test_who_goes_away_before_the_answer_keeps_nobody_else_from_one(tmp_path: Path) -> None:
    with answering(tmp_path, "node", echo, threading.Event()):
        [path] = (tmp_path / FOLDER).iterdir()
        with socket.socket(socket.AF_UNIX) as gone:
            gone.connect(str(path))
        assert len(ask(tmp_path, "")) == 1
