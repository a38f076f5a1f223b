"""How long a film takes from its acknowledgement to its results in the PACS, stage by stage.

    python -m bench.node [--films 20]

One node on this machine's processor, Orthanc as the PACS. `one` is the seconds of each stage for
films sent one after the other to an idle node, medians; `many` is what a queue of films that all
wait at once gets through.
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

STAGES = ("wait", "decode", "look", "predict", "results", "deliver", "total")


def main() -> None:
    """Measure, and print both tables."""
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
            destinations=[
                {"name": "pacs", "ae_title": "ORTHANC", "host": "127.0.0.1", "port": pacs.port}
            ],
        )
        node.serve()
        try:
            films = make_films(folder, 2 * count + 1)
            one_by_one(node, films[:1])  # the first also waits for the model to be loaded
            report(one_by_one(node, films[1 : count + 1]), all_at_once(node, films[count + 1 :]))
        finally:
            node.stop()
            pacs.kill()


def one_by_one(node: Node, films: list[Path]) -> list[dict[str, Any]]:
    """Send each film when the one before is done; return the stages of each."""
    return [send(node, film) for film in track(films, "one by one")]


def send(node: Node, film: Path) -> dict[str, Any]:
    """Send a film, wait until it is done, and return the seconds of its stages."""
    dcmsend(node.port, film, called_ae=AE_TITLE)
    uid = str(dcmread(film, stop_before_pixels=True).SOPInstanceUID)
    dossier = node.wait_for(uid, lambda seen: seen.job.state is JobState.DONE)
    stages: dict[str, Any] = summarise(dossier)["seconds"]
    return stages


def all_at_once(node: Node, films: list[Path]) -> float:
    """Send every film in one association; return the films done in a minute."""
    before = len(node.jobs())
    began = perf_counter()
    dcmsend(node.port, *films, called_ae=AE_TITLE)
    node.wait_all(before + len(films), timeout=600)
    return 60 * len(films) / (perf_counter() - began)


def report(one: list[dict[str, Any]], per_minute: float) -> None:
    """Print the medians of the stages, and the throughput."""
    table = Table(*STAGES, title=f"seconds, median of {len(one)} films")
    table.add_row(*(f"{median(film[stage] for film in one):.3f}" for stage in STAGES))
    Console().print(table)
    Console().print(f"many at once: {per_minute:.0f} films a minute")


if __name__ == "__main__":
    main()
