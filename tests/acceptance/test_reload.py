"""A reload puts a changed configuration into effect and loses nothing."""

import os
import re
import shutil
import signal
import socket
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import Comprehensive3DSRStorage
from pynetdicom import AE
from pynetdicom.sop_class import Verification

from node.domain.workflow.job import Job, JobState
from tests.peers.audit import read
from tests.peers.bundles import DEMO_BUNDLE
from tests.peers.command import assert_fails, osteoscreen
from tests.peers.committing import CommittingPacs
from tests.peers.dcmtk import dcmsend
from tests.peers.node import AE_TITLE, ENDED, Node
from tests.peers.orthanc import Orthanc
from tests.peers.waiting import free_port, wait_until
from tests.support.films import copy_to_new_study, make_small_film, write_to_new_study

pytestmark = pytest.mark.tools("dcmsend", "echoscu", "Orthanc")

MakeNode = Callable[..., Node]
LOW, HIGH = 0.125, 0.875
ASSOCIATIONS, FILMS_EACH = 4, 50
PAUSE = 0.3  # seconds between two films of an association, which lasts as long as the reloads


def reload(node: Node) -> Any:
    return osteoscreen("reload", "--config", node.file)


def set_threshold(node: Node, threshold: float | str) -> None:
    """Write a threshold into the file; return when every process has been replaced."""
    node.set(policy={"threshold": threshold})
    result = reload(node)
    assert (result.returncode, result.stderr) == (0, ""), result.stdout


def send(node: Node, films: list[Path], port: int = 0) -> list[str]:
    """Send films over one association; return their SOP Instance UIDs once all are acknowledged."""
    assert dcmsend(port or node.port, *films, called_ae=AE_TITLE).succeeded
    return [str(dcmread(film, stop_before_pixels=True).SOPInstanceUID) for film in films]


def threshold_of(job: Job) -> float:
    assert job.verdict is not None
    return job.verdict.decision.threshold


def reports_of(orthanc: Orthanc) -> dict[str, list[str]]:
    """Return the texts of the reports in the PACS, by the study of the film."""
    reports: dict[str, list[str]] = {}
    for instance in orthanc.instances():
        if instance.sop_class_uid == Comprehensive3DSRStorage:
            report = dcmread(BytesIO(orthanc.file(instance.id)))
            text = "\n".join(str(item.value) for item in report.iterall() if item.VR == "UT")
            reports.setdefault(instance.study_instance_uid, []).append(text)
    return reports


def reported_thresholds(orthanc: Orthanc) -> dict[str, list[float]]:
    """Return the thresholds that the reports in the PACS state, by the study of the film."""
    return {
        study: [float(re.findall(r"decision threshold = ([\d.]+)", text)[0]) for text in texts]
        for study, texts in reports_of(orthanc).items()
    }


def films_of_studies(count: int) -> list[Dataset]:
    """Return small films, each in its own study."""
    film = make_small_film()
    return [copy_to_new_study(film) for _ in range(count)]


def send_slowly(node: Node, films: Sequence[Dataset]) -> list[int]:
    """Send films over one association, with pauses; return the status of each film."""
    ae = AE("MODALITY")
    ae.add_requested_context(films[0].SOPClassUID, films[0].file_meta.TransferSyntaxUID)
    association = ae.associate("127.0.0.1", node.port, ae_title=AE_TITLE)
    assert association.is_established
    statuses = []
    for film in films:
        statuses.append(int(association.send_c_store(film).Status))
        threading.Event().wait(PAUSE)
    association.release()
    return statuses


def count_refusals(node: Node, stop: threading.Event) -> Counter[bool]:
    """Open one association after another until `stop` is set; count the refused associations."""
    refused: Counter[bool] = Counter()
    while not stop.is_set():
        ae = AE("PROBE")
        ae.add_requested_context(Verification)
        association = ae.associate("127.0.0.1", node.port, ae_title=AE_TITLE)
        refused[not association.is_established] += 1
        if association.is_established:
            assert association.send_c_echo().Status == 0x0000
            association.release()
        stop.wait(0.05)
    return refused


def test_three_reloads_under_load_refuse_no_association_and_lose_no_film(
    make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any]
) -> None:
    """200 films arrive on 4 associations while the threshold changes three times.

    During the reloads, more associations are opened. Each film ends with exactly one report, which
    states the threshold of the job's decision.
    """
    films = films_of_studies(ASSOCIATIONS * FILMS_EACH)
    node = make_node(destinations=[destination | {"send": ["report"]}], policy={"threshold": LOW})
    node.serve()
    stop = threading.Event()
    with ThreadPoolExecutor(ASSOCIATIONS + 1) as pool:
        probe = pool.submit(count_refusals, node, stop)
        senders = [
            pool.submit(send_slowly, node, films[i::ASSOCIATIONS]) for i in range(ASSOCIATIONS)
        ]
        for threshold in (HIGH, LOW, HIGH):
            set_threshold(node, threshold)
        statuses = [status for sender in senders for status in sender.result()]
        stop.set()
    assert statuses == [0x0000] * len(films)
    assert probe.result()[True] == 0
    assert probe.result()[False] > 20
    jobs = node.wait_all(len(films), timeout=300)
    assert {job.state for job in jobs} == {JobState.DONE}
    assert {threshold_of(job) for job in jobs} == {LOW, HIGH}
    assert reported_thresholds(orthanc) == {
        job.film.study_instance_uid: [threshold_of(job)] for job in jobs
    }


def refuses_connections(port: int) -> bool:
    """Return whether no process listens on a port."""
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_changed_port_language_and_destination_take_effect(
    make_node: MakeNode,
    orthanc: Orthanc,
    destination: dict[str, Any],
    committing_pacs: CommittingPacs,
    films: list[Path],
) -> None:
    """The old port is closed, and only the new PACS gets a report, which is in Chinese."""
    node = make_node(destinations=[committing_pacs.destination])
    committing_pacs.start()
    node.serve()
    node.wait_ended(send(node, films[:1]))
    stored = len(committing_pacs.stored)
    old_port, new_port = node.port, free_port()
    node.set(
        dicom={"port": new_port, "processes": 1},
        results={"language": "zh"},
        destinations=[destination],
    )
    result = reload(node)
    assert (result.returncode, result.stderr) == (0, "")
    assert f"dicom.port from {old_port} to {new_port}" in result.stdout
    wait_until(lambda: [role for role, _ in node.processes()].count("ingest"), lambda n: n == 1, 60)
    wait_until(lambda: refuses_connections(old_port), timeout=30)
    [job] = node.wait_ended(send(node, films[1:2], new_port))
    assert (job.state, len(committing_pacs.stored)) == (JobState.DONE, stored)
    [text] = reports_of(orthanc)[job.film.study_instance_uid]
    assert re.search("[\u4e00-\u9fff]", text)


def test_a_changed_spool_and_job_table_take_effect(make_node: MakeNode, films: list[Path]) -> None:
    """The command finds the node in the new spool, and the new job table gets its schema."""
    node = make_node()
    node.serve()
    first = send(node, films[:1])
    assert {job.state for job in node.wait_ended(first)} == {JobState.DONE}
    node.set(spool={"path": "other-spool"}, database={"url": "sqlite:///other.db"})
    result = reload(node)
    assert (result.returncode, result.stderr) == (0, "")
    assert re.search(r'spool\.path from ".*/spool" to ".*/other-spool"', result.stdout)
    assert node.jobs() == []
    second = send(node, films[1:2])
    assert {job.state for job in node.wait_ended(second)} == {JobState.DONE}
    assert node.spooled(second[0]).is_relative_to(node.file.parent / "other-spool")


def test_an_unsound_file_changes_nothing_and_the_command_names_the_key(
    make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any], films: list[Path]
) -> None:
    """The file has an unknown key, an unknown operating point, a missing font, or an occupied port.

    A role that ends while the file is invalid starts again with the last valid configuration.
    """
    node = make_node(destinations=[destination], policy={"threshold": LOW})
    node.serve()
    before, operator = node.processes(), node.operator_store()
    for section, *messages in (
        ({"policy": {"threshold": "lucky"}}, "policy.threshold", "'lucky'", "youden"),
        ({"results": {"font": "/nowhere.ttf"}}, "results.font /nowhere.ttf"),
        ({"dicom": {"port": orthanc.port}}, "dicom.port: cannot listen on"),
        ({"model": {"bundle": "./nowhere"}}, "model.bundle"),
        ({"policy": {"treshold": HIGH}}, "policy.treshold: unknown key"),
    ):
        node.set(**({"policy": {}, "results": {}, "dicom": {}, "model": {}} | section))
        assert_fails(reload(node), 2, *messages)
    assert node.processes() == before
    os.kill(node.process_of("analyse"), signal.SIGKILL)
    [uid] = send(node, films[:1])
    job = wait_until(
        lambda: operator.show(operator.find(uid)).job, lambda job: job.state in ENDED, 120
    )
    assert (job.state, threshold_of(job)) == (JobState.DONE, LOW)


def test_a_role_that_cannot_start_is_reported_and_the_others_are_replaced(
    make_node: MakeNode, orthanc: Orthanc, film: Path, destination: dict[str, Any], tmp_path: Path
) -> None:
    """A damaged bundle is noticed when its weights are loaded, but films are still received.

    When the bundle is repaired, the role starts, and the next reload reports that the role runs.
    """
    bundle = tmp_path / "bundle"
    shutil.copytree(DEMO_BUNDLE, bundle)
    weights = bundle / "weights.safetensors"
    intact = weights.read_bytes()
    weights.write_bytes(intact[:-1])
    node = make_node(destinations=[destination])
    node.serve()
    node.set(model={"bundle": str(bundle)})
    result = reload(node)
    assert (result.returncode, result.stderr) == (1, "")
    assert re.search(r"^analyse.*: model\.bundle", result.stdout, re.MULTILINE)
    assert re.search(r"^deliver, process \d+: replaced$", result.stdout, re.MULTILINE)
    uids = send(node, [film])
    weights.write_bytes(intact)
    assert [job.state for job in node.wait_ended(uids)] == [JobState.DONE]
    result = reload(node)
    assert (result.returncode, result.stderr) == (0, ""), result.stdout


def test_the_audit_trail_has_each_request_with_values_and_who_requested_it(
    make_node: MakeNode,
) -> None:
    """The record has the requester (user, SIGHUP or changed file), and old and new values."""
    node = make_node(policy={"threshold": LOW}, audit={"file": "audit.log"})
    node.serve()
    trail = node.file.parent / "audit.log"

    def changes() -> list[tuple[str, str]]:
        records = [record for record in read(trail) if record.kind == "Software Configuration"]
        return [(record.participants[1]["UserID"], record.description) for record in records]

    node.set(policy={"threshold": HIGH})
    wait_until(lambda: len(changes()), lambda n: n == 1, 60, "a change")
    assert changes() == [("file change", f"changed: policy.threshold from {LOW} to {HIGH}")]
    node.set(policy={"threshold": LOW})
    node.started[0].send_signal(signal.SIGHUP)
    wait_until(lambda: len(changes()), lambda n: n == 2, 60, "a second change")
    assert changes()[1][0] in ("SIGHUP", "file change")  # the watcher or the signal may be first
    result = osteoscreen("reload", "--json", "--config", node.file)
    assert '"role": "analyse"' in result.stdout


def test_a_role_that_runs_alone_executes_itself_again(
    make_node: MakeNode, film: Path, tmp_path: Path
) -> None:
    """The role keeps its process ID and its port, and applies the new admission policy."""
    node = make_node(policy={"admit": {"views": ["PA", "AP"]}})
    node.serve("ingest")
    [admitted] = send(node, [write_to_new_study(film, tmp_path / "admitted.dcm")])
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        probe = pool.submit(count_refusals, node, stop)
        node.set(policy={"admit": {"min_age": 120}})
        result = reload(node)
        stop.set()
    assert (result.returncode, result.stderr) == (0, "")
    assert "policy.admit.min_age from 50.0 to 120.0" in result.stdout
    pid = node.started[0].pid
    assert re.search(rf"^ingest, process {pid}: replaced$", result.stdout, re.MULTILINE)
    assert probe.result()[True] == 0
    [refused] = send(node, [write_to_new_study(film, tmp_path / "refused.dcm")])
    states = [node.job_detail(uid).job.state for uid in (admitted, refused)]
    assert states == [JobState.RECEIVED, JobState.REJECTED]
    assert node.stop() == [0]


def test_an_unchanged_file_replaces_no_process(make_node: MakeNode) -> None:
    node = make_node()
    node.serve()
    before = node.processes()
    result = reload(node)
    assert (result.returncode, result.stderr) == (0, "")
    assert "unchanged since the start" in result.stdout
    assert node.processes() == before


def test_without_a_node_the_command_says_so(make_node: MakeNode) -> None:
    assert_fails(reload(make_node()), 1, "no node on this machine reads")
