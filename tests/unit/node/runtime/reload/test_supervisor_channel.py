"""The line between a supervisor and a role."""

import os
import threading
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from node.config.live import LiveConfig
from node.config.sections import Policy
from node.config.settings import Config
from node.domain.errors import Misconfigured
from node.runtime.reload.supervisor_channel import LIFELINE, Lifeline, RoleEnd, role_end

FIRST, SECOND = Config(policy=Policy(threshold=0.1)), Config(policy=Policy(threshold=0.2))


@pytest.fixture
def line() -> Iterator[Lifeline]:
    made = Lifeline()
    yield made
    made.close()


@pytest.fixture
def role(line: Lifeline) -> RoleEnd:
    """Return the role's end, as a process has it that inherits the descriptor."""
    end = RoleEnd(os.dup(line.theirs))
    line.started()
    return end


def test_a_role_starts_with_what_it_is_given(line: Lifeline, role: RoleEnd) -> None:
    line.give(FIRST)
    assert role.first() == FIRST
    assert line.answer(30) == ""


def test_it_takes_up_what_comes_later(line: Lifeline, role: RoleEnd) -> None:
    """Its answer says that the next film meets it."""
    current = LiveConfig(FIRST)
    threshold = current.derive(lambda config: config.policy.threshold)
    role.follow(current, threading.Event())
    line.give(SECOND)
    assert line.answer(30) == ""
    assert threshold() == 0.2


def test_the_answer_is_the_one_to_what_was_given_last(line: Lifeline, role: RoleEnd) -> None:
    line.give(FIRST)
    role.first()
    line.give(SECOND)
    assert line.answer(0.01) is None


def test_a_refusal_says_why(line: Lifeline, role: RoleEnd) -> None:
    def refuse(config: Config) -> None:
        if config == SECOND:
            raise Misconfigured("policy.threshold: not by this bundle")

    current = LiveConfig(FIRST)
    current.derive(refuse)
    with capture_logs() as told:
        role.follow(current, threading.Event())
        line.give(SECOND)
        assert line.answer(30) == "policy.threshold: not by this bundle"
    assert [one["event"] for one in told] == ["reload_refused"]
    assert current.config == FIRST


def test_the_end_of_the_supervisor_ends_the_role(line: Lifeline, role: RoleEnd) -> None:
    stop = threading.Event()
    role.follow(LiveConfig(FIRST), stop)
    line.close()
    assert stop.wait(30)


def test_a_supervisor_that_is_gone_at_once_gives_nothing(line: Lifeline, role: RoleEnd) -> None:
    line.close()
    assert role.first() is None


def test_a_role_that_is_gone_is_silent(line: Lifeline, role: RoleEnd) -> None:
    """And nobody waits for it."""
    role._socket.shutdown(2)
    line.give(FIRST)
    line.give(SECOND)
    assert line.answer(60) is None


def test_a_role_that_takes_nothing_is_let_go(
    line: Lifeline, role: RoleEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a message may be on its way to it: what it would read after that is nonsense."""
    monkeypatch.setattr("node.runtime.reload.supervisor_channel._SEND_SECONDS", 0.05)
    for _ in range(10_000):
        line.give(FIRST)
        if line._ours.fileno() < 0:
            break
    assert line.answer(60) is None
    assert line._ours.fileno() < 0


def test_without_a_supervisor_there_is_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(LIFELINE, raising=False)
    assert role_end() is None
