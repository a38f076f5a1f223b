"""Measure latency from acknowledgement to results in the PACS, and throughput of a full queue.

    python -m bench.node [--films 20]

One node runs on the CPU of this machine, with Orthanc as the PACS. First, films are sent one after
the other to an idle node; the table gives the median seconds of each stage. Then all films are sent
together; the result is the number of films per minute.
"""

import argparse
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from pydicom import dcmread
from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench.ingest import make_films
from node.domain.workflow.job import JobState
from node.domain.workflow.job_summary import summarise
from tests.peers.dcmtk import dcmsend
from tests.peers.node import AE_TITLE, Node
from tests.peers.orthanc import Orthanc
from tests.peers.waiting import free_port

STAGES = ("wait", "decode", "gate", "predict", "results", "deliver", "total")


def main() -> None:
    """Measure latency and throughput, and print both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--films", type=int, default=20)
    count = parser.parse_args().films
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        port = free_port()
        pacs = Orthanc(folder, port)
        pacs.start()
        node = Node(
            folder / "node",
            port,
            queue={"poll": 0.05},
            destinations=[
                {"name": "pacs", "ae_title": "ORTHANC", "host": "127.0.0.1", "port": pacs.port}
            ],
        )
        node.serve()
        try:
            films = make_films(folder, 2 * count + 1)
            one_by_one(node, films[:1])  # warm-up: the first film waits for the model
            stages = one_by_one(node, films[1 : count + 1])
            report(stages, all_together(node, films[count + 1 :]))
        finally:
            node.stop()
            pacs.kill()


def one_by_one(node: Node, films: list[Path]) -> list[dict[str, Any]]:
    """Send films one after the other; return the seconds of the stages for each film."""
    return [send(node, film) for film in track(films, "one by one")]


def send(node: Node, film: Path) -> dict[str, Any]:
    """Send a film, wait until its job is done, and return the seconds of its stages."""
    dcmsend(node.port, film, called_ae=AE_TITLE)
    uid = str(dcmread(film, stop_before_pixels=True).SOPInstanceUID)
    job_detail = node.wait_for(uid, lambda summary: summary.job.state is JobState.DONE)
    stages: dict[str, Any] = summarise(job_detail)["seconds"]
    return stages


def all_together(node: Node, films: list[Path]) -> float:
    """Send all films in one association; return the films per minute."""
    before = len(node.jobs())
    start = perf_counter()
    dcmsend(node.port, *films, called_ae=AE_TITLE)
    node.wait_all(before + len(films), timeout=600)
    return 60 * len(films) / (perf_counter() - start)


def report(films: list[dict[str, Any]], per_minute: float) -> None:
    """Print the median seconds of the stages, and the throughput."""
    table = Table(*STAGES, title=f"seconds, median of {len(films)} films")
    table.add_row(*(f"{median(film[stage] for film in films):.3f}" for stage in STAGES))
    Console().print(table)
    Console().print(f"queue of films: {per_minute:.0f} films per minute")


if __name__ == "__main__":
    main()
