"""Run cases against the port of a node: eight hostile peers and one well-behaved peer.

The well-behaved peer sends a C-ECHO every half second and must get an answer.
"""

import json
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from pynetdicom import AE
from pynetdicom.sop_class import Verification

from tests.fuzz.chance import case_random
from tests.fuzz.script import play
from tests.fuzz.surface import InvariantViolation, SurfaceResult
from tests.fuzz.surfaces import load
from tests.fuzz.watch import ResourceUsage, resource_usage
from tests.peers.node import AE_TITLE, Node
from tests.peers.waiting import free_port

PEERS = 8
_TIMEOUT = 2.0  # seconds; the timeout of the node
_DEADLINE = 5.0 + _TIMEOUT + 1.0
_MAX_ECHO_SECONDS = 5.0
_WARM_UP = 300  # number of cases before the first measurement of memory
_MAX_GROWTH = 64.0  # MiB
_TOLERANCE = 4  # number of additional descriptors and threads that an idle node may have
_DATABASE = "osteoscreen.db"
_MAX_DATABASE_DESCRIPTORS = 41
"""The node has up to 20 SQLite connections. Each connection has two descriptors (database and log),
and all connections share the descriptor of the index.

Descriptors of the database are counted separately, because SQLite does not close a file while
another connection of the process locks that file."""


def run_against_node(
    name: str, seed: int, cases: range, on_case: Callable[[], None]
) -> SurfaceResult:
    """Run the cases of a surface against a new node; `on_case` is called after each."""
    result, lock = SurfaceResult(name), threading.Lock()
    script = load(name).script

    def run_case(case: int) -> None:
        start, violation = monotonic(), ""
        try:
            outcome = play(script(case_random(seed, name, case)), node.port, _DEADLINE)
        except (InvariantViolation, OSError) as error:
            outcome, violation = "finding", f"{type(error).__name__}: {error}"
        with lock:
            result.add_case(case, outcome, monotonic() - start)
            if violation:
                result.add_finding(case, violation)
            on_case()

    with tempfile.TemporaryDirectory(prefix="fuzz") as folder, _node(Path(folder)) as node:
        with _well_behaved_peer(node, result), ThreadPoolExecutor(PEERS) as pool:
            list(pool.map(run_case, cases[:_WARM_UP]))
            before = _at_rest(node)
            list(pool.map(run_case, cases[_WARM_UP:]))
        _compare(result, before, _at_rest(node))
        _read_log(result, Path(folder) / "node" / "node.log")
    return result


@contextmanager
def _node(folder: Path) -> Iterator[Node]:
    timeouts = {"artim_timeout": _TIMEOUT, "dimse_timeout": _TIMEOUT, "idle_timeout": _TIMEOUT}
    port = free_port()
    node = Node(folder / "node", port, dicom={"port": port, "max_object": "4MB", **timeouts})
    node.serve("ingest")
    try:
        yield node
    finally:
        node.kill()


@contextmanager
def _well_behaved_peer(node: Node, result: SurfaceResult) -> Iterator[None]:
    """Send C-ECHO requests while the cases run; a missing or late answer is a finding."""
    stop = threading.Event()

    def send_echoes() -> None:
        while not stop.wait(0.5):
            start = monotonic()
            answered = _echo(node.port)
            if not answered or monotonic() - start > _MAX_ECHO_SECONDS:
                result.add_finding(
                    result.cases, f"no answer to a C-ECHO: {monotonic() - start:.1f} s"
                )

    thread = threading.Thread(target=send_echoes)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _echo(port: int) -> bool:
    ae = AE("PROBE")
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 2 * _MAX_ECHO_SECONDS
    ae.add_requested_context(Verification)
    assoc = ae.associate("127.0.0.1", port, ae_title=AE_TITLE)
    if not assoc.is_established:
        return False
    status = assoc.send_c_echo()
    assoc.release()
    return bool(status and status.Status == 0)


def _at_rest(node: Node) -> ResourceUsage:
    """Return the usage of the node after its associations have ended or timed out."""
    [process] = node.started
    lowest = resource_usage(process.pid, _DATABASE)
    deadline = monotonic() + 4 * _TIMEOUT
    while monotonic() < deadline:
        sleep(0.25)
        now = resource_usage(process.pid, _DATABASE)
        lowest = now if now.descriptors <= lowest.descriptors else lowest
    return lowest


def _compare(result: SurfaceResult, before: ResourceUsage, after: ResourceUsage) -> None:
    result.growth = after.memory - before.memory
    result.descriptors = after.descriptors - before.descriptors
    result.threads = after.threads - before.threads
    if result.growth > _MAX_GROWTH:
        result.add_finding(result.cases, f"memory grew by {result.growth:.0f} MiB")
    if max(result.descriptors, result.threads) > _TOLERANCE:
        result.add_finding(
            result.cases, f"kept: {result.descriptors} descriptors, {result.threads} threads"
        )
    if after.database > _MAX_DATABASE_DESCRIPTORS:
        result.add_finding(result.cases, f"has the job table open {after.database} times")


def _read_log(result: SurfaceResult, log: Path) -> None:
    """Check that every log line is an event, and none is `unexpected_error`."""
    for line in log.read_text(errors="replace").splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            result.add_finding(result.cases, f"not a log event: {line[:200]!r}")
            continue
        if event["event"] == "unexpected_error":
            result.add_finding(
                result.cases, f"unexpected {event.get('error')} at {event.get('where')}"
            )
