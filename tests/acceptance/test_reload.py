"""A changed configuration takes effect in the running node, loses nothing, and is told."""

import os
import re
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.uid import Comprehensive3DSRStorage, generate_uid

from node.domain.workflow.job import Job, JobState
from tests.peers.audit import read
from tests.peers.command import assert_one_clear_line, osteoscreen
from tests.peers.dcmtk import dcmsend
from tests.peers.node import AE_TITLE, ENDED, Node
from tests.peers.orthanc import Orthanc
from tests.peers.waiting import wait_until
from tests.support.peer_films import renamed

pytestmark = pytest.mark.tools("dcmsend", "echoscu", "Orthanc")

MakeNode = Callable[..., Node]
LOW, HIGH = 0.125, 0.875


def reload(node: Node) -> Any:
    return osteoscreen("reload", "--config", node.file)


def set_threshold(node: Node, threshold: float | str) -> None:
    """Write it into the file, and return once every role works by it."""
    node.set(policy={"threshold": threshold})
    done = reload(node)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def send(node: Node, films: list[Path]) -> list[str]:
    """Send films over one association; return their SOP Instance UIDs once all are acknowledged."""
    assert dcmsend(node.port, *films, called_ae=AE_TITLE).succeeded
    return [str(dcmread(film, stop_before_pixels=True).SOPInstanceUID) for film in films]


def judged_by(job: Job) -> float:
    assert job.verdict is not None
    return job.verdict.decision.threshold


def reported(orthanc: Orthanc) -> dict[str, list[float]]:
    """Return the thresholds that the reports in the PACS state, by the film's study."""
    found: dict[str, list[float]] = {}
    for one in orthanc.instances():
        if one.sop_class_uid == Comprehensive3DSRStorage:
            report = dcmread(BytesIO(orthanc.file(one.id)))
            texts = "\n".join(str(item.value) for item in report.iterall() if item.VR == "UT")
            [stated] = re.findall(r"decision threshold = ([\d.]+)", texts)
            found.setdefault(one.study_instance_uid, []).append(float(stated))
    return found


def test_a_reload_under_load_loses_nothing(
    make_node: MakeNode,
    orthanc: Orthanc,
    destination: dict[str, Any],
    film: Path,
    tmp_path: Path,
) -> None:
    """Films from several associations, while the threshold goes back and forth.

    Each film ends with exactly one report, which states the threshold that its job was judged by.
    What comes after a reload is judged by what it has put in force.
    """
    made = [
        renamed(film, tmp_path / f"load{number}.dcm", StudyInstanceUID=generate_uid())
        for number in range(14)
    ]
    node = make_node(destinations=[destination], policy={"threshold": LOW})
    node.serve()
    first = send(node, made[:2])
    assert {judged_by(job) for job in node.wait_ended(first)} == {LOW}
    with ThreadPoolExecutor(3) as modalities:
        sending = [modalities.submit(send, node, made[at : at + 3]) for at in (2, 5, 8)]
        for threshold in (HIGH, LOW, HIGH):
            set_threshold(node, threshold)
        between = [uid for one in sending for uid in one.result()]
    last = send(node, made[11:])
    assert {judged_by(job) for job in node.wait_ended(last)} == {HIGH}
    jobs = node.wait_ended(first + between + last)
    assert {job.state for job in jobs} == {JobState.DONE}
    assert {judged_by(job) for job in jobs} == {LOW, HIGH}
    assert reported(orthanc) == {job.film.study_instance_uid: [judged_by(job)] for job in jobs}


def test_an_unsound_file_changes_nothing_and_the_command_says_why(
    make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any], films: list[Path]
) -> None:
    """Neither a key that does not exist, nor a name that the model's card does not have.

    A role that dies meanwhile is started again by what is in force.
    """
    node = make_node(destinations=[destination], policy={"threshold": LOW})
    node.serve()
    desk = node.desk()
    node.set(policy={"threshold": "lucky"})
    assert_one_clear_line(reload(node), 2, "policy.threshold", "'lucky'", "youden")
    node.set(policy={"treshold": HIGH})
    assert_one_clear_line(reload(node), 2, "policy.treshold: unknown key")
    os.kill(node.process_of("analyse"), signal.SIGKILL)
    [uid] = send(node, films[:1])
    job = wait_until(lambda: desk.show(desk.find(uid)).job, lambda job: job.state in ENDED, 120)
    assert (job.state, judged_by(job)) == (JobState.DONE, LOW)
    set_threshold(node, HIGH)
    [job] = node.wait_ended(send(node, films[1:2]))
    assert judged_by(job) == HIGH


def test_each_way_of_asking_has_its_name_in_the_trail(make_node: MakeNode) -> None:
    """A user, a signal, a file that was changed; with the value before and after."""
    node = make_node(policy={"threshold": LOW}, audit={"file": "audit.log"})
    node.serve()
    trail = node.file.parent / "audit.log"

    def changes() -> list[tuple[str, str]]:
        found = [one for one in read(trail) if one.kind == "Software Configuration"]
        return [(one.participants[1]["UserID"], one.description) for one in found]

    node.set(policy={"threshold": HIGH})
    wait_until(lambda: len(changes()), lambda n: n == 1, 60, "a change")
    [(who, what)] = changes()
    assert who == "file change"
    assert what == f"changed: policy.threshold from {LOW} to {HIGH}"
    node.set(policy={"threshold": LOW})
    node.started[0].send_signal(signal.SIGHUP)
    wait_until(lambda: len(changes()), lambda n: n == 2, 60, "a second change")
    assert changes()[1][0] in ("SIGHUP", "file change")  # whichever was first to see it
    done = osteoscreen("reload", "--json", "--config", node.file)
    assert '"role": "analyse"' in done.stdout


def test_roles_that_are_run_alone_take_it_up_too(
    make_node: MakeNode, film: Path, tmp_path: Path
) -> None:
    """Admission is ingest's: the next film meets the new one."""
    node = make_node(policy={"admit": {"views": ["PA", "AP"]}})
    node.serve("ingest")
    [admitted] = send(node, [renamed(film, tmp_path / "one.dcm")])
    node.set(policy={"admit": {"min_age": 120}})
    assert reload(node).returncode == 0
    [refused] = send(node, [renamed(film, tmp_path / "two.dcm")])
    states = [node.dossier(uid).job.state for uid in (admitted, refused)]
    assert states == [JobState.RECEIVED, JobState.REJECTED]


def test_without_a_node_the_command_says_so(make_node: MakeNode) -> None:
    assert_one_clear_line(reload(make_node()), 1, "no node on this machine reads")


def test_what_waits_for_a_restart_is_said_and_not_done(make_node: MakeNode) -> None:
    """And the rest of the file is in force."""
    node = make_node()
    node.serve()
    node.set(dicom={"port": node.port, "ae_title": "OTHER"}, retention={"films": "1d"})
    done = reload(node)
    assert done.returncode == 0
    assert re.search(r"retention\.films from \"P7D\" to \"P1D\"", done.stdout)
    assert re.search(r"waits for a restart\n +dicom\.ae_title", done.stdout)
    assert node.stop() == [0]
