"""ARCHITECTURE.md describes the current tree and the current state machines."""

import re

import pytest

from node.batch.row import COLUMNS
from node.domain.workflow.delivery import DELIVERY_TRANSITIONS, DeliveryState
from node.domain.workflow.job import JOB_TRANSITIONS, JobState
from tests.docs.test_reference import load_generator
from tests.support.paths import ROOT

ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("transitions", "start"),
    [(JOB_TRANSITIONS, JobState.RECEIVED), (DELIVERY_TRANSITIONS, DeliveryState.PENDING)],
)
def test_state_machines_are_drawn(transitions, start) -> None:  # type: ignore[no-untyped-def]
    """The diagrams of the page are those that the reference pages contain."""
    assert load_generator().state_diagram(transitions, start) in ARCHITECTURE


def test_every_package_is_named() -> None:
    """A new developer can find the folder for a change in ARCHITECTURE.md."""
    for root in ("node", "models"):
        for package in (ROOT / root).iterdir():
            if package.is_dir() and (package / "__init__.py").exists():
                assert f"{root}/{package.name}" in ARCHITECTURE, package.name


def test_paths_exist_and_the_page_is_short() -> None:
    """Every path in a code span exists, and the page has at most 8 KB."""
    for path in re.findall(r"`((?:node|models|docs)/[\w./-]+)`", ARCHITECTURE):
        assert (ROOT / path).exists(), path
    assert len(ARCHITECTURE.encode()) <= 8192


def test_columns_of_a_batch_table_are_listed() -> None:
    """The guide to batch screening lists the columns in the order of the table."""
    guide = (ROOT / "docs" / "how-to" / "screen-a-folder.md").read_text(encoding="utf-8")
    listed = guide.split("**One row for each film**", 1)[1].split("No column", 1)[0]
    assert tuple(re.findall(r"`(\w+)`", listed)) == COLUMNS
