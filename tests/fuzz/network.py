"""Cases against a port: a node in a process of its own, several hostile peers at once.

Beside them, a peer that means well asks by C-ECHO, again and again, whether it is still heard.
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

from tests.fuzz.chance import chance_of
from tests.fuzz.script import play
from tests.fuzz.surface import Tally, Wrong
from tests.fuzz.surfaces import load
from tests.fuzz.watch import Held, held_by
from tests.peers.node import AE_TITLE, Node
from tests.peers.waiting import free_port

PEERS = 8
_TIMEOUT = 2.0  # seconds of the node's own time-outs
_PATIENCE = 5.0 + _TIMEOUT + 1.0
_ECHO_WITHIN = 5.0
_WARM = 300  # cases before the node's memory is first looked at
_MOST_GROWTH = 64.0  # MiB
_QUIET = 4  # descriptors and threads beyond those of a node at rest
_DATABASE = "osteoscreen.db"
_OF_DATABASE = 41
"""Descriptors of the job table at most, counted apart: they follow how many write at once. Ten
connections are kept and ten more made for a while, with a database and a log each, and one index is
shared. SQLite does not close a file as long as another connection of the process locks it."""


def run_there(name: str, seed: int, cases: range, seen: Callable[[], None]) -> Tally:
    """Run a surface's cases against a node of its own; `seen` is called after each."""
    tally, lock = Tally(name), threading.Lock()
    script = load(name).script

    def one(case: int) -> None:
        began, fault = monotonic(), ""
        try:
            outcome = play(script(chance_of(seed, name, case)), node.port, _PATIENCE)
        except (Wrong, OSError) as wrong:
            outcome, fault = "finding", f"{type(wrong).__name__}: {wrong}"
        with lock:
            tally.note(case, outcome, monotonic() - began)
            if fault:
                tally.blame(case, fault)
            seen()

    with tempfile.TemporaryDirectory(prefix="fuzz") as folder, _node(Path(folder)) as node:
        with _asking(node, tally), ThreadPoolExecutor(PEERS) as pool:
            list(pool.map(one, cases[:_WARM]))
            before = _at_rest(node)
            list(pool.map(one, cases[_WARM:]))
        _compare(tally, before, _at_rest(node))
        _read_log(tally, Path(folder) / "node" / "node.log")
    return tally


@contextmanager
def _node(folder: Path) -> Iterator[Node]:
    waits = {"artim_timeout": _TIMEOUT, "dimse_timeout": _TIMEOUT, "idle_timeout": _TIMEOUT}
    port = free_port()
    node = Node(folder / "node", port, dicom={"port": port, "max_object": "4MB", **waits})
    node.serve("ingest")
    try:
        yield node
    finally:
        node.kill()


@contextmanager
def _asking(node: Node, tally: Tally) -> Iterator[None]:
    """Ask by C-ECHO while the cases run; whatever is wrong with an answer is a finding."""
    done = threading.Event()

    def ask() -> None:
        while not done.wait(0.5):
            began = monotonic()
            heard = _echo(node.port)
            if not heard or monotonic() - began > _ECHO_WITHIN:
                tally.blame(tally.cases, f"no answer to a C-ECHO: {monotonic() - began:.1f} s")

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield
    finally:
        done.set()
        asking.join()


def _echo(port: int) -> bool:
    ae = AE("WATCH")
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 2 * _ECHO_WITHIN
    ae.add_requested_context(Verification)
    assoc = ae.associate("127.0.0.1", port, ae_title=AE_TITLE)
    if not assoc.is_established:
        return False
    status = assoc.send_c_echo()
    assoc.release()
    return bool(status and status.Status == 0)


def _at_rest(node: Node) -> Held:
    """Return what the node holds once its associations have ended; they have time-outs to do so."""
    [process] = node.started
    lowest = held_by(process.pid, _DATABASE)
    deadline = monotonic() + 4 * _TIMEOUT
    while monotonic() < deadline:
        sleep(0.25)
        now = held_by(process.pid, _DATABASE)
        lowest = now if now.descriptors <= lowest.descriptors else lowest
    return lowest


def _compare(tally: Tally, before: Held, after: Held) -> None:
    tally.growth = after.memory - before.memory
    tally.descriptors = after.descriptors - before.descriptors
    tally.threads = after.threads - before.threads
    if tally.growth > _MOST_GROWTH:
        tally.blame(tally.cases, f"memory grew by {tally.growth:.0f} MiB")
    if max(tally.descriptors, tally.threads) > _QUIET:
        tally.blame(tally.cases, f"kept: {tally.descriptors} descriptors, {tally.threads} threads")
    if after.database > _OF_DATABASE:
        tally.blame(tally.cases, f"holds the job table open {after.database} times")


def _read_log(tally: Tally, log: Path) -> None:
    """See that every line of the log is an event, and none an unforeseen one."""
    for line in log.read_text(errors="replace").splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            tally.blame(tally.cases, f"no event in the log: {line[:200]!r}")
            continue
        if event["event"] == "unexpected_error":
            tally.blame(tally.cases, f"unforeseen {event.get('error')} at {event.get('where')}")
