"""Results are delivered to a real archive by DICOMweb, together with C-STORE."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.uid import Comprehensive3DSRStorage, SecondaryCaptureImageStorage

from node.config.settings import load
from node.domain.workflow.job import JobState
from node.runtime.factories import open_spool
from tests.peers.command import osteoscreen
from tests.peers.node import Node
from tests.peers.orthanc import Orthanc

pytestmark = pytest.mark.tools("dcmsend", "Orthanc", "libOrthancDicomWeb.so")

MakeNode = Callable[..., Node]


@pytest.fixture
def web(orthanc: Orthanc) -> dict[str, Any]:
    """Return the DICOMweb service of Orthanc as a destination."""
    return {"name": "web", "url": f"http://127.0.0.1:{orthanc.http_port}/dicom-web", "timeout": 10}


def test_results_arrive_by_dicomweb(
    make_node: MakeNode, orthanc: Orthanc, web: dict[str, Any], film: Path
) -> None:
    node = make_node(destinations=[web])
    node.serve()
    node.send(film)
    (job,) = node.wait_all(1)
    assert job.state is JobState.DONE, node.log()
    classes = sorted(item.sop_class_uid for item in orthanc.instances())
    assert classes == [SecondaryCaptureImageStorage, Comprehensive3DSRStorage]
    checks = osteoscreen("doctor", "--config", node.file)
    assert "answers and accepts the credentials" in " ".join(checks.stdout.split())
    assert checks.returncode == 0, checks.stdout


def test_an_object_sent_in_two_ways_is_stored_once(
    make_node: MakeNode,
    orthanc: Orthanc,
    destination: dict[str, Any],
    web: dict[str, Any],
    film: Path,
) -> None:
    """The archive reports a duplicate, and both deliveries are DELIVERED."""
    node = make_node(destinations=[destination, web])
    node.serve()
    node.send(film)
    (job,) = node.wait_all(1)
    assert job.state is JobState.DONE, node.log()
    assert orthanc.count() == 2


@pytest.mark.parametrize("way", ["dimse", "dicomweb"])
def test_the_archive_returns_the_object_that_was_sent(
    make_node: MakeNode,
    orthanc: Orthanc,
    destination: dict[str, Any],
    web: dict[str, Any],
    film: Path,
    way: str,
) -> None:
    """The data set by WADO-RS equals the spooled data set, element by element."""
    every = {"send": ["report", "heatmap", "text"]}
    node = make_node(destinations=[(destination if way == "dimse" else web) | every])
    node.serve()
    node.send(film)
    (job,) = node.wait_all(1)
    spool = open_spool(load(node.file))
    sent_objects = {}
    for delivery in node.operator_store().show(job.id).deliveries:
        ds = dcmread(spool.path(delivery.spool_key))
        sent_objects[ds.SOPInstanceUID] = ds
    returned = {ds.SOPInstanceUID: ds for ds in orthanc.retrieve(job.film.study_instance_uid)}
    assert len(sent_objects) == 3
    assert returned == sent_objects


def test_an_archive_receives_everything_after_its_downtime(
    make_node: MakeNode, orthanc: Orthanc, web: dict[str, Any], film: Path
) -> None:
    orthanc.stop()
    node = make_node(destinations=[web])
    node.serve()
    node.send(film)
    node.wait_for("1", lambda item: any("check url and tls" in d.error for d in item.deliveries))
    orthanc.start()
    assert node.wait_all(1)[0].state is JobState.DONE
    assert orthanc.count() == 2
