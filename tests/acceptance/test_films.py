"""Real films and what is no film for us, through a real sender to a real PACS."""

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

# What a node must not score, and why: the reason of its row, or None where the object is of a
# class that is not even negotiated.
NOT_FOR_US = {
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
    """See valid reports and heatmaps of the film, in its own study and of its patient.

    `copies` is how many films with other bytes go by the same SOP Instance UID.
    """
    source = dcmread(film, stop_before_pixels=True)
    classes = []
    for one in orthanc.study_instances(source.StudyInstanceUID):
        path = folder / f"{one.id}.dcm"
        path.write_bytes(orthanc.file(one.id))
        assert dciodvfy(path).errors == ()
        ds = dcmread(path)
        assert str(ds.PatientName) == str(source.get("PatientName", ""))
        if one.sop_class_uid == Comprehensive3DSRStorage:
            assert "Certainty of Finding" in dsrdump(path)
        if source.SOPInstanceUID in str(ds):
            classes.append(one.sop_class_uid)
    assert sorted(classes) == sorted(RESULT_CLASSES * copies)


@pytest.mark.shared_data
def test_every_real_chest_film_comes_back_with_report_and_heatmap(
    make_node: MakeNode,
    orthanc: Orthanc,
    destination: dict[str, Any],
    shared_data: Path,
    tmp_path: Path,
) -> None:
    """Each film, in the transfer syntax it has, ends DONE with results in its own study."""
    films = sorted((shared_data / "dicom" / "chest").glob("*.dcm"))
    # Two of the files are different films under one SOP Instance UID: each is scored.
    uids = [str(dcmread(film, stop_before_pixels=True).SOPInstanceUID) for film in films]
    # Some of them are one film in several codings, in one study: here each is to be scored.
    every = {"one_per_study": False}
    node = make_node(destinations=[destination], policy={"admit": every})
    node.serve()
    assert dcmsend(node.port, *films, called_ae=AE_TITLE).succeeded
    jobs = node.wait_all(len(films), timeout=240)
    assert {job.state for job in jobs} == {JobState.DONE}, node.log()
    for film, uid in zip(films, uids, strict=True):
        assert_results_of(orthanc, film, tmp_path, uids.count(uid))
    assert orthanc.count() == 2 * len(films) == 12
    scores = {job.verdict.probability.image for job in jobs if job.verdict}
    assert len(scores) >= 4, "scores must follow the films"


@pytest.mark.shared_data
def test_nothing_but_chest_films_is_scored(
    make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any], shared_data: Path
) -> None:
    """Every other object is refused at negotiation, or kept as REJECTED with its true reason.

    Three of them are of somebody too young: their tags tell that they are no chest. The hip's
    pixels do.
    """
    files = sorted((shared_data / "dicom" / "other").glob("*.dcm"))
    assert {file.name for file in files} == set(NOT_FOR_US)
    node = make_node(destinations=[destination])
    node.serve()
    transfer = dcmsend(node.port, *files, called_ae=AE_TITLE)
    node.wait_all(sum(reason is not None for reason in NOT_FOR_US.values()))
    answered = {one.path.name: one.status for one in transfer.sent}
    reasons = {job.film.sop_instance_uid: job.reason for job in node.jobs(JobState.REJECTED)}
    for file in files:
        uid = str(dcmread(file, stop_before_pixels=True).SOPInstanceUID)
        expected = NOT_FOR_US[file.name]
        assert reasons.get(uid) == expected, file.name
        assert (answered.get(file.name) == 0x0000) == (expected is not None), file.name
    assert len(node.jobs()) == len(reasons)
    assert orthanc.count() == 0


def test_the_shipped_film_is_scored_and_its_report_agrees_with_its_job(
    make_node: MakeNode,
    orthanc: Orthanc,
    destination: dict[str, Any],
    film: Path,
    tmp_path: Path,
) -> None:
    """What the PACS receives says what the job table says."""
    node = make_node(destinations=[destination])
    node.serve()
    assert dcmsend(node.port, film, called_ae=AE_TITLE).succeeded
    [job] = node.wait_ended([str(dcmread(film).SOPInstanceUID)])
    assert job.state is JobState.DONE, node.log()
    assert_results_of(orthanc, film, tmp_path)
    assert job.verdict is not None
    text = "\n".join(
        dsrdump(tmp_path / f"{one.id}.dcm")
        for one in orthanc.instances()
        if one.sop_class_uid == Comprehensive3DSRStorage
    )
    decision = job.verdict.decision
    assert f'"Certainty of Finding")="{100 * (decision.score or 0):.1f}"' in text
    code = {Finding.PRESENT: "52101004", Finding.ABSENT: "272519000"}[decision.finding]
    assert f"({code},SCT," in text
    assert "simulated" in text


def test_a_destination_for_flagged_films_gets_no_others(
    make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any], film: Path
) -> None:
    """`when: flagged` and a threshold that this film does not reach: scored, and nothing sent."""
    node = make_node(destinations=[destination | {"when": "flagged"}], policy={"threshold": 1.0})
    node.serve()
    assert dcmsend(node.port, film, called_ae=AE_TITLE).succeeded
    [job] = node.wait_ended([str(dcmread(film).SOPInstanceUID)])
    assert job.state is JobState.DONE
    assert job.verdict is not None
    assert not job.verdict.decision.flagged
    assert orthanc.count() == 0
