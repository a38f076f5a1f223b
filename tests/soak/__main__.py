"""Send 10,000 films at full speed, and check growth, restarts, losses and retention.

    python -m tests.soak [--films 10000] [--database URL] [--out PAGE]

The run has one node on this machine (SQLite by default), films of 330 x 304, and a PACS that counts
results. Files are deleted after one minute and rows after two minutes, so retention always runs.
The exit status is 1 if a process restarted, a result is missing, or a file or row was deleted too
late. Growth of a process by more than 5 % from the second to the last quarter is also an error.
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
from tests.soak.counting_pacs import CountingPacs
from tests.soak.growth import Growth, GrowthMeter
from tests.soak.retention import StockSample, excess_files, excess_rows
from tests.soak.senders import Senders
from tests.support.document_section import replace_section
from tests.support.films import make_small_film

_SAMPLE_SECONDS = 5.0
_MAX_GROWTH = 0.05
_FILE_RETENTION, _ROW_RETENTION, _PURGE_INTERVAL = 60, 120, 5  # seconds
_TOLERANCE = 4 * _PURGE_INTERVAL  # allows for the duration of a purge and the sampling interval


def main() -> None:
    """Run the soak test, print the report, and exit with 1 if a check fails."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--films", type=int, default=10_000)
    parser.add_argument("--database", default="sqlite:///osteoscreen.db")
    parser.add_argument("--out", type=Path, help="page with a section `soak`")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # this exit also stops the node
    with tempfile.TemporaryDirectory() as name, CountingPacs() as pacs:
        node = make_node(Path(name), options.database, pacs.port)
        node.serve()
        try:
            text, passed = soak(node, pacs, options.films)
        finally:
            node.stop()
    if options.out:
        replace_section(options.out, "soak", text)
    sys.stdout.write(text)
    sys.exit(0 if passed else 1)


def make_node(folder: Path, database: str, pacs_port: int) -> Node:
    """Return a node with short retention periods; it does not run yet."""
    return Node(
        folder,
        free_port(),
        database={"url": database},
        destinations=[
            {"name": "pacs", "ae_title": "COUNTING", "host": "127.0.0.1", "port": pacs_port}
        ],
        retention={"films": _FILE_RETENTION, "results": _FILE_RETENTION, "rows": _ROW_RETENTION},
        schedule={"purge": _PURGE_INTERVAL},
    )


def soak(node: Node, pacs: CountingPacs, count: int) -> tuple[str, bool]:
    """Send the films; return the report, and whether every check passed."""
    meter, stock, start = GrowthMeter(), Stock(node), monotonic()
    senders = Senders(make_small_film(), node.port, count, lambda sent: sent - pacs.heatmaps)
    samples: list[StockSample] = []
    with senders.running(), Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("films", total=count)
        while pacs.heatmaps + senders.refused < count:
            sleep(_SAMPLE_SECONDS)
            meter.sample(dict(processes(node)))
            finished = pacs.heatmaps
            rows, files = stock.count()
            time = monotonic() - start
            samples.append(StockSample(time, senders.started, finished, rows, files))
            progress.update(task, completed=finished)
    speed = count / (monotonic() - start)
    stock.wait_until_empty()
    growths, restarted = meter.growths(), meter.restarted()
    rows = excess_rows(samples, _ROW_RETENTION + _TOLERANCE)
    files = excess_files(samples, _FILE_RETENTION + _TOLERANCE)
    complete = pacs.reports == pacs.heatmaps == senders.acknowledged == count
    flat = all(max(growth.memory, growth.descriptors) <= _MAX_GROWTH for growth in growths)
    summary = (
        f"{senders.acknowledged} films acknowledged, {senders.refused} refused, {speed:.1f} "
        f"films/s; {pacs.reports} reports and {pacs.heatmaps} heatmaps in the PACS. Restarted "
        f"processes: {', '.join(restarted) or 'none'}. Maximum: "
        f"{max(sample.rows for sample in samples)} rows and "
        f"{max(sample.files for sample in samples)} files. Deleted too late: {max(rows, 0)} rows "
        f"and {max(files, 0)} files. Left at the end: 0 rows and 0 files.\n"
    )
    passed = complete and flat and not restarted and rows <= 0 and files <= 0
    return f"{growth_table(growths)}\n{summary}", passed


class Stock:
    """The number of rows in a node's job table, and of files in its spool."""

    def __init__(self, node: Node) -> None:
        config = load(node.file)
        self._operator, self._spool = open_operator_store(config), open_spool(config)

    def count(self) -> tuple[int, int]:
        """Return the numbers of rows and files."""
        return sum(self._operator.counts().values()), sum(1 for _ in self._spool.keys(inf))

    def wait_until_empty(self) -> None:
        """Wait until retention has deleted everything; fail after the timeout."""
        timeout = 2 * (_ROW_RETENTION + _TOLERANCE)
        wait_until(self.count, lambda counts: counts == (0, 0), timeout, "empty table and spool")


def processes(node: Node) -> Iterator[tuple[str, int]]:
    """Yield a name and the process ID of each process of a node."""
    numbers: Counter[str] = Counter()
    for role, pid in node.processes():
        numbers[role] += 1
        yield f"{role} {numbers[role]}", pid
        if role == Role.ANALYSE:
            for number, child in enumerate(decoders_of(pid), 1):
                yield f"decoder {number}", child


def decoders_of(worker: int) -> list[int]:
    """Return the process IDs of the decoders that any thread of a scoring worker started."""
    tasks = Path(f"/proc/{worker}/task").glob("*/children")
    children = sorted(int(child) for task in tasks for child in task.read_text().split())
    return [pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def growth_table(growths: list[Growth]) -> str:
    """Return the growth of the processes as a Markdown table."""
    lines = [
        "| process | memory, second quarter | memory, last quarter | memory growth "
        "| descriptors, both quarters | descriptor growth |",
        "|---|---|---|---|---|---|",
    ]
    for growth in sorted(growths, key=lambda growth: growth.process):
        before, after = growth.before, growth.after
        lines.append(
            f"| {growth.process.split(' (')[0]} | {before.memory / 2**20:.1f} MiB "
            f"| {after.memory / 2**20:.1f} MiB | {growth.memory:+.1%} "
            f"| {before.descriptors:.1f} to {after.descriptors:.1f} | {growth.descriptors:+.1%} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
