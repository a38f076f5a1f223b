"""What archives do to a sender: refuse, hang, break off, fall silent, and answer with errors."""

from collections.abc import Callable

from node.domain.workflow.job import JobState
from node.workers.loop import utc_now
from tests.fault_injection.catalogue import Done, Fault
from tests.fault_injection.house import House
from tests.fault_injection.judge import Ending
from tests.peers.line import Break
from tests.peers.waiting import wait_until

_FILMS = 4
_STRIKES = 2
_MOST_BYTES = 100_000  # less than a heatmap has, so that every batch reaches it
_SUCCESS = 0x0000


def line_breaks(kind: Break) -> Callable[[House], Done]:
    """Break the line to Orthanc, see it strike, mend it: everything arrives, once."""

    def drive(house: House) -> Done:
        house.line.breaks(kind, after=house.rng.randrange(200, _MOST_BYTES))
        house.send(_FILMS)
        struck = lambda: house.line.struck >= _STRIKES  # noqa: E731
        wait_until(struck, timeout=90, what="connection that the fault met")
        house.line.mend()
        return Done(1, house.findings())

    return drive


def out_of_resources(house: House) -> Done:
    """0xA700 for a while: it is tried again until it is taken."""
    house.answers.answers(0xA700)
    house.send(_FILMS)
    wait_until(lambda: house.answers.refused >= _STRIKES, timeout=90, what="refusal")
    house.answers.answers(_SUCCESS)
    return Done(1, house.findings())


def refused_for_good(status: int) -> Callable[[House], Done]:
    """Refuse every object for good: FAILED with the status; `jobs retry` brings all to an end."""

    def drive(house: House) -> Done:
        house.answers.answers(status)
        uids = house.send(_FILMS)
        expected = Ending(JobState.FAILED, f"answered {status:#06x}")
        findings = house.findings(dict.fromkeys(uids, expected))
        house.answers.answers(_SUCCESS)
        desk = house.node.desk()
        for uid in uids if not findings else ():
            desk.retry(desk.find(uid), "operator", utc_now())
        return Done(1, findings or house.findings())

    return drive


ARCHIVES = (
    Fault("PACS refuses", "each connection is reset at once", line_breaks(Break.REFUSES)),
    Fault("PACS hangs", "connections stand, nothing is read", line_breaks(Break.HANGS)),
    Fault("PACS resets", "reset in the middle of a transfer", line_breaks(Break.RESETS)),
    Fault("PACS half-open", "takes what is sent, no answer comes", line_breaks(Break.HALF_OPEN)),
    Fault("PACS answers A700", "out of resources, for a while", out_of_resources),
    *(
        Fault(f"PACS answers {status:04X}", what, refused_for_good(status))
        for status, what in (
            (0xA900, "data set does not match, for good; FAILED, then `jobs retry`"),
            (0xC000, "cannot understand, for good; FAILED, then `jobs retry`"),
            (0x0122, "SOP Class not supported, for good; FAILED, then `jobs retry`"),
        )
    ),
)
