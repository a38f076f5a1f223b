"""What a node stands on gives way: its disk, its database, its clock, its bundle."""

import os
import signal
import sqlite3
import time
from collections.abc import Callable

from node.domain.workflow.job import JobState
from tests.fault_injection.catalogue import POSTGRESQL, SQLITE, Done, Fault
from tests.fault_injection.clock import SKEWED_BY, Clock
from tests.fault_injection.house import House
from tests.fault_injection.traffic import Traffic, store
from tests.peers.line import Break
from tests.peers.waiting import wait_until
from tests.support.films import copy_to_new_study

_FILMS = 3
_OUT_OF_RESOURCES = 0xA700
_WEIGHTS = "weights.safetensors"
_LOCK_SECONDS = 33.0  # longer than the node waits for a lock


def full_disk(house: House) -> Done:
    """Fill the disk to the last byte under films that wait, and under films that come."""
    house.send(_FILMS)
    late = [copy_to_new_study(house.film) for _ in range(2 * _FILMS)]
    for film, leave in zip(late, (0, 50_000) * _FILMS, strict=True):
        house.disk.fill(leave)
        status = store(film, house.node.port, house.ledger)
        if status != _OUT_OF_RESOURCES:
            raise AssertionError(f"the full disk made the node answer {status:#06x}")
    house.disk.clear()
    house.send_these(late)
    return Done(1, house.findings())


def database_ends(how: str) -> Callable[[House], Done]:
    """End PostgreSQL under traffic, start it again seconds later."""

    def drive(house: House) -> Done:
        server = house.postgres
        assert server is not None
        with _traffic(house):
            house.wait_acknowledged(_FILMS)
            getattr(server, how)()
            time.sleep(house.rng.uniform(2, 8))
            server.start()
            house.wait_acknowledged(_FILMS)
        return Done(1, house.findings())

    return drive


def database_hangs(house: House) -> Done:
    """Freeze every process of PostgreSQL under traffic; or lock SQLite longer than is waited."""
    with _traffic(house):
        house.wait_acknowledged(_FILMS)
        if house.postgres is not None:
            house.postgres.freeze()
            time.sleep(house.rng.uniform(5, 15))
            house.postgres.thaw()
        else:
            with sqlite3.connect(house.disk.folder / "osteoscreen.db", timeout=30) as other:
                other.execute("BEGIN EXCLUSIVE")
                time.sleep(_LOCK_SECONDS)
                other.rollback()
            other.close()
        house.wait_acknowledged(_FILMS)
    return Done(1, house.findings())


def clock_is_set_back(*, power_cut: bool) -> Callable[[House], Done]:
    """Run hours ahead with films waiting everywhere, then set the clock right: at once, or after
    a power cut.
    """

    def drive(house: House) -> Done:
        with Clock(house) as clock:
            house.node.stop()
            clock.ahead()
            house.node.serve()
            house.line.breaks(Break.REFUSES)
            house.answers.answers(_OUT_OF_RESOURCES)
            house.send(_FILMS)
            results = lambda: house.records.in_state(JobState.ANALYSED)  # noqa: E731
            wait_until(results, timeout=90, what="results")
            house.send(_FILMS)
            if power_cut:
                house.node.kill()
            clock.right()
            house.line.mend()
            house.answers.answers(0x0000)
            return Done(1, house.findings())

    return drive


def bundle_breaks(house: House) -> Done:
    """Cut the weights short while the node runs, and at its start; then mend them.

    While it runs, films are received; at the start it says what is wrong and ends with status 2.
    """
    weights = house.bundle / _WEIGHTS
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    os.kill(house.node.process_of("analyse"), signal.SIGKILL)
    wait_until(lambda: "role_died" in house.node.log(), timeout=30, what="word of the bundle")
    house.send(_FILMS)
    house.node.stop()
    house.node.launch()
    status = house.node.wait_ended_by_itself()
    if status != 2 or "model.bundle" not in house.node.log():
        raise AssertionError(f"a broken bundle ended the node with {status}: {house.node.log()}")
    weights.write_bytes(whole)
    return Done(1, house.findings())


def _traffic(house: House) -> Traffic:
    return Traffic(house.film, house.node.port, house.ledger, house.folder, house.rng)


_OF_POSTGRESQL = (POSTGRESQL,)
_AHEAD = f"{SKEWED_BY.total_seconds() / 3600:g} h"
SURROUNDINGS = (
    Fault("disk full", "not a byte left, then room again", full_disk),
    Fault("database stopped", "and started seconds later", database_ends("stop"), _OF_POSTGRESQL),
    Fault("database killed", "kill -9, and started again", database_ends("kill"), _OF_POSTGRESQL),
    Fault("database hangs", "frozen for 5 to 15 s", database_hangs, _OF_POSTGRESQL),
    Fault("database locked", "by another program, for 33 s", database_hangs, (SQLITE,)),
    Fault("clock set back", f"from {_AHEAD} ahead, running", clock_is_set_back(power_cut=False)),
    Fault(
        "clock set back, power cut",
        f"from {_AHEAD} ahead, between kill -9 and the next start",
        clock_is_set_back(power_cut=True),
    ),
    Fault("bundle broken", "weights cut short, running and at the start", bundle_breaks),
)
