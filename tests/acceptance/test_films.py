"""DCMTK sends real films and other objects to a node with Orthanc as destination."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.uid import Comprehensive3DSRStorage, SecondaryCaptureImageStorage

from node.domain.decision.prediction import Finding
from node.domain.workflow.job import JobState
from tests.peers.dcmtk import dciodvfy, dcmsend, dsrdump
from tests.peers.node import AE_TITLE, Node
from tests.peers.orthanc import Orthanc

pytestmark = pytest.mark.tools("dcmsend", "dsrdump", "dciodvfy", "Orthanc")

MakeNode = Callable[..., Node]
RESULT_CLASSES = [SecondaryCaptureImageStorage, Comprehensive3DSRStorage]

# These objects are not scored. Each value is the reason of the job, or None for an object that
# the node refuses at negotiation.
REFUSED = {
    "RG2_JPLL.dcm": "body-part",
    "RG3_JPLY.dcm": "body-part",
    "RG3_RLE.dcm": "body-part",
    "RG3_JLSL.dcm": "body-part",
    "CT1_JPLL.dcm": None,
    "MG_OutOfBoundsOverlay.dcm": None,
    "A098752_axial_19001231-32.dcm": None,
    "A098752_coronal_19001231-053.dcm": None,
}


def assert_results_of(orthanc: Orthanc, film: Path, folder: Path, copies: int = 1) -> None:
    """Check for valid reports and heatmaps in the film's study, with the film's patient.

    `copies` is the number of different films with this SOP Instance UID.
    """
    source = dcmread(film, stop_before_pixels=True)
    classes = []
    for instance in orthanc.study_instances(source.StudyInstanceUID):
        path = folder / f"{instance.id}.dcm"
        path.write_bytes(orthanc.file(instance.id))
        assert dciodvfy(path).errors == ()
        ds = dcmread(path)
        assert str(ds.PatientName) == str(source.get("PatientName", ""))
        if instance.sop_class_uid == Comprehensive3DSRStorage:
            assert "Certainty of Finding" in dsrdump(path)
        if source.SOPInstanceUID in str(ds):
            classes.append(instance.sop_class_uid)
    assert sorted(classes) == sorted(RESULT_CLASSES * copies)


@pytest.mark.shared_data
def test_every_real_chest_film_has_report_and_heatmap(
    make_node: MakeNode,
    orthanc: Orthanc,
    destination: dict[str, Any],
    shared_data: Path,
    tmp_path: Path,
) -> None:
    """Films of each transfer syntax end DONE, with results in their own studies."""
    films = sorted((shared_data / "dicom" / "chest").glob("*.dcm"))
    # Two files are different films with one SOP Instance UID, and both films are scored.
    uids = [str(dcmread(film, stop_before_pixels=True).SOPInstanceUID) for film in films]
    # Some files are one film in several encodings, in one study, and all of these are scored.
    admit = {"one_per_study": False}
    node = make_node(destinations=[destination], policy={"admit": admit})
    node.serve()
    node.send(*films)
    jobs = node.wait_all(len(films), timeout=240)
    assert {job.state for job in jobs} == {JobState.DONE}, node.log()
    for film, uid in zip(films, uids, strict=True):
        assert_results_of(orthanc, film, tmp_path, uids.count(uid))
    assert orthanc.count() == 2 * len(films) == 12
    scores = {job.verdict.probability.image for job in jobs if job.verdict}
    assert len(scores) >= 4, "different films have different scores"


@pytest.mark.shared_data
def test_only_chest_films_are_scored(
    make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any], shared_data: Path
) -> None:
    """Other objects are refused at negotiation, or REJECTED with the correct reason."""
    files = sorted((shared_data / "dicom" / "other").glob("*.dcm"))
    assert {file.name for file in files} == set(REFUSED)
    node = make_node(destinations=[destination])
    node.serve()
    transfer = dcmsend(node.port, *files, called_ae=AE_TITLE)
    node.wait_all(sum(reason is not None for reason in REFUSED.values()))
    statuses = {file.path.name: file.status for file in transfer.sent}
    reasons = {job.film.sop_instance_uid: job.reason for job in node.jobs(JobState.REJECTED)}
    for file in files:
        uid = str(dcmread(file, stop_before_pixels=True).SOPInstanceUID)
        expected = REFUSED[file.name]
        assert reasons.get(uid) == expected, file.name
        assert (statuses.get(file.name) == 0x0000) == (expected is not None), file.name
    assert len(node.jobs()) == len(reasons)
    assert orthanc.count() == 0


def test_the_shipped_film_is_scored_and_its_report_agrees_with_its_job(
    make_node: MakeNode,
    orthanc: Orthanc,
    destination: dict[str, Any],
    film: Path,
    tmp_path: Path,
) -> None:
    """The report and the job have the same score and the same finding."""
    node = make_node(destinations=[destination])
    node.serve()
    [job] = node.wait_ended(node.send(film))
    assert job.state is JobState.DONE, node.log()
    assert_results_of(orthanc, film, tmp_path)
    assert job.verdict is not None
    text = "\n".join(
        dsrdump(tmp_path / f"{instance.id}.dcm")
        for instance in orthanc.instances()
        if instance.sop_class_uid == Comprehensive3DSRStorage
    )
    decision = job.verdict.decision
    assert f'"Certainty of Finding")="{100 * (decision.score or 0):.1f}"' in text
    code = {Finding.PRESENT: "52101004", Finding.ABSENT: "272519000"}[decision.finding]
    assert f"({code},SCT," in text
    assert "simulated" in text


def test_a_destination_for_flagged_films_receives_no_other_results(
    make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any], film: Path
) -> None:
    """With `when: flagged`, a film below the threshold is scored, but its results are not sent."""
    node = make_node(destinations=[destination | {"when": "flagged"}], policy={"threshold": 1.0})
    node.serve()
    [job] = node.wait_ended(node.send(film))
    assert job.state is JobState.DONE
    assert job.verdict is not None
    assert not job.verdict.decision.flagged
    assert orthanc.count() == 0
