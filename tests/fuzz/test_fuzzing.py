"""The fuzzer runs briefly on every surface, and repeats the cases of past findings.

`make fuzz` is the full run, and docs/explanation/reliability.md has its results.
"""

from pathlib import Path

import pytest

from tests.fuzz.chance import case_random
from tests.fuzz.network import run_against_node
from tests.fuzz.surface import InvariantViolation, SurfaceResult
from tests.fuzz.surfaces import FUNCTION_SURFACES, NETWORK_SURFACES
from tests.fuzz.surfaces.header import hostile_file
from tests.fuzz.workers import run_case, run_in_processes

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


def fuzz(surface: str, cases: range, seed: int = SEED) -> SurfaceResult:
    if surface in NETWORK_SURFACES:
        return run_against_node(surface, seed, cases, lambda: None)
    return run_in_processes(surface, seed, cases, 1, lambda: None)


def past_findings() -> list[tuple[str, int, int]]:
    lines = [line.split() for line in REGRESSIONS.read_text().splitlines()]
    return [(line[0], int(line[1]), int(line[2])) for line in lines if line[0] != "#"]


@pytest.mark.parametrize("surface", [*FUNCTION_SURFACES, *NETWORK_SURFACES])
def test_a_short_run_has_no_findings(surface: str) -> None:
    """Every case has an allowed outcome, and each surface has more than one outcome."""
    result = fuzz(surface, range(CASES[surface]))
    assert result.findings == []
    assert result.cases == CASES[surface]
    assert len(result.outcomes) > 1


@pytest.mark.parametrize(("surface", "seed", "case"), past_findings())
def test_a_past_finding_does_not_recur(surface: str, seed: int, case: int) -> None:
    assert fuzz(surface, range(case, case + 1), seed).findings == []


def test_a_case_depends_only_on_its_number() -> None:
    first, second = (hostile_file(case_random(SEED, "header", 7)) for _ in range(2))
    assert first == second
    assert hostile_file(case_random(SEED, "header", 8)) != first


def test_unexpected_errors_and_violations_are_findings(tmp_path: Path) -> None:
    def raise_key_error(rnd: object, folder: Path) -> str:
        raise KeyError("x")

    def violate(rnd: object, folder: Path) -> str:
        raise InvariantViolation("wrong result")

    results = [run_case(run, "header", SEED, 0, tmp_path) for run in (raise_key_error, violate)]
    assert [outcome for outcome, *_ in results] == ["finding", "finding"]
    assert results[0][1].startswith("unexpected KeyError in raise_key_error of test_fuzzing.py")
    assert results[1][1] == "wrong result"
