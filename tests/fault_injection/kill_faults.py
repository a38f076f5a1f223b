"""Kill one process of the node, or all of them, with SIGKILL while films arrive."""

import os
import random
import signal
import time
from dataclasses import dataclass
from enum import StrEnum

from node.domain.workflow.delivery import DeliveryState
from node.domain.workflow.job import JobState
from tests.fault_injection.environment import Environment
from tests.fault_injection.fault import FaultResult

_POLL_SECONDS = 0.02
_WAIT_SECONDS = 12.0


class Target(StrEnum):
    """The process to kill."""

    TREE = "tree"  # every process at once, as in a power failure
    SUPERVISOR = "supervisor"
    INGEST = "ingest"
    ANALYSE = "analyse"
    DELIVER = "deliver"
    MAINTENANCE = "maintenance"


TRANSFER = "transfer"  # a film is being received
Trigger = float | JobState | DeliveryState | str
"""When to kill: after a number of seconds, during a transfer, or when a state occurs."""
TRIGGERS: tuple[Trigger, ...] = (
    TRANSFER,
    JobState.RECEIVED,
    JobState.ANALYSING,
    JobState.ANALYSED,
    DeliveryState.PENDING,
    DeliveryState.SENDING,
)
_WEIGHTS = {
    Target.TREE: 6,
    Target.SUPERVISOR: 2,
    Target.INGEST: 3,
    Target.ANALYSE: 4,
    Target.DELIVER: 4,
    Target.MAINTENANCE: 1,
}


@dataclass(frozen=True, slots=True)
class Kill:
    """A kill with its target and its trigger."""

    target: Target
    trigger: Trigger


def draw_kills(rng: random.Random, count: int) -> list[Kill]:
    """Draw kills: half of them at a random time, half at a random state of the queue."""
    targets = rng.choices(list(_WEIGHTS), list(_WEIGHTS.values()), k=count)
    return [
        Kill(target, rng.uniform(0, 6) if rng.random() < 0.5 else rng.choice(TRIGGERS))
        for target in targets
    ]


def kill_under_traffic(environment: Environment, count: int) -> FaultResult:
    """Kill processes this many times under traffic, then check the invariants."""
    kills = draw_kills(environment.rng, count)
    environment.node.serve()
    with environment.traffic():
        for kill in kills:
            if environment.node.ended():
                environment.node.launch()
            _wait_for(environment, kill.trigger)
            _kill(environment, kill.target)
    return FaultResult(count, environment.find_violations())


def _wait_for(environment: Environment, trigger: Trigger) -> None:
    """Wait for the trigger; return after 12 s at the latest, because a state may not occur."""
    if isinstance(trigger, float):
        time.sleep(trigger)
        return
    deadline = time.monotonic() + _WAIT_SECONDS
    while not _occurs(environment, trigger) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)


def _occurs(environment: Environment, trigger: Trigger) -> bool:
    if isinstance(trigger, JobState | DeliveryState):
        return environment.job_table.has(trigger)
    return any((environment.disk.folder / "spool" / "incoming").iterdir())


def _kill(environment: Environment, target: Target) -> None:
    """Kill the target, or every process if the target does not run."""
    if target is Target.SUPERVISOR and not environment.node.ended():
        environment.node.kill_supervisor()
        return
    deadline = time.monotonic() + _WAIT_SECONDS
    while target is not Target.TREE and time.monotonic() < deadline:
        pids = [pid for role, pid in environment.node.processes() if role == target]
        if pids:
            os.kill(environment.rng.choice(pids), signal.SIGKILL)
            return
        time.sleep(_POLL_SECONDS)
    environment.node.kill()
