"""Compare OsteoScreen, two other receivers and the disk by the films stored per second.

    python -m bench.ingest [--films 60] [--senders 4] [--rounds 3]

Every receiver gets the same films from the same number of parallel `dcmsend` processes. `storescp`
writes files without syncing them to the disk. Orthanc stores and indexes films. OsteoScreen answers
after film and job are synced to the disk. `disk` does only the disk work of OsteoScreen, without
network: it writes, syncs and renames each film, syncs the folder, and commits one row.
"""

import argparse
import contextlib
import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from time import perf_counter

from rich.console import Console
from rich.progress import track
from rich.table import Table

from node.demo.run import SHIPPED_FILM
from tests.peers.dcmtk import dcmsend, echoscu
from tests.peers.node import AE_TITLE, Node
from tests.peers.orthanc import Orthanc
from tests.peers.programs import find
from tests.peers.waiting import free_port, wait_until
from tests.support.films import write_to_new_study

Receiver = Callable[[list[list[Path]]], float]


def main() -> None:
    """Measure every receiver in every round, and print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--films", type=int, default=60)
    parser.add_argument("--senders", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    receivers = {"storescp": storescp, "Orthanc": orthanc, "OsteoScreen": osteoscreen, "disk": disk}
    seconds: dict[str, list[float]] = {name: [] for name in receivers}
    for _ in track(range(options.rounds), "rounds"):
        with tempfile.TemporaryDirectory() as folder:
            films = make_films(Path(folder), options.films)
            shares = [films[n :: options.senders] for n in range(options.senders)]
            for name, receiver in receivers.items():
                seconds[name].append(receiver(shares))
    report(seconds, options.films, options.senders)


def make_films(folder: Path, count: int) -> list[Path]:
    """Write copies of the shipped film, each in a separate study."""
    return [write_to_new_study(SHIPPED_FILM, folder / f"{number}.dcm") for number in range(count)]


def send(port: int, shares: list[list[Path]], called_ae: str) -> float:
    """Send films in parallel; return the seconds until the last acknowledgement."""
    with ThreadPoolExecutor(len(shares)) as pool:
        start = perf_counter()
        transfers = list(pool.map(lambda share: dcmsend(port, *share, called_ae=called_ae), shares))
        elapsed = perf_counter() - start
    if not all(transfer.succeeded for transfer in transfers):
        raise RuntimeError(f"a film was not accepted: {transfers[0].log[-500:]}")
    return elapsed


def storescp(shares: list[list[Path]]) -> float:
    """Measure DCMTK's storescp, with one process per association."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [str(find("storescp")), "--fork", "+xa", "-od", folder, str(port)]
        with running(command):
            wait_until(lambda: echoscu(port))
            return send(port, shares, "STORESCP")


def orthanc(shares: list[list[Path]]) -> float:
    """Measure Orthanc with the configuration of the tests."""
    with tempfile.TemporaryDirectory() as folder:
        pacs = Orthanc(Path(folder), free_port())
        pacs.start()
        try:
            return send(pacs.port, shares, pacs.ae_title)
        finally:
            pacs.kill()


def osteoscreen(shares: list[list[Path]]) -> float:
    """Measure OsteoScreen: two ingest processes, with idle deliver and maintenance roles."""
    with tempfile.TemporaryDirectory() as folder:
        node = Node(Path(folder), free_port())
        node.serve("ingest", "ingest", "deliver", "maintenance")
        try:
            return send(node.port, shares, AE_TITLE)
        finally:
            node.kill()


def disk(shares: list[list[Path]]) -> float:
    """Measure only the durable writes, one film after the other."""
    films = [film for share in shares for film in share]
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.closing(sqlite3.connect(Path(folder) / "films.db")) as table,
    ):
        table.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;")
        table.execute("CREATE TABLE film (name TEXT)")
        start = perf_counter()
        for film in films:
            store(film, Path(folder))
            table.execute("INSERT INTO film VALUES (?)", (film.name,))
            table.commit()
        return perf_counter() - start


def store(film: Path, folder: Path) -> None:
    """Write, sync and rename the film, and sync its folder."""
    temporary = folder / "temporary"
    with temporary.open("wb") as file:
        with film.open("rb") as source:
            shutil.copyfileobj(source, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(folder / film.name)
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


@contextlib.contextmanager
def running(command: list[str]) -> Iterator[None]:
    """Run a receiver during the block, and end it afterwards."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def report(seconds: dict[str, list[float]], films: int, senders: int) -> None:
    """Print the median throughputs, and the medians of the time ratios of each round."""
    table = Table(
        "receiver",
        "films/s (median)",
        "time / OsteoScreen's time",
        title=(
            f"{films} films of {SHIPPED_FILM.stat().st_size / 1e6:.1f} MB from {senders} senders"
        ),
    )
    for name, measured in seconds.items():
        ratios = [a / b for a, b in zip(measured, seconds["OsteoScreen"], strict=True)]
        table.add_row(name, f"{films / median(measured):.1f}", f"{median(ratios):.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
