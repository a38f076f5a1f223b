"""Plan the trials of a run from its options; the same options give the same plan."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from tests.fault_injection.dependency_faults import DEPENDENCY_FAULTS
from tests.fault_injection.fault import BOTH, Fault
from tests.fault_injection.file_faults import FILE_FAULTS
from tests.fault_injection.kill_faults import kill_under_traffic
from tests.fault_injection.pacs_faults import PACS_FAULTS
from tests.fault_injection.sender_faults import SENDER_FAULTS

KILL = "kill -9"
_KILL_DESCRIPTION = "one process or every process is killed while films arrive"
_KILLS_PER_TRIAL = 25
OTHER_FAULTS = (*PACS_FAULTS, *SENDER_FAULTS, *FILE_FAULTS, *DEPENDENCY_FAULTS)
FAULT_NAMES = (KILL, *(fault.name for fault in OTHER_FAULTS))


@dataclass(frozen=True, slots=True)
class Trial:
    """One fault on one database; `number` counts its repetitions."""

    fault: Fault
    database: str
    number: int

    @property
    def key(self) -> str:
        """The key of the trial in the journal."""
        return f"{self.fault.name}/{self.database}/{self.number}"


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """The total number of kills, and the number of repetitions of every other fault."""

    kills: int
    repetitions: int
    databases: tuple[str, ...] = BOTH
    only: tuple[str, ...] = ()

    def includes(self, name: str) -> bool:
        """Return whether a fault is part of the run."""
        return not self.only or name in self.only


def plan_trials(options: PlanOptions) -> list[list[Trial]]:
    """Return groups of trials; a group shares an environment, but each kill trial has its own."""
    rounds = [
        [
            Trial(fault, database, number)
            for fault in OTHER_FAULTS
            if options.includes(fault.name) and database in fault.databases
        ]
        for number in range(options.repetitions)
        for database in options.databases
    ]
    kills = [[trial] for trial in _kill_trials(options)] if options.includes(KILL) else []
    return [trials for trials in _interleave(rounds, kills) if trials]


def _kill_trials(options: PlanOptions) -> Iterator[Trial]:
    """Divide the kills among the databases, in trials of up to 25."""
    per_database = -(-options.kills // len(options.databases))
    for number, start in enumerate(range(0, per_database, _KILLS_PER_TRIAL)):
        count = min(_KILLS_PER_TRIAL, per_database - start)
        inject = partial(kill_under_traffic, count=count)
        for database in options.databases:
            yield Trial(Fault(KILL, _KILL_DESCRIPTION, inject), database, number)


def _interleave(
    rounds: Sequence[list[Trial]], kills: Sequence[list[Trial]]
) -> Iterator[list[Trial]]:
    """Distribute the trials that kill processes evenly between the rounds of other faults."""
    per_round = -(-len(kills) // max(1, len(rounds)))
    for index, trials in enumerate(rounds or [[]]):
        yield trials
        yield from kills[index * per_round : (index + 1) * per_round]
