"""`osteoscreen demo`: run a node with a local archive, and send one film to the node."""

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import yaml
from PIL import Image
from pydicom import dcmread
from rich.console import Console
from rich.table import Table
from rich.text import Text

from node.config.settings import Config, load
from node.demo import modality
from node.demo.archive import AE_TITLE as ARCHIVE
from node.demo.archive import local_archive
from node.display.disclaimer import print_disclaimer
from node.domain.errors import Misconfigured, OsteoScreenError
from node.domain.workflow.delivery import ResultKind
from node.domain.workflow.job import FINAL_JOB_STATES, JobState
from node.domain.workflow.job_summary import JobDetail, summarise
from node.runtime.factories import open_operator_store

SHIPPED_FILM = Path(__file__).parent / "film.dcm"
_START_SECONDS = 60.0
_JOB_SECONDS = 300.0
_POLL_SECONDS = 0.1
_ENDED = FINAL_JOB_STATES | {JobState.FAILED}


def run_demo(film: Path | None, out: Path) -> int:
    """Send a film through the node and write the results to `out`; return the exit status."""
    console = Console()
    path = film or SHIPPED_FILM
    ds = modality.read_film(path)
    _prepare(out)
    with (
        tempfile.TemporaryDirectory(prefix="osteoscreen-demo-") as work,
        console.status("starting the node") as status,
    ):
        folder = Path(work)
        stored = folder / "archive"
        stored.mkdir()
        with local_archive(stored) as archive_port:
            file, config = _configure(folder, archive_port)
            with _serving(file, folder / "node.log"):
                _await_node(config, folder / "node.log")
                status.update("sending the film")
                modality.send(ds, _node(config))
                status.update("waiting for the results")
                detail = _await_job(config, str(ds.SOPInstanceUID))
        summary = summarise(detail)
        _collect(detail, stored, out)
    (out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    _print_summary(console, path, summary, out)
    return 0 if detail.job.state is JobState.DONE else 1


def _prepare(out: Path) -> None:
    """Create the folder and delete the results of an earlier run."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in ("report.dcm", "heatmap.dcm", "heatmap.png", "summary.json"):
            (out / name).unlink(missing_ok=True)
    except OSError as error:
        raise Misconfigured(f"--out: {out}: {error.strerror}; name a writable folder") from None


def _configure(folder: Path, archive_port: int) -> tuple[Path, Config]:
    """Write the configuration of a node in this folder."""
    sections: dict[str, Any] = {
        "dicom": {"port": _free_port(), "processes": 1},
        "destinations": [
            {"name": "archive", "ae_title": ARCHIVE, "host": "127.0.0.1", "port": archive_port}
        ],
        "database": {"url": "sqlite:///osteoscreen.db"},
        "spool": {"path": "spool", "min_free": "10MB"},
        "model": {"decoders": 1},
        "queue": {"poll": 0.05},
        "policy": {"admit": {"study_wait": 0.0}},  # no other film of the study follows
    }
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump(sections))
    return file, load(file)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _serving(file: Path, log: Path) -> Iterator[None]:
    """Run `osteoscreen serve` with this configuration and write its log to a file."""
    command = [sys.executable, "-m", "node.cli", "serve", "--config", str(file)]
    with log.open("wb") as stream:
        process = subprocess.Popen(command, stderr=stream, env=os.environ)  # noqa: S603
        try:
            yield
        finally:
            process.terminate()
            process.wait()


def _node(config: Config) -> modality.NodeAddress:
    return modality.NodeAddress(config.dicom.ae_title, config.dicom.port)


def _await_node(config: Config, log: Path) -> None:
    deadline = monotonic() + _START_SECONDS
    while not modality.echo(_node(config)):
        if monotonic() > deadline:
            lines = log.read_text(errors="replace").strip().splitlines()
            raise OsteoScreenError("the node did not start: " + (lines[-1] if lines else "no log"))
        sleep(_POLL_SECONDS)


def _await_job(config: Config, sop_instance_uid: str) -> JobDetail:
    store = open_operator_store(config)
    job_id = store.find(sop_instance_uid)
    deadline = monotonic() + _JOB_SECONDS
    while (detail := store.show(job_id)).job.state not in _ENDED:
        if monotonic() > deadline:
            raise OsteoScreenError(
                f"no result after {_JOB_SECONDS:.0f} s: the job is {detail.job.state}"
            )
        sleep(_POLL_SECONDS)
    return detail


def _collect(detail: JobDetail, stored: Path, out: Path) -> None:
    """Copy the received results to `out`, and write the heatmap as PNG."""
    for delivery in detail.deliveries:
        received = stored / f"{delivery.sop_instance_uid}.dcm"
        if received.is_file():
            (out / f"{delivery.kind}.dcm").write_bytes(received.read_bytes())
    heatmap = out / f"{ResultKind.HEATMAP}.dcm"
    if heatmap.is_file():
        Image.fromarray(dcmread(heatmap).pixel_array).save(out / "heatmap.png")


def _print_summary(console: Console, film: Path, summary: dict[str, Any], out: Path) -> None:
    """Print the state, the duration of each stage, the score, the threshold and the files."""
    table = Table.grid(padding=(0, 2))
    table.add_row("film", Text(str(film)))
    table.add_row("state", Text(_state(summary)))
    for stage, seconds in summary["seconds"].items():
        table.add_row(f"  {stage}", f"{seconds:8.3f} s")
    if summary["model"] is not None:
        model, score = summary["model"], summary["probability"][summary["used"]]
        verdict = "flagged" if summary["flagged"] else "not flagged"
        table.add_row("score", f"{score:.3f} ({summary['used']} model)")
        table.add_row("threshold", f"{summary['threshold']:.3f}: {verdict}")
        table.add_row("model", f"{model['name']} {model['version']}, for {model['intended_use']}")
    for path in sorted(out.glob("*.*")):
        table.add_row("file", Text(str(path)))
    console.print(table)
    print_disclaimer(console, [summary["model"]["intended_use"]] if summary["model"] else [])


def _state(summary: dict[str, Any]) -> str:
    details = [summary[key] for key in ("reason", "error") if summary[key]]
    return " - ".join([summary["state"], *details])
