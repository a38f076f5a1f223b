"""`jobs resend` and `jobs reanalyse` send results again, also with another threshold."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydicom import Dataset, dcmread
from pydicom.uid import Comprehensive3DSRStorage

from node.domain.workflow.job import JobState
from tests.peers.command import osteoscreen
from tests.peers.node import Node
from tests.peers.orthanc import Orthanc

pytestmark = pytest.mark.tools("dcmsend", "Orthanc")


@pytest.fixture
def node(
    make_node: Callable[..., Node], orthanc: Orthanc, destination: dict[str, Any], film: Path
) -> Node:
    """Return a running node that has scored one film with a low threshold."""
    node = make_node(policy={"threshold": 0.01}, destinations=[destination])
    node.serve()
    node.send(film)
    node.wait_all(1)
    assert orthanc.count() == 2
    return node


def run_jobs_command(node: Node, command: str) -> None:
    """Run a `jobs` command on the only job; wait until the job is done again."""
    before = len(node.operator_store().show(1).history)
    process = osteoscreen("jobs", command, "1", "--config", node.file)
    assert (process.returncode, process.stderr) == (0, "")
    job_detail = node.wait_for("1", lambda detail: detail.job.state is JobState.DONE)
    assert len(job_detail.history) > before


def set_threshold(node: Node, threshold: float) -> None:
    """Stop the node, change its threshold, and start the node."""
    node.stop()
    content = yaml.safe_load(node.file.read_text())
    node.file.write_text(yaml.safe_dump(content | {"policy": {"threshold": threshold}}))
    node.serve()


def reports(orthanc: Orthanc) -> list[Dataset]:
    """Return the reports in the PACS; reports without a predecessor come first."""
    documents = [
        dcmread(BytesIO(orthanc.file(instance.id)))
        for instance in orthanc.instances()
        if instance.sop_class_uid == Comprehensive3DSRStorage
    ]
    return sorted(documents, key=lambda ds: "PredecessorDocumentsSequence" in ds)


def test_resend_restores_a_lost_object_and_duplicates_none(node: Node, orthanc: Orthanc) -> None:
    lost, stored = orthanc.instances()
    orthanc.delete(lost.id)
    run_jobs_command(node, "resend")
    assert {instance.sop_instance_uid for instance in orthanc.instances()} == {
        lost.sop_instance_uid,
        stored.sop_instance_uid,
    }


def test_reanalysis_without_a_change_creates_no_second_object(node: Node, orthanc: Orthanc) -> None:
    run_jobs_command(node, "reanalyse")
    assert orthanc.count() == 2


def test_reanalysis_with_another_threshold_supersedes_the_report(
    node: Node, orthanc: Orthanc
) -> None:
    """The new report has another finding and refers to the first report; the PACS has both."""
    set_threshold(node, 0.99)
    run_jobs_command(node, "reanalyse")
    first, second = reports(orthanc)
    (study,) = second.PredecessorDocumentsSequence
    (series,) = study.ReferencedSeriesSequence
    (document,) = series.ReferencedSOPSequence
    assert document.ReferencedSOPInstanceUID == first.SOPInstanceUID
    assert series.SeriesInstanceUID == first.SeriesInstanceUID
    assert orthanc.count() == 4
    verdict = node.operator_store().show(1).job.verdict
    assert verdict is not None
    assert (verdict.decision.threshold, verdict.decision.flagged) == (0.99, False)
