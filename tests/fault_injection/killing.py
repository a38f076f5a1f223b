"""kill -9 of one process of the node, or of all, while senders never stop."""

import os
import random
import signal
import time
from dataclasses import dataclass
from enum import StrEnum

from node.domain.workflow.delivery import DeliveryState
from node.domain.workflow.job import JobState
from tests.fault_injection.catalogue import Done
from tests.fault_injection.house import House
from tests.fault_injection.traffic import Traffic

_LOOK_SECONDS = 0.02
_PATIENCE = 12.0


class Target(StrEnum):
    """Whom a kill meets."""

    TREE = "tree"  # every process at once, as a power cut does
    SUPERVISOR = "supervisor"
    INGEST = "ingest"
    ANALYSE = "analyse"
    DELIVER = "deliver"
    MAINTENANCE = "maintenance"


TRANSFER = "transfer"  # a film is on its way in
Moment = float | JobState | DeliveryState | str
MOMENTS: tuple[Moment, ...] = (
    TRANSFER,
    JobState.RECEIVED,
    JobState.ANALYSING,
    JobState.ANALYSED,
    DeliveryState.PENDING,
    DeliveryState.SENDING,
)
_LIKELY = {
    Target.TREE: 6,
    Target.SUPERVISOR: 2,
    Target.INGEST: 3,
    Target.ANALYSE: 4,
    Target.DELIVER: 4,
    Target.MAINTENANCE: 1,
}


@dataclass(frozen=True, slots=True)
class Kill:
    """Whom to kill, and when: after so many seconds, or as soon as something stands so."""

    target: Target
    moment: Moment


def plan_kills(rng: random.Random, count: int) -> list[Kill]:
    """Draw kills: half of them at a random moment, half at a state."""
    targets = rng.choices(list(_LIKELY), list(_LIKELY.values()), k=count)
    return [
        Kill(target, rng.uniform(0, 6) if rng.random() < 0.5 else rng.choice(MOMENTS))
        for target in targets
    ]


def kill_trials(house: House, count: int) -> Done:
    """Kill so many times under traffic, then let all that was acknowledged come to its end."""
    kills = plan_kills(house.rng, count)
    house.node.serve()
    with Traffic(house.film, house.node.port, house.ledger, house.folder, house.rng):
        for kill in kills:
            if house.node.ended():
                house.node.launch()
            _await(house, kill.moment)
            _strike(house, kill.target)
    return Done(count, house.findings())


def _await(house: House, moment: Moment) -> None:
    """Return at the moment; at the latest when patience ends, for not every state comes."""
    if isinstance(moment, float):
        time.sleep(moment)
        return
    deadline = time.monotonic() + _PATIENCE
    while not _stands(house, moment) and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)


def _stands(house: House, moment: Moment) -> bool:
    if isinstance(moment, JobState | DeliveryState):
        return house.records.in_state(moment)
    return any((house.disk.folder / "spool" / "incoming").iterdir())


def _strike(house: House, target: Target) -> None:
    """Kill the target; the whole tree where it does not run, so that each trial is one kill."""
    if target is Target.SUPERVISOR and not house.node.ended():
        house.node.kill_supervisor()
        return
    deadline = time.monotonic() + _PATIENCE
    while target is not Target.TREE and time.monotonic() < deadline:
        pids = [pid for role, pid in house.node.processes() if role == target]
        if pids:
            os.kill(house.rng.choice(pids), signal.SIGKILL)
            return
        time.sleep(_LOOK_SECONDS)
    house.node.kill()
