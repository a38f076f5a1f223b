"""The log has a fixed format, and some data never enter the log."""

import json
import subprocess
import sys

import pytest

from node.log import PATIENT_KEYS, drop_patient_data, printable


def logged(program: str, level: str = "info", form: str = "json") -> list[str]:
    """Return the lines that a separate process logs, without output on standard output."""
    start = f"from node.log import configure; configure({level!r}, {form!r}, role='ingest')\n"
    start += "import structlog; log = structlog.get_logger()\n"
    done = subprocess.run(
        [sys.executable, "-c", start + program], capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_an_event_is_one_line_of_json() -> None:
    """A log event has its fields, its level, the time and the role."""
    [line] = logged("log.info('film_received', calling_ae='XRAY1', new=True)")
    event = json.loads(line)
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "event": "film_received",
        "calling_ae": "XRAY1",
        "new": True,
        "role": "ingest",
        "level": "info",
    }


def test_a_line_feed_of_a_peer_starts_no_second_line() -> None:
    """A peer cannot forge a log event by an AE title or an error text."""
    [line] = logged(r"log.warning('association_rejected', calling_ae='X\n{\"event\": \"forged\"}')")
    assert json.loads(line)["event"] == "association_rejected"


@pytest.mark.parametrize("key", sorted(PATIENT_KEYS))
def test_a_patients_data_is_dropped(key: str) -> None:
    """Fields with patient data are dropped from a log event, and all other fields are kept."""
    event = {"event": "x", "job_id": 1, key: "Doe^Jane"}
    assert drop_patient_data(None, "info", event) == {"event": "x", "job_id": 1}


@pytest.mark.parametrize("form", ["json", "console"])
def test_patient_data_is_dropped_in_each_format(form: str) -> None:
    """The processor that drops patient data runs before the renderer."""
    lines = logged("log.bind(patient_name='Doe^Jane').error('x', patient_id='P1')", form=form)
    assert len(lines) == 1
    assert "Doe" not in lines[0]
    assert "P1" not in lines[0]
    assert "ingest" in lines[0]


def test_events_below_the_level_are_not_written() -> None:
    program = "log.debug('a'); log.info('b'); log.warning('c'); log.error('d')"
    assert [json.loads(line)["event"] for line in logged(program, "warning")] == ["c", "d"]


def test_bound_fields_are_in_the_events_of_all_threads() -> None:
    """Associations and workers log from their own threads, and each log line contains the role."""
    program = "import threading; t = threading.Thread(target=log.info, args=('x',))\n"
    [line] = logged(program + "t.start(); t.join()")
    assert json.loads(line)["role"] == "ingest"


def test_libraries_are_silent() -> None:
    """Warnings and tracebacks of libraries may quote headers."""
    program = "import logging, warnings; peer = logging.getLogger('pynetdicom.assoc')\n"
    program += "peer.warning('Doe^Jane'); peer.error('Doe^Jane'); warnings.warn('Doe^Jane')\n"
    program += "from pydicom import Dataset; ds = Dataset(); ds.PatientBirthDate = 'Doe^Jane'"
    assert logged(program, "debug") == []


def test_an_error_that_ends_a_thread_is_logged_with_class_and_place() -> None:
    """The message of a library's error may quote a header, so the message is left out."""
    program = (
        "import threading\n"
        "thread = threading.Thread(target=lambda: int('Doe^Jane'))\n"
        "thread.start(); thread.join()\n"
    )
    [line] = logged(program)
    event = json.loads(line)
    assert (event["event"], event["error"]) == ("unexpected_error", "ValueError")
    assert event["where"] == "<string>:4"
    assert "Doe" not in line


HOSTILE = {
    "clears the screen": "X\x1b[2J\x1b[H",
    "sets the title": "X\x1b]0;owned\x07",
    "starts a line": "X\n2026-01-01 [error] forged",
    "returns": "X\rforged",
    "a C1 order": "X\x9b2J",
    "deletes": "X\x7f\x08",
    "turns the reading order": "X\u202egnp.exe",
    "another separator": "X\u2028forged",
}


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_control_characters_of_a_peer_are_escaped(form: str, text: str) -> None:
    """In each format, the peer's text is logged as one line of visible characters."""
    [line] = logged(f"log.warning('association_rejected', calling_ae={text!r})", form=form)
    written = line if form == "console" else line.replace("\x7f", "\\x7f")
    assert written.isprintable()
    assert "X\\" in written or "X<" in written


def test_chinese_is_not_escaped() -> None:
    """A terminal can display Chinese."""
    assert printable("胸部 ä é — 100 %") == "胸部 ä é — 100 %"
