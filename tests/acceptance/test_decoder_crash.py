"""A film that crashes its decoder in each attempt fails, and other films are analysed."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.uid import RLELossless

from node.domain.workflow.job import JobState
from tests.peers.node import ENDED, Node
from tests.peers.orthanc import Orthanc
from tests.peers.waiting import wait_until
from tests.support.films import make_film, write_film, write_to_new_study

pytestmark = pytest.mark.tools("dcmsend", "Orthanc")


def decoders(node: Node) -> Iterator[int]:
    """Yield the process IDs of the decoders."""
    analyse_pid = node.process_of("analyse")
    for thread in Path(f"/proc/{analyse_pid}/task").iterdir():
        yield from map(int, (thread / "children").read_text().split())


def test_a_crashing_film_fails_after_its_attempts_and_affects_no_other(
    make_node: Callable[..., Node],
    orthanc: Orthanc,
    destination: dict[str, Any],
    film: Path,
    tmp_path: Path,
) -> None:
    """A signal ends the decoder process, as a codec fault does; the analyse role continues."""
    retry = {"attempts": 2, "first": 0.1, "cap": 0.1}
    node = make_node(destinations=[destination], queue={"analysis": retry})
    node.serve()
    analyse_pid = node.process_of("analyse")
    large = write_film(make_film(syntax=RLELossless, side=10_000), tmp_path / "large.dcm")
    fatal = str(dcmread(large, stop_before_pixels=True).SOPInstanceUID)
    node.send(large)

    def ended() -> bool:
        job = node.job_detail(fatal).job
        if job.state is JobState.ANALYSING:
            for pid in decoders(node):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSEGV)
        return job.state in ENDED

    wait_until(ended, timeout=120, goal="end of the film's attempts")
    job = node.job_detail(fatal).job
    assert (job.state, job.attempt) == (JobState.FAILED, 2)
    assert job.error == "the decoder crashed (SIGSEGV) on this film"

    copies = [write_to_new_study(film, tmp_path / f"film{number}.dcm") for number in range(3)]
    uids = node.send(*copies)
    assert [job.state for job in node.wait_ended(uids)] == [JobState.DONE] * 3
    assert node.process_of("analyse") == analyse_pid
