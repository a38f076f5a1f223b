"""Ten thousand films at full speed: does anything grow that should not?

    python -m tests.soak [--films 10000] [--database URL] [--out PAGE]

One node on this machine, its job table on SQLite unless another is named; films of 330 x 304, sent
as fast as they are scored; a PACS that counts. Bytes are kept a minute after their job and rows
two, so that retention works all the time. Exit status 1 where a process grew by more than five
percent from the second quarter of the run to the last, was replaced, or anything is missing.
"""

import argparse
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from math import inf
from pathlib import Path
from time import monotonic, sleep

from rich.console import Console
from rich.progress import Progress

from node.config.settings import load
from node.runtime.factories import open_operator_store, open_spool
from node.runtime.roles import Role
from tests.peers.node import Node
from tests.peers.waiting import free_port, wait_until
from tests.soak.counting import CountingPacs
from tests.soak.meter import Growth, Meter
from tests.soak.senders import Senders
from tests.soak.stock import Moment, surplus_files, surplus_rows
from tests.support.document_section import replace_section
from tests.support.films import make_small_film

_SAMPLE_SECONDS = 5.0
_ALLOWED = 0.05
_KEPT_BYTES, _KEPT_ROWS, _PURGE = 60, 120, 5
_SLACK = 4 * _PURGE  # a purge takes its time, and a sample comes when it comes


def main() -> None:
    """Run the soak, print what was seen, and judge it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--films", type=int, default=10_000)
    parser.add_argument("--database", default="sqlite:///osteoscreen.db")
    parser.add_argument("--out", type=Path, help="a page with a section `soak`")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the node ends with us
    with tempfile.TemporaryDirectory() as name, CountingPacs() as pacs:
        node = make_node(Path(name), options.database, pacs.port)
        node.serve()
        try:
            text, good = soak(node, pacs, options.films)
        finally:
            node.stop()
    if options.out:
        replace_section(options.out, "soak", text)
    sys.stdout.write(text)
    sys.exit(0 if good else 1)


def make_node(folder: Path, database: str, pacs_port: int) -> Node:
    """Return a node with short retention, not yet running."""
    return Node(
        folder,
        free_port(),
        database={"url": database},
        destinations=[
            {"name": "pacs", "ae_title": "COUNTING", "host": "127.0.0.1", "port": pacs_port}
        ],
        retention={"films": _KEPT_BYTES, "results": _KEPT_BYTES, "rows": _KEPT_ROWS},
        schedule={"purge": _PURGE},
    )


def soak(node: Node, pacs: CountingPacs, count: int) -> tuple[str, bool]:
    """Send the films; return the report, and whether all is as it should be."""
    meter, keeper, began = Meter(), Stockkeeper(node), monotonic()
    senders = Senders(make_small_film(), node.port, count, lambda sent: sent - pacs.heatmaps)
    moments: list[Moment] = []
    with senders.running(), Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("films", total=count)
        while pacs.heatmaps + senders.refused < count:
            sleep(_SAMPLE_SECONDS)
            meter.sample(dict(named(node)))
            finished = pacs.heatmaps
            rows, files = keeper.look()
            moments.append(Moment(monotonic() - began, senders.begun, finished, rows, files))
            progress.update(task, completed=finished)
    speed = count / (monotonic() - began)
    keeper.wait_until_empty()
    growths, replaced = meter.growths(), meter.replaced()
    rows = surplus_rows(moments, _KEPT_ROWS + _SLACK)
    files = surplus_files(moments, _KEPT_BYTES + _SLACK)
    whole = pacs.reports == pacs.heatmaps == senders.acknowledged == count
    flat = all(max(one.memory, one.descriptors) <= _ALLOWED for one in growths)
    told = (
        f"{senders.acknowledged} films acknowledged, {senders.refused} refused, {speed:.1f} a "
        f"second; {pacs.reports} reports and {pacs.heatmaps} heatmaps in the PACS. Processes "
        f"replaced: {', '.join(replaced) or 'none'}. Most rows at once "
        f"{max(one.rows for one in moments)}, most files {max(one.files for one in moments)}; "
        f"beyond what retention says {max(rows, 0)} and {max(files, 0)}; at the end 0 and 0.\n"
    )
    good = whole and flat and not replaced and rows <= 0 and files <= 0
    return f"{table_of(growths)}\n{told}", good


class Stockkeeper:
    """Looks at a node's job table and spool."""

    def __init__(self, node: Node) -> None:
        config = load(node.file)
        self._operator, self._spool = open_operator_store(config), open_spool(config)

    def look(self) -> tuple[int, int]:
        """Return how many rows and files there are."""
        return sum(self._operator.counts().values()), sum(1 for _ in self._spool.keys(inf))

    def wait_until_empty(self) -> None:
        """Return once retention has taken everything away, else fail."""
        patience = 2 * (_KEPT_ROWS + _SLACK)
        wait_until(self.look, lambda left: left == (0, 0), patience, "empty job table and spool")


def named(node: Node) -> Iterator[tuple[str, int]]:
    """Yield a name and the process id of each process of a node."""
    seen: Counter[str] = Counter()
    for role, pid in node.processes():
        seen[role] += 1
        yield f"{role} {seen[role]}", pid
        if role == Role.ANALYSE:
            for number, child in enumerate(decoders_of(pid), 1):
                yield f"decoder {number}", child


def decoders_of(analyst: int) -> list[int]:
    """Return the process ids of the analyst's decoders, whichever of its threads made them."""
    tasks = Path(f"/proc/{analyst}/task").glob("*/children")
    children = sorted(int(child) for task in tasks for child in task.read_text().split())
    return [pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def table_of(growths: list[Growth]) -> str:
    """Return the growths as a table in Markdown."""
    lines = [
        "| process | memory, second quarter | last quarter | growth | descriptors | growth |",
        "|---|---|---|---|---|---|",
    ]
    for one in sorted(growths, key=lambda growth: growth.process):
        before, after = one.before, one.after
        lines.append(
            f"| {one.process.split(' (')[0]} | {before.memory / 2**20:.1f} MiB "
            f"| {after.memory / 2**20:.1f} MiB | {one.memory:+.1%} "
            f"| {before.descriptors:.1f} to {after.descriptors:.1f} | {one.descriptors:+.1%} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
