"""A PACS with storage commitment commits, refuses, or does not report."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import SecondaryCaptureImageStorage

from node.domain.workflow.delivery import DeliveryEvent, DeliveryState
from node.domain.workflow.job import JobState
from node.domain.workflow.job_summary import JobDetail
from tests.peers.committing import CommitmentRequest, CommittingPacs
from tests.peers.node import Node
from tests.peers.orthanc import Orthanc
from tests.peers.waiting import wait_until

pytestmark = pytest.mark.tools("dcmsend")

MakeNode = Callable[..., Node]


@pytest.fixture
def pacs(committing_pacs: CommittingPacs) -> CommittingPacs:
    committing_pacs.start()
    return committing_pacs


def with_commitment(pacs: CommittingPacs, timeout: int) -> dict[str, Any]:
    """Return this PACS as a destination with storage commitment; `timeout` is in seconds."""
    return pacs.destination | {"commitment": True, "commitment_timeout": timeout}


def request(pacs: CommittingPacs, number: int) -> CommitmentRequest:
    """Return the n-th commitment request when it has arrived."""
    return wait_until(lambda: pacs.requests, lambda requests: len(requests) > number, timeout=90)[
        number
    ]


def history(job_detail: JobDetail, sop_instance_uid: str) -> list[str]:
    """Return the history of one object's delivery."""
    (delivery_id,) = [d.id for d in job_detail.deliveries if d.sop_instance_uid == sop_instance_uid]
    return [entry.event for entry in job_detail.history if entry.delivery_id == delivery_id]


@pytest.mark.tools("Orthanc")
def test_with_orthanc_every_delivery_ends_by_its_commitment(
    make_node: MakeNode,
    orthanc: Orthanc,
    destination: dict[str, Any],
    films: list[Path],
) -> None:
    """Six films give twelve objects, and the report of the PACS makes each of them DELIVERED."""
    node = make_node(destinations=[destination | {"commitment": True}])
    node.serve()
    node.send(*films)
    jobs = node.wait_all(6)
    assert {job.state for job in jobs} == {JobState.DONE}
    for job in jobs:
        job_detail = node.operator_store().show(job.id)
        assert len(job_detail.deliveries) == 2
        for delivery in job_detail.deliveries:
            assert delivery.state is DeliveryState.DELIVERED
            events = history(job_detail, delivery.sop_instance_uid)
            assert events[-1] == DeliveryEvent.COMMIT
            assert DeliveryEvent.STORE not in events
    assert orthanc.count() == 12


def test_a_missing_report_leads_to_another_request(
    make_node: MakeNode, pacs: CommittingPacs, film: Path
) -> None:
    """After the timeout, the objects are sent again under a new transaction."""
    node = make_node(destinations=[with_commitment(pacs, timeout=2)])
    node.serve()
    node.send(film)
    first, second = request(pacs, 0), request(pacs, 1)
    assert first.transaction_uid != second.transaction_uid
    assert pacs.report(first) == 0x0000
    job_detail = node.operator_store().show(1)
    assert DeliveryState.DELIVERED not in {delivery.state for delivery in job_detail.deliveries}
    wait_until(
        lambda: pacs.report(pacs.requests[-1]),
        lambda _: node.operator_store().show(1).job.state is JobState.DONE,
        timeout=60,
    )
    for delivery in node.operator_store().show(1).deliveries:
        events = history(node.operator_store().show(1), delivery.sop_instance_uid)
        assert DeliveryEvent.EXPIRE in events
        assert events[-1] == DeliveryEvent.COMMIT
    assert set(pacs.stored) == {uid for _, uid in first.objects}


def test_only_the_object_that_was_not_committed_is_sent_again(
    make_node: MakeNode, pacs: CommittingPacs, film: Path
) -> None:
    """After failure reason 0x0112 for the heatmap, only the heatmap is sent again."""
    node = make_node(destinations=[with_commitment(pacs, timeout=600)])
    node.serve()
    node.send(film)
    first = request(pacs, 0)
    (heatmap,) = [uid for kind, uid in first.objects if kind == SecondaryCaptureImageStorage]
    (report,) = [uid for kind, uid in first.objects if kind != SecondaryCaptureImageStorage]
    assert pacs.report(first, failed=[heatmap]) == 0x0000
    second = request(pacs, 1)
    assert [uid for _, uid in second.objects] == [heatmap]
    assert pacs.report(second) == 0x0000
    (job,) = node.wait_all(1)
    assert job.state is JobState.DONE
    assert (pacs.stored.count(heatmap), pacs.stored.count(report)) == (2, 1)
    job_detail = node.operator_store().show(job.id)
    assert DeliveryEvent.REFUSE_COMMITMENT in history(job_detail, heatmap)
    assert DeliveryEvent.REFUSE_COMMITMENT not in history(job_detail, report)
