"""The fuzzer itself, in small: every surface is attacked, and nothing is found.

The full run is `make fuzz`; its figures stand in docs/explanation/reliability.md.
"""

from pathlib import Path

import pytest

from tests.fuzz.chance import chance_of
from tests.fuzz.network import run_there
from tests.fuzz.surface import Tally, Wrong
from tests.fuzz.surfaces import HERE, THERE
from tests.fuzz.surfaces.header import hostile_file
from tests.fuzz.workers import one_case, run_here

CASES = {
    "header": 600,
    "pixels": 300,
    "results": 40,
    "config": 200,
    "files": 400,
    "pdu": 200,
    "dimse": 120,
}
SEED = 1
REGRESSIONS = Path(__file__).with_name("regressions.txt")


def attack(surface: str, cases: range, seed: int = SEED) -> Tally:
    if surface in THERE:
        return run_there(surface, seed, cases, lambda: None)
    return run_here(surface, seed, cases, 1, lambda: None)


def past() -> list[tuple[str, int, int]]:
    lines = [line.split() for line in REGRESSIONS.read_text().splitlines()]
    return [(one[0], int(one[1]), int(one[2])) for one in lines if one[0] != "#"]


@pytest.mark.parametrize("surface", [*HERE, *THERE])
def test_nothing_is_found(surface: str) -> None:
    """Every case ends in one of the ways it may, and not all of them in one way."""
    tally = attack(surface, range(CASES[surface]))
    assert tally.findings == []
    assert tally.cases == CASES[surface]
    assert len(tally.outcomes) > 1


@pytest.mark.parametrize(("surface", "seed", "case"), past())
def test_what_was_found_once_is_mended(surface: str, seed: int, case: int) -> None:
    """The very case that went wrong."""
    assert attack(surface, range(case, case + 1), seed).findings == []


def test_a_case_depends_on_its_number_alone() -> None:
    """So that a finding can be had again without the cases before it."""
    first, second = (hostile_file(chance_of(SEED, "header", 7)) for _ in range(2))
    assert first == second
    assert hostile_file(chance_of(SEED, "header", 8)) != first


def test_a_fault_is_seen(tmp_path: Path) -> None:
    """What nobody foresaw, and what is wrong with an outcome, are both findings."""

    def unforeseen(rnd: object, folder: Path) -> str:
        raise KeyError("x")

    def wrong(rnd: object, folder: Path) -> str:
        raise Wrong("not so")

    told = [one_case(run, "header", SEED, 0, tmp_path)[:2] for run in (unforeseen, wrong)]
    assert told[0][0] == told[1][0] == "finding"
    assert told[0][1].startswith("unforeseen KeyError in unforeseen of test_fuzzing.py")
    assert told[1][1] == "not so"
