"""Faults of archives: connections that fail or hang, and C-STORE errors."""

from collections.abc import Callable

from node.domain.workflow.job import JobState
from node.workers.loop import utc_now
from tests.fault_injection.environment import Environment
from tests.fault_injection.fault import Fault, FaultResult
from tests.fault_injection.invariants import ExpectedEnd
from tests.peers.proxy import ConnectionFault
from tests.peers.waiting import wait_until

_FILMS = 4
_MIN_OCCURRENCES = 2
_MAX_BYTES = 100_000  # less than one heatmap, so that every batch exceeds this limit
_SUCCESS = 0x0000


def connection_fault(fault: ConnectionFault) -> Callable[[Environment], FaultResult]:
    """Return a function that interrupts connections to Orthanc until the fault has occurred."""

    def inject(environment: Environment) -> FaultResult:
        proxy = environment.proxy
        proxy.set_fault(fault, after=environment.rng.randrange(200, _MAX_BYTES))
        environment.send_new(_FILMS)
        wait_until(
            lambda: proxy.occurrences >= _MIN_OCCURRENCES,
            timeout=90,
            goal="connection that the fault affects",
        )
        proxy.clear_fault()
        return FaultResult(1, environment.find_violations())

    return inject


def out_of_resources(environment: Environment) -> FaultResult:
    """Let the PACS answer 0xA700 for a while, so that the node retries."""
    pacs = environment.answering_pacs
    pacs.set_status(0xA700)
    environment.send_new(_FILMS)
    wait_until(lambda: pacs.refused >= _MIN_OCCURRENCES, timeout=90, goal="refusal")
    pacs.set_status(_SUCCESS)
    return FaultResult(1, environment.find_violations())


def permanent_refusal(status: int) -> Callable[[Environment], FaultResult]:
    """Return a function that refuses every object permanently.

    Each job must end FAILED with the status in its error. `jobs retry` then completes the job.
    """

    def inject(environment: Environment) -> FaultResult:
        environment.answering_pacs.set_status(status)
        uids = environment.send_new(_FILMS)
        expected = ExpectedEnd(JobState.FAILED, f"answered {status:#06x}")
        violations = environment.find_violations(dict.fromkeys(uids, expected))
        environment.answering_pacs.set_status(_SUCCESS)
        operator = environment.node.operator_store()
        for uid in uids if not violations else ():
            operator.retry(operator.find(uid), "operator", utc_now())
        return FaultResult(1, violations or environment.find_violations())

    return inject


PACS_FAULTS = (
    Fault(
        "PACS refuses",
        "every connection is reset immediately",
        connection_fault(ConnectionFault.REFUSED),
    ),
    Fault(
        "PACS hangs",
        "the PACS accepts connections, but reads no data",
        connection_fault(ConnectionFault.UNRESPONSIVE),
    ),
    Fault("PACS resets", "reset during a transfer", connection_fault(ConnectionFault.RESET)),
    Fault(
        "PACS half-open",
        "the PACS receives data, but its answers are lost",
        connection_fault(ConnectionFault.HALF_OPEN),
    ),
    Fault("PACS answers A700", "the PACS has no resources for some time", out_of_resources),
    *(
        Fault(f"PACS answers {status:04X}", description, permanent_refusal(status))
        for status, description in (
            (0xA900, "data set does not match SOP Class; `jobs retry` repairs the FAILED job"),
            (0xC000, "cannot understand; `jobs retry` repairs the FAILED job"),
            (0x0122, "SOP Class not supported; `jobs retry` repairs the FAILED job"),
        )
    ),
)
