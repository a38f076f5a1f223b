"""What a film shows, against what its header says, through the whole node to a real PACS."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import FileDataset
from pydicom.uid import Comprehensive3DSRStorage, generate_uid

from node.domain.admission.reasons import AdmissionNote
from node.domain.workflow.job import Job, JobState
from tests.peers.dcmtk import dciodvfy, dcmsend, dsrdump
from tests.peers.node import AE_TITLE, Node
from tests.peers.orthanc import Orthanc
from tests.support.peer_films import small_film

pytestmark = pytest.mark.tools("dcmsend", "dsrdump", "dciodvfy", "Orthanc")

MakeNode = Callable[..., Node]
Change = Callable[[FileDataset], None]


def shown(ds: FileDataset, pixels: np.ndarray) -> None:
    """Put other pixels into a film."""
    ds.Rows, ds.Columns = pixels.shape
    ds.PixelData = np.ascontiguousarray(pixels).tobytes()


def turn(ds: FileDataset) -> None:
    """Turn the picture by a quarter."""
    shown(ds, np.rot90(ds.pixel_array))


def upside_down(ds: FileDataset) -> None:
    """Turn the picture by half a turn."""
    shown(ds, np.rot90(ds.pixel_array, 2))


def invert(ds: FileDataset) -> None:
    """State the other polarity: black is white now, and no pixel is another."""
    other = {"MONOCHROME1": "MONOCHROME2", "MONOCHROME2": "MONOCHROME1"}
    ds.PhotometricInterpretation = other[ds.PhotometricInterpretation]
    if "PresentationLUTShape" in ds:
        shape = {"IDENTITY": "INVERSE", "INVERSE": "IDENTITY"}
        ds.PresentationLUTShape = shape[ds.PresentationLUTShape]


def cut(ds: FileDataset) -> None:
    """Leave the lower right part, a third of each side, in as many pixels as the film had."""
    pixels = ds.pixel_array
    part = pixels[2 * pixels.shape[0] // 3 :, 2 * pixels.shape[1] // 3 :]
    shown(ds, np.kron(part, np.ones((3, 3), part.dtype)))


def scatter(ds: FileDataset) -> None:
    """Show noise."""
    pixels = ds.pixel_array
    shown(ds, np.random.default_rng(1).permutation(pixels.ravel()).reshape(pixels.shape))


def untagged(ds: FileDataset) -> None:
    """Leave nothing that tells body part or view."""
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


def a_hand(ds: FileDataset) -> None:
    """Say that the chest is a hand, seen from the side."""
    untagged(ds)
    ds.BodyPartExamined, ds.ViewPosition = "HAND", "LL"


def changed(tmp_path: Path, *changes: Change) -> Path:
    """Write the shipped film, small, as another one of another study, changed."""
    ds = small_film()
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    ds.StudyInstanceUID = generate_uid()
    for change in changes:
        change(ds)
    path = tmp_path / f"{ds.SOPInstanceUID}.dcm"
    ds.save_as(path)
    return path


def through(node: Node, *films: Path) -> list[Job]:
    """Send films and return their jobs once they have ended."""
    assert dcmsend(node.port, *films, called_ae=AE_TITLE).succeeded
    uids = [str(dcmread(film, stop_before_pixels=True).SOPInstanceUID) for film in films]
    return node.wait_ended(uids)


def test_pixels_have_the_last_word(
    make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any], tmp_path: Path
) -> None:
    """A film without tags is admitted, one with wrong tags too; what is no upright chest is not."""
    wanted: dict[tuple[Change, ...], tuple[str, set[str]]] = {
        (): ("", set()),
        (untagged,): ("", {AdmissionNote.BODY_PART_BY_PIXELS, AdmissionNote.VIEW_BY_PIXELS}),
        (a_hand,): ("", {AdmissionNote.BODY_PART_OVERRULED, AdmissionNote.VIEW_OVERRULED}),
        (invert,): ("", {AdmissionNote.INVERTED}),
        (turn,): ("orientation", set()),
        (upside_down,): ("orientation", set()),
        (upside_down, invert): ("orientation", set()),
        (cut,): ("body-part", set()),
        (scatter,): ("body-part", set()),
    }
    node = make_node(destinations=[destination])
    node.serve()
    jobs = through(node, *(changed(tmp_path, *changes) for changes in wanted))
    for job, (changes, (reason, notes)) in zip(jobs, wanted.items(), strict=True):
        told = [change.__name__ for change in changes], job.reason, job.error, job.seen
        if reason:
            assert job.state is JobState.REJECTED, told
            assert job.reason in (reason, "unlike"), told
        else:
            assert job.state is JobState.DONE, (told, node.log())
            assert job.verdict is not None
            assert set(job.verdict.notes) == notes, told
        assert job.seen is not None, told
    assert orthanc.count() == 2 * sum(not reason for reason, _ in wanted.values())


def test_a_film_that_was_set_right_scores_like_the_film_it_was(
    make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any], tmp_path: Path
) -> None:
    """And its report says what was done to it."""
    node = make_node(destinations=[destination])
    node.serve()
    plain, inverted = through(node, changed(tmp_path), changed(tmp_path, invert))
    assert plain.verdict is not None
    assert inverted.verdict is not None
    before, after = (job.verdict.probability.image or 0 for job in (plain, inverted) if job.verdict)
    assert after == pytest.approx(before, abs=0.02)
    report = report_of(orthanc, inverted.film.study_instance_uid, tmp_path)
    assert "came inverted and was set right" in dsrdump(report)


def test_a_header_that_is_wrong_may_be_left_the_last_word(
    make_node: MakeNode, tmp_path: Path
) -> None:
    """`confirm` refuses what a tag states, unseen; `off` sees nothing at all."""
    node = make_node(policy={"admit": {"pixels": "confirm", "study_wait": 0.0}})
    node.serve()
    hand, bare, turned = through(
        node, changed(tmp_path, a_hand), changed(tmp_path, untagged), changed(tmp_path, turn)
    )
    assert (hand.state, hand.reason, hand.seen) == (JobState.REJECTED, "body-part", None)
    assert bare.state is JobState.DONE
    assert turned.reason == "orientation"
    node.stop()
    node.set(policy={"admit": {"pixels": "off", "study_wait": 0.0}})
    node.serve()
    bare, turned = through(node, changed(tmp_path, untagged), changed(tmp_path, turn))
    assert (bare.state, bare.reason) == (JobState.REJECTED, "body-part")
    assert (turned.state, turned.seen) == (JobState.DONE, None)


def test_a_report_says_why_a_film_was_not_analysed(
    make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any], tmp_path: Path
) -> None:
    """For the reasons that policy names, by pixels and by header; valid, without a score."""
    admit = {"report": ["orientation", "age"], "study_wait": 0.0}
    node = make_node(destinations=[destination], policy={"admit": admit})
    node.serve()
    young = changed(tmp_path, lambda ds: setattr(ds, "PatientAge", "030Y"))
    films = changed(tmp_path, turn), young, changed(tmp_path, cut)
    turned, child, part = through(node, *films)
    assert (turned.state, turned.reason) == (JobState.DONE, "orientation")
    assert (child.state, child.reason, child.seen) == (JobState.DONE, "age", None)
    assert part.state is JobState.REJECTED
    for job, words in ((turned, "its picture is turned"), (child, "age is under the limit")):
        report = report_of(orthanc, job.film.study_instance_uid, tmp_path)
        assert dciodvfy(report).errors == ()
        text = dsrdump(report)
        assert "not analysed" in text
        assert words in text
        assert f"not analysed = {job.reason}" in text
        assert "Certainty of Finding" not in text
    assert orthanc.count() == 2


def test_one_film_of_a_study_is_scored(
    make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any], tmp_path: Path
) -> None:
    """PA before AP, whichever comes first; and where the better one is turned, the other."""
    admit = {"admit": {"study_wait": 2.0}}
    node = make_node(destinations=[destination], policy=admit)
    node.serve()
    for better_turned in (False, True):
        study = generate_uid()
        ap = changed(tmp_path, of(study, "AP"))
        pa = changed(tmp_path, of(study, "PA"), *([turn] if better_turned else []))
        worse, better = through(node, ap, pa)
        chosen, other = (worse, better) if better_turned else (better, worse)
        assert chosen.state is JobState.DONE, (chosen, node.log())
        assert other.state is JobState.REJECTED
        assert other.reason == ("orientation" if better_turned else "study")
        if not better_turned:
            assert chosen.film.sop_instance_uid in other.error
    assert orthanc.count() == 4


def of(study: str, view: str) -> Change:
    """Return what puts a film into a study, as a view."""

    def change(ds: FileDataset) -> None:
        ds.StudyInstanceUID, ds.ViewPosition = study, view

    return change


def report_of(orthanc: Orthanc, study: str, folder: Path) -> Path:
    """Return the file of the one report of a study."""
    [one] = [
        one
        for one in orthanc.study_instances(study)
        if one.sop_class_uid == Comprehensive3DSRStorage
    ]
    path = folder / f"{one.id}.dcm"
    path.write_bytes(orthanc.file(one.id))
    return path
