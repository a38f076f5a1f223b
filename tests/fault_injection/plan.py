"""Which trials a run consists of: drawn up from its options alone, the same every time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from tests.fault_injection.archives import ARCHIVES
from tests.fault_injection.catalogue import BOTH, Fault
from tests.fault_injection.damage import DAMAGE
from tests.fault_injection.killing import kill_trials
from tests.fault_injection.senders import SENDERS
from tests.fault_injection.surroundings import SURROUNDINGS

KILL = "kill -9"
_KILLS_AT_ONCE = 25
_KILLED = "any process or the whole tree, at random and at each state, under traffic"
OTHERS = (*ARCHIVES, *SENDERS, *DAMAGE, *SURROUNDINGS)
NAMES = (KILL, *(fault.name for fault in OTHERS))


@dataclass(frozen=True, slots=True)
class Trial:
    """One fault on one database; `number` tells its repetitions apart."""

    fault: Fault
    database: str
    number: int

    @property
    def key(self) -> str:
        """Its name in the journal."""
        return f"{self.fault.name}/{self.database}/{self.number}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a run is to do: kills in all, and repetitions of every other fault."""

    kills: int
    repetitions: int
    databases: tuple[str, ...] = BOTH
    only: tuple[str, ...] = ()

    def wants(self, name: str) -> bool:
        """Return whether a fault is asked for."""
        return not self.only or name in self.only


def draw_up(wanted: Wanted) -> list[list[Trial]]:
    """Return the trials, those together that share a house: all but the kills of one round."""
    rounds = [
        [
            Trial(fault, database, number)
            for fault in OTHERS
            if wanted.wants(fault.name) and database in fault.databases
        ]
        for number in range(wanted.repetitions)
        for database in wanted.databases
    ]
    kills = [[trial] for trial in _kills(wanted)] if wanted.wants(KILL) else []
    return [trials for trials in _interleaved(rounds, kills) if trials]


def _kills(wanted: Wanted) -> Iterator[Trial]:
    """Share the kills out among the databases, in blocks that are judged one by one."""
    each = -(-wanted.kills // len(wanted.databases))
    for number, done in enumerate(range(0, each, _KILLS_AT_ONCE)):
        drive = partial(kill_trials, count=min(_KILLS_AT_ONCE, each - done))
        for database in wanted.databases:
            yield Trial(Fault(KILL, _KILLED, drive), database, number)


def _interleaved(
    rounds: Sequence[list[Trial]], kills: Sequence[list[Trial]]
) -> Iterator[list[Trial]]:
    """Put the blocks of kills between the rounds, as evenly as it goes."""
    share = -(-len(kills) // max(1, len(rounds)))
    for index, trials in enumerate(rounds or [[]]):
        yield trials
        yield from kills[index * share : (index + 1) * share]
