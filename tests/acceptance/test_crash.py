"""Kill -9 of the whole node at every state of a job and of a delivery: nothing is lost.

What was acknowledged ends as one report and one heatmap in the PACS, whenever the power fails.
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
from tests.peers.dcmtk import dcmsend
from tests.peers.node import AE_TITLE, Node
from tests.peers.orthanc import Orthanc
from tests.support.peer_films import renamed

pytestmark = pytest.mark.tools("dcmsend", "Orthanc")

MakeNode = Callable[..., Node]


def send(node: Node, film: Path) -> str:
    """Send the film, see it acknowledged, and return its SOP Instance UID."""
    assert dcmsend(node.port, film, called_ae=AE_TITLE).succeeded
    return str(dcmread(film, stop_before_pixels=True).SOPInstanceUID)


def assert_delivered_once(node: Node, orthanc: Orthanc, film: Path) -> None:
    """Start the node again and see one report and one heatmap in the film's study."""
    node.serve()
    ds = dcmread(film, stop_before_pixels=True)
    [job] = node.wait_ended([ds.SOPInstanceUID])
    assert job.state is JobState.DONE, (job.error, node.log())
    found = sorted(i.sop_class_uid for i in orthanc.study_instances(ds.StudyInstanceUID))
    assert found == sorted([SecondaryCaptureImageStorage, Comprehensive3DSRStorage])
    assert orthanc.count() == 2


def all_in(*states: DeliveryState) -> Callable[[JobDetail], bool]:
    """Return whether a job has deliveries, all of them in these states."""
    return lambda seen: bool(seen.deliveries) and {d.state for d in seen.deliveries} <= set(states)


def test_killed_when_the_film_is_received(
    make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any], film: Path
) -> None:
    """RECEIVED: acknowledged, and no more than that."""
    node = make_node(destinations=[destination])
    node.serve("ingest")
    uid = send(node, film)
    assert node.dossier(uid).job.state is JobState.RECEIVED
    node.kill()
    assert_delivered_once(node, orthanc, film)


def test_killed_while_the_film_is_analysed(
    make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any], film: Path
) -> None:
    """ANALYSING: the lease runs out, and another worker takes the film."""
    node = make_node(destinations=[destination])
    node.serve("ingest", "analyse")
    uid = send(node, film)
    node.wait_for(uid, lambda seen: seen.job.state is JobState.ANALYSING)
    node.kill()
    assert node.dossier(uid).job.state is JobState.ANALYSING
    assert_delivered_once(node, orthanc, film)
    assert node.dossier(uid).job.attempt == 2


def test_killed_when_the_film_is_analysed_and_the_pacs_is_down(
    make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any], film: Path
) -> None:
    """ANALYSED, its deliveries PENDING: the results lie in the spool until the PACS is back."""
    orthanc.stop()
    node = make_node(destinations=[destination])
    node.serve()
    uid = send(node, film)
    node.wait_for(uid, lambda seen: any(d.attempt > 1 for d in seen.deliveries))
    node.kill()
    assert node.dossier(uid).job.state is JobState.ANALYSED
    orthanc.start()
    assert_delivered_once(node, orthanc, film)


def test_killed_while_results_are_sent(
    make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any], film: Path
) -> None:
    """SENDING, to a PACS that hangs: nothing arrived, all of it is sent again."""
    node = make_node(destinations=[destination | {"timeout": 600}])
    orthanc.freeze()
    node.serve()
    uid = send(node, film)
    node.wait_for(uid, all_in(DeliveryState.SENDING))
    node.kill()
    assert node.dossier(uid).job.state is JobState.ANALYSED
    orthanc.thaw()
    assert_delivered_once(node, orthanc, film)


def test_killed_as_the_first_result_arrives(
    make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any], film: Path
) -> None:
    """Stored, and perhaps not yet on record as stored: sending it again makes no second one."""
    node = make_node(destinations=[destination])
    node.serve()
    send(node, film)
    orthanc.wait_for(lambda seen: len(seen) >= 1, timeout=90)
    node.kill()
    assert_delivered_once(node, orthanc, film)


def test_killed_while_commitment_is_awaited(
    make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any], film: Path
) -> None:
    """AWAITING_COMMITMENT: the report found nobody at home, so the PACS is asked again."""
    node = make_node(destinations=[destination | {"commitment": True, "commitment_timeout": 5}])
    node.serve("ingest")
    uid = send(node, film)
    node.stop()
    node.serve("analyse", "deliver")  # nobody listens for the report
    node.wait_for(uid, all_in(DeliveryState.AWAITING_COMMITMENT))
    node.kill()
    assert_delivered_once(node, orthanc, film)
    moves = [h.event for h in node.dossier(uid).history if h.delivery_id is not None]
    assert moves.count("expire") == 2
    assert moves.count("commit") == 2


def test_killed_when_all_is_done(
    make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any], film: Path
) -> None:
    """DONE, DELIVERED: a new start sends nothing again."""
    node = make_node(destinations=[destination])
    node.serve()
    uid = send(node, film)
    node.wait_for(uid, lambda seen: seen.job.state is JobState.DONE)
    history = node.dossier(uid).history
    node.kill()
    assert_delivered_once(node, orthanc, film)
    assert node.dossier(uid).history == history


@pytest.mark.long
def test_killed_after_each_event_in_turn(
    make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any], film: Path, tmp_path: Path
) -> None:
    """Six films, each met by a kill at another point of its way, and none lost or doubled.

    A film's way has eight events: receive, claim, analyse, two claims of its deliveries, two
    stored, finish. With the few tries of the default, so many kills may end a film FAILED.
    """
    tries = {"analysis": {"attempts": 20, "first": 0.1, "cap": 1.0}}
    node = make_node(destinations=[destination], queue=tries)
    uids = []
    for events in range(2, 8):
        node.serve()
        uids.append(send(node, renamed(film, tmp_path / f"{events}.dcm")))
        node.wait_for(uids[-1], lambda seen, least=events: len(seen.history) >= least)
        node.kill()
    node.serve()
    assert {job.state for job in node.wait_ended(uids)} == {JobState.DONE}
    assert orthanc.count(Comprehensive3DSRStorage) == len(uids)
    assert orthanc.count(SecondaryCaptureImageStorage) == len(uids)


def test_what_had_ended_stays_as_it_was(
    make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any], film: Path, tmp_path: Path
) -> None:
    """REJECTED, FAILED and CANCELLED outlast a kill; the operator's retry brings FAILED to DONE."""
    node = make_node(destinations=[destination])
    node.serve("ingest")
    child = send(node, renamed(film, tmp_path / "child.dcm", PatientAge="012Y"))
    unwanted = send(node, renamed(film, tmp_path / "unwanted.dcm"))
    node.desk().cancel(node.dossier(unwanted).job.id, "test", utc_now())
    damaged = send(node, film)
    spooled = node.spooled(damaged)
    intact = spooled.read_bytes()
    spooled.write_bytes(b"not what was received")
    node.serve("analyse")
    node.wait_for(damaged, lambda seen: seen.job.state is JobState.FAILED)
    node.kill()

    node.serve()
    ended = {child: JobState.REJECTED, unwanted: JobState.CANCELLED, damaged: JobState.FAILED}
    assert {uid: node.dossier(uid).job.state for uid in ended} == ended
    spooled.write_bytes(intact)
    node.desk().retry(node.dossier(damaged).job.id, "test", utc_now())
    node.wait_for(damaged, lambda seen: seen.job.state is JobState.DONE)
    assert orthanc.count() == 2
