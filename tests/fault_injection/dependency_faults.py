"""Faults of the node's dependencies: disk, database, clock, model bundle."""

import os
import signal
import sqlite3
import time
from collections.abc import Callable

from node.domain.workflow.job import JobState
from tests.fault_injection.clock import CLOCK_OFFSET, NodeClock
from tests.fault_injection.environment import Environment
from tests.fault_injection.fault import POSTGRESQL, SQLITE, Fault, FaultResult
from tests.fault_injection.traffic import send_once
from tests.peers.proxy import ConnectionFault
from tests.peers.waiting import wait_until
from tests.support.films import copy_to_new_study

_FILMS = 3
_OUT_OF_RESOURCES = 0xA700
_WEIGHTS = "weights.safetensors"
_LOCK_SECONDS = 33.0  # longer than the node waits for a lock


def full_disk(environment: Environment) -> FaultResult:
    """Fill the disk, check that the node refuses films, free the disk, and send the films again."""
    environment.send_new(_FILMS)
    films = [copy_to_new_study(environment.film) for _ in range(2 * _FILMS)]
    for film, free_bytes in zip(films, (0, 50_000) * _FILMS, strict=True):
        environment.disk.fill(free_bytes)
        status = send_once(film, environment.node.port, environment.acknowledgements)
        if status != _OUT_OF_RESOURCES:
            raise AssertionError(f"on a full disk the node answered {status:#06x}")
    environment.disk.clear()
    environment.send(films)
    return FaultResult(1, environment.find_violations())


def database_ends(method: str) -> Callable[[Environment], FaultResult]:
    """Return a function that stops or kills PostgreSQL under traffic and restarts it."""

    def inject(environment: Environment) -> FaultResult:
        server = environment.postgres
        assert server is not None
        with environment.traffic():
            environment.wait_acknowledged(_FILMS)
            getattr(server, method)()
            time.sleep(environment.rng.uniform(2, 8))
            server.start()
            environment.wait_acknowledged(_FILMS)
        return FaultResult(1, environment.find_violations())

    return inject


def database_hangs(environment: Environment) -> FaultResult:
    """Freeze PostgreSQL under traffic, or lock SQLite for longer than the node waits."""
    with environment.traffic():
        environment.wait_acknowledged(_FILMS)
        if environment.postgres is not None:
            environment.postgres.freeze()
            time.sleep(environment.rng.uniform(5, 15))
            environment.postgres.thaw()
        else:
            with sqlite3.connect(environment.disk.folder / "osteoscreen.db", timeout=30) as other:
                other.execute("BEGIN EXCLUSIVE")
                time.sleep(_LOCK_SECONDS)
                other.rollback()
            other.close()
        environment.wait_acknowledged(_FILMS)
    return FaultResult(1, environment.find_violations())


def clock_set_back(*, power_cut: bool) -> Callable[[Environment], FaultResult]:
    """Return a function that runs the node with a fast clock, then corrects the clock.

    When the clock is corrected, both queues contain films and results. With `power_cut`, the node
    is killed before the correction.
    """

    def inject(environment: Environment) -> FaultResult:
        with NodeClock(environment) as clock:
            environment.node.stop()
            clock.advance()
            environment.node.serve()
            environment.proxy.set_fault(ConnectionFault.REFUSED)
            environment.answering_pacs.set_status(_OUT_OF_RESOURCES)
            environment.send_new(_FILMS)
            wait_until(
                lambda: environment.job_table.has(JobState.ANALYSED), timeout=90, goal="results"
            )
            environment.send_new(_FILMS)
            if power_cut:
                environment.node.kill()
            clock.correct()
            environment.proxy.clear_fault()
            environment.answering_pacs.set_status(0x0000)
            return FaultResult(1, environment.find_violations())

    return inject


def broken_bundle(environment: Environment) -> FaultResult:
    """Truncate the weights, restart the scoring worker and the node, then restore the weights.

    A running node still receives films. The restarted node exits with status 2.
    """
    node, weights = environment.node, environment.bundle / _WEIGHTS
    content = weights.read_bytes()
    weights.write_bytes(content[: len(content) // 2])
    os.kill(node.process_of("analyse"), signal.SIGKILL)
    wait_until(lambda: "role_died" in node.log(), timeout=30, goal="log event role_died")
    environment.send_new(_FILMS)
    node.stop()
    node.launch()
    status = node.wait_exit()
    if status != 2 or "model.bundle" not in node.log():
        raise AssertionError(f"with a broken bundle the node exited with {status}: {node.log()}")
    weights.write_bytes(content)
    return FaultResult(1, environment.find_violations())


_POSTGRESQL_ONLY = (POSTGRESQL,)
_OFFSET = f"{CLOCK_OFFSET.total_seconds() / 3600:g} h"
DEPENDENCY_FAULTS = (
    Fault("disk full", "the disk has no free space for some time", full_disk),
    Fault(
        "database stopped",
        "PostgreSQL stops and starts again after 2 to 8 s",
        database_ends("stop"),
        _POSTGRESQL_ONLY,
    ),
    Fault(
        "database killed",
        "PostgreSQL is killed and starts again after 2 to 8 s",
        database_ends("kill"),
        _POSTGRESQL_ONLY,
    ),
    Fault("database hangs", "PostgreSQL is frozen for 5 to 15 s", database_hangs, _POSTGRESQL_ONLY),
    Fault("database locked", "another program locks SQLite for 33 s", database_hangs, (SQLITE,)),
    Fault(
        "clock set back",
        f"the clock is set back by {_OFFSET} while the node runs",
        clock_set_back(power_cut=False),
    ),
    Fault(
        "clock set back, power cut",
        f"the node is killed, the clock is set back by {_OFFSET}, and the node starts",
        clock_set_back(power_cut=True),
    ),
    Fault(
        "bundle broken",
        "the weights are truncated, then the scoring worker and the node are restarted",
        broken_bundle,
    ),
)
