"""Faults of spool files: a flipped bit, a truncated file, a deleted file."""

from collections.abc import Callable, Sequence
from pathlib import Path

from node.domain.workflow.job import JobState
from node.workers.loop import utc_now
from tests.fault_injection.environment import Environment
from tests.fault_injection.fault import Fault, FaultResult
from tests.fault_injection.invariants import ExpectedEnd
from tests.fault_injection.traffic import send_all
from tests.peers.proxy import ConnectionFault
from tests.peers.waiting import wait_until
from tests.support.films import copy_to_new_study


def flip_bit(path: Path) -> None:
    """Flip one bit of the last byte, which belongs to a pixel or to a text."""
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def truncate(path: Path) -> None:
    """Delete the second half of a file."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


DAMAGES: tuple[tuple[Callable[[Path], None], str], ...] = (
    (flip_bit, "damaged"),
    (truncate, "damaged"),
    (Path.unlink, "No such file|missing"),
)
"""How a file is damaged, and the error that its job must state."""


def damaged_films(environment: Environment) -> FaultResult:
    """Damage films between acknowledgement and analysis, so that each job ends FAILED.

    The error message of these jobs recommends a new transfer of the films and `jobs retry`.
    """
    node = environment.node
    node.stop()
    node.serve("ingest")
    films = [copy_to_new_study(environment.film) for _ in range(len(DAMAGES) + 1)]
    uids = environment.send(films)
    expected_ends = {}
    for uid, (damage, error) in zip(uids, DAMAGES, strict=False):
        damage(node.spooled(uid))
        expected_ends[uid] = ExpectedEnd(JobState.FAILED, error)
    node.stop()
    violations = environment.find_violations(expected_ends)
    if not violations:
        send_all(films, node.port, environment.acknowledgements)
        _apply_remedy(environment, list(expected_ends), "retry")
    return FaultResult(1, violations or environment.find_violations())


def damaged_results(environment: Environment) -> FaultResult:
    """Damage results between analysis and delivery, so that each job ends FAILED.

    The error message of these jobs recommends `jobs reanalyse`.
    """
    environment.proxy.set_fault(ConnectionFault.REFUSED)
    environment.answering_pacs.set_status(0xA700)
    uids = environment.send_new(len(DAMAGES) + 1)
    wait_until(
        lambda: {dict(environment.job_table.states())[uid] for uid in uids},
        lambda states: states == {JobState.ANALYSED},
        timeout=90,
        goal="results",
    )
    environment.node.kill()  # prevents that results are sent while they are being damaged
    undelivered = environment.job_table.undelivered_keys()
    expected_ends = {}
    for uid, (damage, error) in zip(uids, DAMAGES, strict=False):
        key = environment.rng.choice(sorted({key for film, key in undelivered if film == uid}))
        damage(environment.disk.folder / "spool" / key)
        expected_ends[uid] = ExpectedEnd(JobState.FAILED, error)
    environment.proxy.clear_fault()
    environment.answering_pacs.set_status(0x0000)
    violations = environment.find_violations(expected_ends)
    if not violations:
        _apply_remedy(environment, list(expected_ends), "reanalyse")
    return FaultResult(1, violations or environment.find_violations())


def _apply_remedy(environment: Environment, uids: Sequence[str], remedy: str) -> None:
    operator = environment.node.operator_store()
    for uid in uids:
        getattr(operator, remedy)(operator.find(uid), "operator", utc_now())


FILE_FAULTS = (
    Fault(
        "damaged films",
        "a film is damaged before analysis; a new transfer and `jobs retry` repair the job",
        damaged_films,
    ),
    Fault(
        "damaged results",
        "a result is damaged before delivery; `jobs reanalyse` repairs the job",
        damaged_results,
    ),
)
