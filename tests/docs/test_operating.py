"""Whatever an operator may meet stands in `docs/how-to/operate.md` or `ARCHITECTURE.md`."""

import re
from collections.abc import Iterable
from typing import get_args

import pytest

from node.batch.row import COLUMNS
from node.domain.audit_events import AuditEvent
from node.domain.workflow.delivery import DELIVERY_TRANSITIONS, DeliveryEvent, DeliveryState
from node.domain.workflow.job import JOB_TRANSITIONS, JobEvent, JobState
from node.drift.alarms import AlarmEvent
from tests.docs.test_reference import load_generator
from tests.support.paths import ROOT

OPERATING = (ROOT / "docs" / "how-to" / "operate.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")


def logged_events() -> Iterable[str]:
    """Return the name of every event that the node's code logs."""
    call = re.compile(r"\b(?:log|facts)\.(?:info|warning|error)\(\s*((?:\"\w+\"|\w+|\s)+)")
    for path in sorted((ROOT / "node").rglob("*.py")):
        for names in call.findall(path.read_text(encoding="utf-8")):
            yield from re.findall(r'"(\w+)"', names)


def rows_of(heading: str) -> dict[str, str]:
    """Return the table whose first column has this heading: first cell to second."""
    body = OPERATING.split(f"| {heading} |", 1)[1].split("\n\n", 1)[0]
    return dict(re.findall(r"^\| `?([\w-]+)`? \| (.*?) \|", body, re.MULTILINE))


def test_every_column_of_a_table_of_scores_is_named() -> None:
    """In the table's order, for whoever reads it with a program."""
    section = OPERATING.split("## Screening a folder", 1)[1].split("\n## ", 1)[0]
    listed = section.split("**One row for each film**", 1)[1].split("No column", 1)[0]
    assert tuple(re.findall(r"`(\w+)`", listed)) == COLUMNS


def test_every_logged_event_is_explained() -> None:
    """An operator who sees a name in the log finds it."""
    rows = {key for key in rows_of("event") if not key.startswith("-")}
    assert rows == set(logged_events()) | set(AlarmEvent)


@pytest.mark.parametrize("told", get_args(AuditEvent), ids=lambda told: told.__name__)
def test_every_event_of_the_audit_trail_is_explained(told: type) -> None:
    """With what PS3.15 calls it, for whoever writes the rules of an audit repository."""
    [row] = [
        row
        for row in OPERATING.splitlines()
        if row.startswith("| `") and f"`{told.__name__}`" in row
    ]
    assert re.search(r"\b1101\d\d\b", row)


@pytest.mark.parametrize("state", [*JobState, *DeliveryState])
def test_every_state_is_explained(state: str) -> None:
    """The architecture draws it; the reference says what is durable in it."""
    assert re.search(rf"\b{state} -->|--> {state}\b", ARCHITECTURE)


@pytest.mark.parametrize(
    ("heading", "events", "transitions"),
    [
        ("job event", JobEvent, JOB_TRANSITIONS),
        ("delivery event", DeliveryEvent, DELIVERY_TRANSITIONS),
    ],
)
def test_every_move_is_explained(heading, events, transitions) -> None:  # type: ignore[no-untyped-def]
    """The tables of moves say what the transition tables say."""
    rows = rows_of(heading)
    for event in events:
        sources, target = rows[event].split(":")[0].split(" -> ")
        expected = {str(state) for state, moved in transitions if moved is event}
        assert set(re.findall(r"[A-Z_]{4,}", sources)) == expected, event
        ends = {str(to) for (_, moved), to in transitions.items() if moved is event}
        assert set(re.findall(r"[A-Z_]{4,}", target)) == ends, event


def test_the_architecture_names_every_package() -> None:
    """A stranger finds the folder for a change from the page."""
    for root in ("node", "models"):
        for package in (ROOT / root).iterdir():
            if package.is_dir() and (package / "__init__.py").exists():
                assert f"{root}/{package.name}" in ARCHITECTURE, package.name


@pytest.mark.parametrize(
    ("transitions", "start"),
    [(JOB_TRANSITIONS, JobState.RECEIVED), (DELIVERY_TRANSITIONS, DeliveryState.PENDING)],
)
def test_the_architecture_draws_the_state_machines(transitions, start) -> None:  # type: ignore[no-untyped-def]
    """The diagrams are those that the reference is generated with."""
    assert load_generator().state_diagram(transitions, start) in ARCHITECTURE


def test_the_architecture_names_files_that_exist() -> None:
    """Every path in code spans exists, and the page stays short."""
    for path in re.findall(r"`((?:node|models|docs)/[\w./-]+)`", ARCHITECTURE):
        assert (ROOT / path).exists(), path
    assert len(ARCHITECTURE.encode()) <= 8192
