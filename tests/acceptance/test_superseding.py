"""The operator sends results again, and has films scored again by another threshold."""

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
from tests.peers.dcmtk import dcmsend
from tests.peers.node import AE_TITLE, Node
from tests.peers.orthanc import Orthanc

pytestmark = pytest.mark.tools("dcmsend", "Orthanc")


@pytest.fixture
def node(
    make_node: Callable[..., Node], orthanc: Orthanc, destination: dict[str, Any], film: Path
) -> Node:
    """Return a running node that has scored one film by a low threshold."""
    made = make_node(policy={"threshold": 0.01}, destinations=[destination])
    made.serve()
    assert dcmsend(made.port, film, called_ae=AE_TITLE).succeeded
    made.wait_all(1)
    assert orthanc.count() == 2
    return made


def operate(node: Node, *words: str) -> None:
    """Run a `jobs` command on the one job, and wait until the job is done again."""
    before = len(node.operator_store().show(1).history)
    done = osteoscreen("jobs", *words, "1", "--config", node.file)
    assert (done.returncode, done.stderr) == (0, "")
    job_detail = node.wait_for("1", lambda one: one.job.state is JobState.DONE)
    assert len(job_detail.history) > before


def set_threshold(node: Node, threshold: float) -> None:
    """Do as an administrator does: stop, edit, start."""
    node.stop()
    content = yaml.safe_load(node.file.read_text())
    node.file.write_text(yaml.safe_dump(content | {"policy": {"threshold": threshold}}))
    node.serve()


def reports(orthanc: Orthanc) -> list[Dataset]:
    """Return the reports in the PACS, those without a predecessor first."""
    found = [
        dcmread(BytesIO(orthanc.file(one.id)))
        for one in orthanc.instances()
        if one.sop_class_uid == Comprehensive3DSRStorage
    ]
    return sorted(found, key=lambda ds: "PredecessorDocumentsSequence" in ds)


def test_a_resend_reaches_the_pacs_and_makes_no_second_object(node: Node, orthanc: Orthanc) -> None:
    """What the PACS has lost comes back; what it still has stays one."""
    lost, kept = orthanc.instances()
    orthanc.delete(lost.id)
    operate(node, "resend")
    assert {one.sop_instance_uid for one in orthanc.instances()} == {
        lost.sop_instance_uid,
        kept.sop_instance_uid,
    }


def test_a_film_scored_again_with_nothing_changed_makes_no_second_object(
    node: Node, orthanc: Orthanc
) -> None:
    operate(node, "reanalyse")
    assert orthanc.count() == 2


def test_another_threshold_sends_a_report_that_names_the_first(
    node: Node, orthanc: Orthanc
) -> None:
    """Its finding is the other one, and the PACS has both."""
    set_threshold(node, 0.99)
    operate(node, "reanalyse")
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
