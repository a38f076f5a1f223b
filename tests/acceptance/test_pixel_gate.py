"""The image check runs in a complete node, with a real PACS."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import FileDataset
from pydicom.uid import Comprehensive3DSRStorage, generate_uid

from node.domain.admission.reasons import AdmissionNote
from node.domain.workflow.job import Job, JobState
from tests.peers.dcmtk import dciodvfy, dsrdump
from tests.peers.node import Node
from tests.peers.orthanc import Orthanc
from tests.support.films import copy_to_new_study, make_small_film, write_film

pytestmark = pytest.mark.tools("dcmsend", "dsrdump", "dciodvfy", "Orthanc")

MakeNode = Callable[..., Node]
Change = Callable[[FileDataset], None]


def replace_pixels(ds: FileDataset, pixels: np.ndarray) -> None:
    """Replace the pixels of a film."""
    ds.Rows, ds.Columns = pixels.shape
    ds.PixelData = np.ascontiguousarray(pixels).tobytes()


def turn(ds: FileDataset) -> None:
    """Rotate the image by 90 degrees."""
    replace_pixels(ds, np.rot90(ds.pixel_array))


def upside_down(ds: FileDataset) -> None:
    """Rotate the image by 180 degrees."""
    replace_pixels(ds, np.rot90(ds.pixel_array, 2))


def invert(ds: FileDataset) -> None:
    """Change MONOCHROME1 to MONOCHROME2 or the reverse, but do not change the pixels."""
    opposite = {"MONOCHROME1": "MONOCHROME2", "MONOCHROME2": "MONOCHROME1"}
    ds.PhotometricInterpretation = opposite[ds.PhotometricInterpretation]
    if "PresentationLUTShape" in ds:
        shape = {"IDENTITY": "INVERSE", "INVERSE": "IDENTITY"}
        ds.PresentationLUTShape = shape[ds.PresentationLUTShape]


def cut(ds: FileDataset) -> None:
    """Enlarge the lower right ninth of the image to the full size of the film."""
    pixels = ds.pixel_array
    part = pixels[2 * pixels.shape[0] // 3 :, 2 * pixels.shape[1] // 3 :]
    replace_pixels(ds, np.kron(part, np.ones((3, 3), part.dtype)))


def scatter(ds: FileDataset) -> None:
    """Replace the image by noise."""
    pixels = ds.pixel_array
    replace_pixels(ds, np.random.default_rng(1).permutation(pixels.ravel()).reshape(pixels.shape))


def untagged(ds: FileDataset) -> None:
    """Remove all attributes that state a body part or a view."""
    for keyword in (
        "BodyPartExamined",
        "ViewPosition",
        "ViewCodeSequence",
        "AnatomicRegionSequence",
        "StudyDescription",
        "SeriesDescription",
        "PatientOrientation",
    ):
        if keyword in ds:
            delattr(ds, keyword)


def labelled_as_hand(ds: FileDataset) -> None:
    """State that the film is a lateral hand."""
    untagged(ds)
    ds.BodyPartExamined, ds.ViewPosition = "HAND", "LL"


def changed(tmp_path: Path, *changes: Change) -> Path:
    """Write a small copy of the shipped film, as a new study, with these changes."""
    ds = copy_to_new_study(make_small_film())
    for change in changes:
        change(ds)
    return write_film(ds, tmp_path / f"{ds.SOPInstanceUID}.dcm")


def send(node: Node, *films: Path) -> list[Job]:
    """Send films; return their jobs when all have ended."""
    uids = node.send(*films)
    return node.wait_ended(uids)


def test_the_image_overrules_the_header(
    make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any], tmp_path: Path
) -> None:
    """A chest film with missing or wrong tags is scored, and other images are refused."""
    expected: dict[tuple[Change, ...], tuple[str, set[str]]] = {
        (): ("", set()),
        (untagged,): ("", {AdmissionNote.BODY_PART_BY_PIXELS, AdmissionNote.VIEW_BY_PIXELS}),
        (labelled_as_hand,): (
            "",
            {AdmissionNote.BODY_PART_OVERRULED, AdmissionNote.VIEW_OVERRULED},
        ),
        (invert,): ("", {AdmissionNote.INVERTED}),
        (turn,): ("orientation", set()),
        (upside_down,): ("orientation", set()),
        (upside_down, invert): ("orientation", set()),
        (cut,): ("body-part", set()),
        (scatter,): ("body-part", set()),
    }
    node = make_node(destinations=[destination])
    node.serve()
    jobs = send(node, *(changed(tmp_path, *changes) for changes in expected))
    for job, (changes, (reason, notes)) in zip(jobs, expected.items(), strict=True):
        context = [change.__name__ for change in changes], job.reason, job.error, job.image_findings
        if reason:
            assert job.state is JobState.REJECTED, context
            assert job.reason in (reason, "unlike"), context
        else:
            assert job.state is JobState.DONE, (context, node.log())
            assert job.verdict is not None
            assert set(job.verdict.notes) == notes, context
        assert job.image_findings is not None, context
    assert orthanc.count() == 2 * sum(not reason for reason, _ in expected.values())


def test_an_inverted_film_scores_like_the_original(
    make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any], tmp_path: Path
) -> None:
    """The report states that the inverted film was corrected."""
    node = make_node(destinations=[destination])
    node.serve()
    plain, inverted = send(node, changed(tmp_path), changed(tmp_path, invert))
    assert plain.verdict is not None
    assert inverted.verdict is not None
    before, after = (job.verdict.probability.image or 0 for job in (plain, inverted) if job.verdict)
    assert after == pytest.approx(before, abs=0.02)
    report = report_of(orthanc, inverted.film.study_instance_uid, tmp_path)
    assert "This was corrected before the analysis" in dsrdump(report)


def test_the_policy_may_let_the_header_decide(make_node: MakeNode, tmp_path: Path) -> None:
    """With `confirm`, a film labelled as a hand is refused; with `off`, no image is checked."""
    node = make_node(policy={"admit": {"pixels": "confirm", "study_wait": 0.0}})
    node.serve()
    labelled, bare, turned = send(
        node,
        changed(tmp_path, labelled_as_hand),
        changed(tmp_path, untagged),
        changed(tmp_path, turn),
    )
    assert (labelled.state, labelled.reason, labelled.image_findings) == (
        JobState.REJECTED,
        "body-part",
        None,
    )
    assert bare.state is JobState.DONE
    assert turned.reason == "orientation"
    node.stop()
    node.set(policy={"admit": {"pixels": "off", "study_wait": 0.0}})
    node.serve()
    bare, turned = send(node, changed(tmp_path, untagged), changed(tmp_path, turn))
    assert (bare.state, bare.reason) == (JobState.REJECTED, "body-part")
    assert (turned.state, turned.image_findings) == (JobState.DONE, None)


def test_a_report_states_why_a_film_was_not_analysed(
    make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any], tmp_path: Path
) -> None:
    """`policy.admit.report` lists the reasons, and the report is valid without a score."""
    admit = {"report": ["orientation", "age"], "study_wait": 0.0}
    node = make_node(destinations=[destination], policy={"admit": admit})
    node.serve()
    young = changed(tmp_path, lambda ds: setattr(ds, "PatientAge", "030Y"))
    films = changed(tmp_path, turn), young, changed(tmp_path, cut)
    turned, child, part = send(node, *films)
    assert (turned.state, turned.reason) == (JobState.DONE, "orientation")
    assert (child.state, child.reason, child.image_findings) == (JobState.DONE, "age", None)
    assert part.state is JobState.REJECTED
    for job, phrase in ((turned, "the image is rotated"), (child, "age is below the limit")):
        report = report_of(orthanc, job.film.study_instance_uid, tmp_path)
        assert dciodvfy(report).errors == ()
        text = dsrdump(report)
        assert "not analysed" in text
        assert phrase in text
        assert f"not analysed = {job.reason}" in text
        assert "Certainty of Finding" not in text
    assert orthanc.count() == 2


def test_one_film_of_a_study_is_scored(
    make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any], tmp_path: Path
) -> None:
    """A PA film is preferred to an AP film. If the PA film is rotated, the AP film is scored."""
    admit = {"admit": {"study_wait": 2.0}}
    node = make_node(destinations=[destination], policy=admit)
    node.serve()
    for preferred_rotated in (False, True):
        study = generate_uid()
        ap = changed(tmp_path, in_study(study, "AP"))
        pa = changed(tmp_path, in_study(study, "PA"), *([turn] if preferred_rotated else []))
        second, preferred = send(node, ap, pa)
        scored, refused = (second, preferred) if preferred_rotated else (preferred, second)
        assert scored.state is JobState.DONE, (scored, node.log())
        assert refused.state is JobState.REJECTED
        assert refused.reason == ("orientation" if preferred_rotated else "study")
        if not preferred_rotated:
            assert scored.film.sop_instance_uid in refused.error
    assert orthanc.count() == 4


def in_study(study: str, view: str) -> Change:
    """Return a change that moves a film into a study and sets its view."""

    def change(ds: FileDataset) -> None:
        ds.StudyInstanceUID, ds.ViewPosition = study, view

    return change


def report_of(orthanc: Orthanc, study: str, folder: Path) -> Path:
    """Return the file of the only report in a study."""
    [report] = [
        instance
        for instance in orthanc.study_instances(study)
        if instance.sop_class_uid == Comprehensive3DSRStorage
    ]
    path = folder / f"{report.id}.dcm"
    path.write_bytes(orthanc.file(report.id))
    return path
