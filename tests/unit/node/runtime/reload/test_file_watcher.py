"""A changed file takes effect, or changes nothing and says why."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from node.config.settings import Config, load
from node.domain.config_change import RoleAnswer
from node.runtime.audit_setup import audit_of, audited
from node.runtime.reload.file_watcher import BY_FILE, BY_SIGNAL, Reloader
from tests.peers.audit import Record, read
from tests.peers.waiting import wait_until


class House:
    """A role that is run alone, as far as its configuration goes."""

    def __init__(self, folder: Path, text: str = "policy: {threshold: 0.4}") -> None:
        self.folder = folder
        self.file = folder / "config.yaml"
        self.write(text)
        config = load(self.file)
        self.given: list[Config] = []
        audit = audit_of(config, "node")
        self.reloader = Reloader(self.file, "node", config, audit, self.put_in_force)

    def write(self, text: str) -> None:
        self.file.write_text(text)

    def put_in_force(self, config: Config) -> tuple[RoleAnswer, ...]:
        self.given.append(config)
        return (RoleAnswer("node"),)

    @property
    def threshold(self) -> float | str:
        return self.reloader._config.policy.threshold

    def trail(self) -> list[Record]:
        return read(self.folder / "var" / "audit.log")


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.fixture
def watched(house: House) -> Iterator[tuple[House, threading.Event]]:
    """Yield a house whose file is watched, and what SIGHUP sets."""
    stop, asked = threading.Event(), threading.Event()
    thread = threading.Thread(target=house.reloader.watch, args=(stop, asked))
    thread.start()
    yield house, asked
    stop.set()
    thread.join()


def test_a_sound_file_takes_effect(house: House) -> None:
    house.write("policy: {threshold: 0.5}")
    with capture_logs() as told:
        done = house.reloader.look("alice")
    assert (house.threshold, done.error, done.changes.keys) == (0.5, "", ("policy.threshold",))
    assert [(one["event"], one["who"]) for one in told] == [("reloaded", "alice")]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("policy: {threshold: 1.5}", "policy.threshold: a threshold is a number from 0 to 1"),
        ("polity: {}", "polity: unknown key"),
        (
            "policy: {threshold: lucky}",
            "policy.threshold: the model card has no operating point 'lucky'",
        ),
        ("policy: {threshold: [", "config.yaml"),
        ("", "the file is empty"),
    ],
)
def test_an_unsound_file_changes_nothing_and_says_why(house: House, text: str, why: str) -> None:
    """Nor does anybody hear of it; it is logged as an error."""
    house.write(text)
    with capture_logs() as told:
        done = house.reloader.look("alice")
    assert why in done.error
    assert (house.threshold, house.given) == (0.4, [])
    assert [(one["event"], one["log_level"]) for one in told] == [("reload_refused", "error")]
    assert house.trail() == []


def test_a_file_that_is_gone_changes_nothing(house: House) -> None:
    house.file.unlink()
    assert "No such file" in house.reloader.look(BY_SIGNAL).error
    assert house.threshold == 0.4


def test_what_waits_is_named_and_the_rest_takes_effect(house: House) -> None:
    house.write("policy: {threshold: 0.5}\ndicom: {port: 104}")
    done = house.reloader.look(BY_SIGNAL)
    assert (house.threshold, house.reloader._config.dicom.port) == (0.5, 11112)
    assert done.changes.waiting == ("dicom.port",)


def test_it_is_named_as_long_as_it_waits(house: House) -> None:
    house.write("policy: {threshold: 0.5}\ndicom: {port: 104}")
    house.reloader.look(BY_SIGNAL)
    assert house.reloader.look(BY_SIGNAL).changes.waiting == ("dicom.port",)
    house.write("policy: {threshold: 0.5}")
    assert house.reloader.look(BY_SIGNAL).changes.waiting == ()


def test_who_asks_later_is_told_what_was_set_anew_last_and_by_whom(house: House) -> None:
    """The file is watched: whoever changes it and then asks comes second."""
    house.write("policy: {threshold: 0.5}")
    first = house.reloader.look(BY_FILE)
    second = house.reloader.look("alice")
    assert (second.who, second.at, second.changes) == (BY_FILE, first.at, first.changes)
    assert first.roles == (RoleAnswer("node"),)


def test_a_file_that_changes_no_setting_is_not_told(house: House) -> None:
    house.write("# as before\npolicy: {threshold: 0.4}")
    with capture_logs() as told:
        house.reloader.look(BY_FILE)
    assert (told, house.given, house.trail()) == ([], [], [])


def test_the_trail_has_who_before_and_after(house: House) -> None:
    house.write("policy: {threshold: youden}")
    house.reloader.look("alice")
    [record] = house.trail()
    assert record.kind == "Software Configuration"
    assert record.description == 'changed: policy.threshold from 0.4 to "youden"'
    assert [one["UserID"] for one in record.participants][1:] == ["alice"]


def test_the_trail_has_no_value_that_waits(house: House) -> None:
    """It may be a password."""
    house.write("policy: {threshold: 0.5}\ndatabase: {url: 'postgresql://a:s3cret@db/o'}")
    done = house.reloader.look("alice")
    assert "s3cret" not in repr(done)
    assert all("s3cret" not in file.read_text() for file in (house.folder / "var").iterdir())


def test_the_next_start_tells_only_what_waited(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("")
    with audited(load(tmp_path / "config.yaml"), "node"):
        house = House(tmp_path, "")
        house.write("policy: {threshold: 0.5}\ndicom: {port: 104}")
        house.reloader.look(BY_SIGNAL)
    with audited(load(house.file), "node"):
        pass
    told = [one.description for one in house.trail() if "Config" in one.kind]
    assert told == ['changed: policy.threshold from "youden" to 0.5', "changed: dicom.port"]


def test_a_changed_file_is_noticed(watched: tuple[House, threading.Event]) -> None:
    house, _ = watched
    house.write("policy: {threshold: 0.5}")
    [record] = wait_until(house.trail, bool, 30, "record of it")
    assert house.threshold == 0.5
    assert record.participants[1]["UserID"] == BY_FILE


def test_a_file_of_the_same_size_and_time_is_noticed_too(
    watched: tuple[House, threading.Event],
) -> None:
    """As tools leave it that copy a file with its times."""
    house, _ = watched
    before = house.file.stat()
    house.write("policy: {threshold: 0.5}")
    os.utime(house.file, ns=(before.st_atime_ns, before.st_mtime_ns))
    wait_until(lambda: house.threshold, lambda now: now == 0.5, 30, "new threshold")


def test_a_signal_makes_it_look(watched: tuple[House, threading.Event]) -> None:
    _, asked = watched
    asked.set()
    wait_until(asked.is_set, lambda waits: not waits, 30, "answer to the signal")


def test_an_unsound_file_is_told_once(
    watched: tuple[House, threading.Event],
) -> None:
    """Not each second; and a sound one after it takes effect."""
    house, _ = watched
    with capture_logs() as told:
        house.write("polity: {}")
        wait_until(lambda: len(told), lambda n: n == 1, 30, "refusal")
        house.write("policy: {threshold: 0.5}")
        wait_until(lambda: len(told), lambda n: n == 2, 30, "reload")
    assert [one["event"] for one in told] == ["reload_refused", "reloaded"]
    assert house.threshold == 0.5


def test_a_file_that_is_being_written_is_left_alone(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of it may be sound: it counts once two looks have found it the same."""
    states = iter(["a", "b", "c", "c", "c"])
    looks: list[str] = []
    stop = threading.Event()

    def content() -> str:
        state = next(states, "")
        if not state:
            stop.set()
        return state

    monkeypatch.setattr("node.runtime.reload.file_watcher._LOOK_SECONDS", 0.0)
    monkeypatch.setattr(house.reloader, "_digest", content)

    def look(who: str) -> Any:
        looks.append(who)
        house.reloader._judged = "c"

    monkeypatch.setattr(house.reloader, "look", look)
    house.reloader.watch(stop, threading.Event())
    assert looks == [BY_FILE]


def test_a_node_that_reads_another_file_does_not_look(house: House, tmp_path: Path) -> None:
    house.write("policy: {threshold: 0.5}")
    assert "another file" in house.reloader.answer(str(tmp_path / "other.yaml"), "alice")["error"]
    assert house.threshold == 0.4
