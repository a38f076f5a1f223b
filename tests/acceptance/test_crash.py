"""The whole node is ended by SIGKILL in every state of a job and of a delivery.

Each acknowledged film gives one report and one heatmap in the PACS.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.uid import Comprehensive3DSRStorage, SecondaryCaptureImageStorage

from node.domain.workflow.delivery import DeliveryState
from node.domain.workflow.job import JobState
from node.domain.workflow.job_summary import JobDetail
from node.workers.loop import utc_now
from tests.peers.node import Node
from tests.peers.orthanc import Orthanc
from tests.support.films import write_to_new_study

pytestmark = pytest.mark.tools("dcmsend", "Orthanc")

MakeNode = Callable[..., Node]


def assert_delivered_once(node: Node, orthanc: Orthanc, film: Path) -> None:
    """Start the node again; check for one report and one heatmap in the film's study."""
    node.serve()
    ds = dcmread(film, stop_before_pixels=True)
    [job] = node.wait_ended([ds.SOPInstanceUID])
    assert job.state is JobState.DONE, (job.error, node.log())
    classes = sorted(i.sop_class_uid for i in orthanc.study_instances(ds.StudyInstanceUID))
    assert classes == sorted([SecondaryCaptureImageStorage, Comprehensive3DSRStorage])
    assert orthanc.count() == 2


def all_in(*states: DeliveryState) -> Callable[[JobDetail], bool]:
    """Return whether a job has deliveries, all in one of these states."""
    return lambda detail: (
        bool(detail.deliveries) and {d.state for d in detail.deliveries} <= set(states)
    )


def test_kill_in_received(
    make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any], film: Path
) -> None:
    """The job is RECEIVED after the film was acknowledged."""
    node = make_node(destinations=[destination])
    node.serve("ingest")
    [uid] = node.send(film)
    assert node.job_detail(uid).job.state is JobState.RECEIVED
    node.kill()
    assert_delivered_once(node, orthanc, film)


def test_kill_in_analysing(
    make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any], film: Path
) -> None:
    """After the kill, the lease expires, and another worker claims the film."""
    node = make_node(destinations=[destination])
    node.serve("ingest", "analyse")
    [uid] = node.send(film)
    node.wait_for(uid, lambda detail: detail.job.state is JobState.ANALYSING)
    node.kill()
    assert node.job_detail(uid).job.state is JobState.ANALYSING
    assert_delivered_once(node, orthanc, film)
    assert node.job_detail(uid).job.attempt == 2


def test_kill_in_analysed_while_the_pacs_is_down(
    make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any], film: Path
) -> None:
    """The deliveries are PENDING, and the results stay in the spool until the PACS works again."""
    orthanc.stop()
    node = make_node(destinations=[destination])
    node.serve()
    [uid] = node.send(film)
    node.wait_for(uid, lambda detail: any(d.attempt > 1 for d in detail.deliveries))
    node.kill()
    assert node.job_detail(uid).job.state is JobState.ANALYSED
    orthanc.start()
    assert_delivered_once(node, orthanc, film)


def test_kill_in_sending(
    make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any], film: Path
) -> None:
    """The PACS hangs and has received nothing, so every object is sent again."""
    node = make_node(destinations=[destination | {"timeout": 600}])
    orthanc.freeze()
    node.serve()
    [uid] = node.send(film)
    node.wait_for(uid, all_in(DeliveryState.SENDING))
    node.kill()
    assert node.job_detail(uid).job.state is JobState.ANALYSED
    orthanc.thaw()
    assert_delivered_once(node, orthanc, film)


def test_kill_when_the_first_result_arrives(
    make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any], film: Path
) -> None:
    """The kill may prevent a record of the delivery, but sending again creates no second object."""
    node = make_node(destinations=[destination])
    node.serve()
    node.send(film)
    orthanc.wait_for(lambda detail: len(detail) >= 1, timeout=90)
    node.kill()
    assert_delivered_once(node, orthanc, film)


def test_kill_in_awaiting_commitment(
    make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any], film: Path
) -> None:
    """The killed node missed the commitment report and requests the commitment again."""
    node = make_node(destinations=[destination | {"commitment": True, "commitment_timeout": 5}])
    node.serve("ingest")
    [uid] = node.send(film)
    node.stop()
    node.serve("analyse", "deliver")  # without ingest, the node cannot receive the report
    node.wait_for(uid, all_in(DeliveryState.AWAITING_COMMITMENT))
    node.kill()
    assert_delivered_once(node, orthanc, film)
    moves = [h.event for h in node.job_detail(uid).history if h.delivery_id is not None]
    assert moves.count("expire") == 2
    assert moves.count("commit") == 2


def test_kill_in_done(
    make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any], film: Path
) -> None:
    """After the restart of the node, nothing is sent again."""
    node = make_node(destinations=[destination])
    node.serve()
    [uid] = node.send(film)
    node.wait_for(uid, lambda detail: detail.job.state is JobState.DONE)
    history = node.job_detail(uid).history
    node.kill()
    assert_delivered_once(node, orthanc, film)
    assert node.job_detail(uid).history == history


@pytest.mark.long
def test_kill_after_each_event(
    make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any], film: Path, tmp_path: Path
) -> None:
    """The node is killed after each event of six films, and no film is lost or sent twice.

    The job of a film has eight events: receipt, claim, analysis, claim and storage of each of the
    two results, and end.
    The test allows more attempts than the default, because each kill may use up one attempt.
    """
    tries = {"analysis": {"attempts": 20, "first": 0.1, "cap": 1.0}}
    node = make_node(destinations=[destination], queue=tries)
    uids = []
    for events in range(2, 8):
        node.serve()
        uids += node.send(write_to_new_study(film, tmp_path / f"{events}.dcm"))
        node.wait_for(uids[-1], lambda detail, least=events: len(detail.history) >= least)
        node.kill()
    node.serve()
    assert {job.state for job in node.wait_ended(uids)} == {JobState.DONE}
    assert orthanc.count(Comprehensive3DSRStorage) == len(uids)
    assert orthanc.count(SecondaryCaptureImageStorage) == len(uids)


def test_kill_in_final_states(
    make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any], film: Path, tmp_path: Path
) -> None:
    """REJECTED, FAILED and CANCELLED survive a kill; a retry brings a FAILED job to DONE."""
    node = make_node(destinations=[destination])
    node.serve("ingest")
    [child] = node.send(write_to_new_study(film, tmp_path / "child.dcm", PatientAge="012Y"))
    [unwanted] = node.send(write_to_new_study(film, tmp_path / "unwanted.dcm"))
    node.operator_store().cancel(node.job_detail(unwanted).job.id, "test", utc_now())
    [damaged] = node.send(film)
    spooled = node.spooled(damaged)
    intact = spooled.read_bytes()
    spooled.write_bytes(b"not what was received")
    node.serve("analyse")
    node.wait_for(damaged, lambda detail: detail.job.state is JobState.FAILED)
    node.kill()

    node.serve()
    ended = {child: JobState.REJECTED, unwanted: JobState.CANCELLED, damaged: JobState.FAILED}
    assert {uid: node.job_detail(uid).job.state for uid in ended} == ended
    spooled.write_bytes(intact)
    node.operator_store().retry(node.job_detail(damaged).job.id, "test", utc_now())
    node.wait_for(damaged, lambda detail: detail.job.state is JobState.DONE)
    assert orthanc.count() == 2
