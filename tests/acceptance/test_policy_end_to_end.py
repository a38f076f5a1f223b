"""Policy at work: a patient who comes again, and thresholds tried before they are set."""

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.uid import Comprehensive3DSRStorage, generate_uid

from node.domain.workflow.job import JobState
from tests.peers.command import assert_fails, osteoscreen
from tests.peers.dcmtk import dcmsend
from tests.peers.node import AE_TITLE, Node
from tests.peers.orthanc import Orthanc
from tests.support.films import write_to_new_study

pytestmark = pytest.mark.tools("dcmsend", "Orthanc")

MakeNode = Callable[..., Node]
KNOWN = "this one is not flagged again"


def visit(film: Path, path: Path, day: str, patient: str = "P-17") -> Path:
    """Write a film of another study of the patient, taken on a day."""
    facts = {"PatientID": patient, "StudyInstanceUID": generate_uid(), "StudyDate": day}
    facts |= {"AcquisitionDate": day, "ContentDate": day, "SeriesDate": day}
    return write_to_new_study(film, path, **facts)


def send(node: Node, film: Path) -> dict[str, Any]:
    """Have a film scored, and return what the command says of it."""
    assert dcmsend(node.port, film, called_ae=AE_TITLE).succeeded
    uid = str(dcmread(film, stop_before_pixels=True).SOPInstanceUID)
    node.wait_for(uid, lambda one: one.job.state is JobState.DONE)
    done = osteoscreen("jobs", "show", uid, "--json", "--config", node.file)
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


def reports(orthanc: Orthanc) -> list[Dataset]:
    return [
        dcmread(BytesIO(orthanc.file(one.id)))
        for one in orthanc.instances()
        if one.sop_class_uid == Comprehensive3DSRStorage
    ]


def texts(ds: Dataset) -> list[str]:
    return [element.value for element in ds.iterall() if element.keyword == "TextValue"]


def test_a_patient_who_comes_again_is_not_flagged_twice(
    make_node: MakeNode,
    orthanc: Orthanc,
    destination: dict[str, Any],
    film: Path,
    tmp_path: Path,
) -> None:
    """From the film's header to the report, and to what a destination gets that wants flags."""
    node = make_node(
        policy={"threshold": 0.0, "prior": {"months": 12}},
        destinations=[destination | {"send": ["report"], "when": "flagged"}],
    )
    node.serve()
    first = send(node, visit(film, tmp_path / "first.dcm", "20260101"))
    again = send(node, visit(film, tmp_path / "again.dcm", "20260301"))
    other = send(node, visit(film, tmp_path / "other.dcm", "20260301", patient="P-18"))
    late = send(node, visit(film, tmp_path / "late.dcm", "20270301"))
    assert [one["flagged"] for one in (first, again, other, late)] == [True, False, True, True]
    assert (again["finding"], again["prior"]["known"]) == ("present", True)
    assert again["prior"]["score"] == first["probability"]["combined"]
    assert {one["policy"] for one in (first, again, other, late)} == {first["policy"]}
    sent = reports(orthanc)
    assert len(sent) == 3
    for report in sent:
        assert f"policy SHA-256 = {first['policy']}" in texts(report)
        assert KNOWN not in "".join(texts(report))


def test_rules_are_tried_on_stored_scores_before_they_are_set(
    make_node: MakeNode, film: Path, tmp_path: Path
) -> None:
    """With densitometry, with a figure, and with the result that setting them then has."""
    node = make_node(policy={"threshold": 1.0}, destinations=[])
    node.serve()
    before = send(node, visit(film, tmp_path / "film.dcm", "20260101"))
    assert before["flagged"] is False
    config = ("--config", node.file)
    table, picture = tmp_path / "dxa.csv", tmp_path / "replay.png"
    table.write_text("patient_id,date,t_score_neck\nP-17,2026-02-01,-2.7\nP-18,2026-02-01,-1\n")
    for new, known in ((2, 0), (0, 2)):
        done = osteoscreen("outcomes", "import", table, "--json", *config)
        assert json.loads(done.stdout)["imported"] == {"new": new, "changed": 0, "known": known}

    tried = tmp_path / "tried.yaml"
    rules = {"threshold": 0.0, "abstain": 0.1}
    content = yaml.safe_load(node.file.read_text()) | {"policy": rules}
    tried.write_text(yaml.safe_dump(content))
    done = osteoscreen(
        *("thresholds", "replay", "--node", node.file, "--config", tried, "--json"),
        *("--figure", picture),
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["films"]["films"], said["films"]["new_flagged"]) == (1, 1)
    assert [flip["change"] for flip in said["flips"]] == ["flagged"]
    assert said["outcomes"]["before"]["sensitivity"]["value"] == 0.0
    assert said["outcomes"]["after"]["sensitivity"]["value"] == 1.0
    with Image.open(picture) as drawn:
        assert drawn.width > drawn.height > 500
    people = osteoscreen("thresholds", "replay", "--threshold", "0", *config)
    assert "the flags of 1 films change" in people.stdout
    assert "sensitivity" in people.stdout

    node.stop()
    node.file.write_text(yaml.safe_dump(content))
    node.serve()
    assert osteoscreen("jobs", "reanalyse", "1", *config).returncode == 0
    node.wait_for("1", lambda one: len(one.history) > 4 and one.job.state is JobState.DONE)
    verdict = node.job_detail("1").job.verdict
    assert verdict is not None
    assert verdict.decision.flagged
    assert verdict.decision.policy == said["policy"]["digest"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--threshold", "best"), "policy.threshold: the model card has no operating point 'best'"),
        (("--threshold", "2"), "--threshold: a threshold is a number from 0 to 1"),
        (("--within", "1y"), "--within: '1y' is not a number of days"),
        (("--figure", "/nowhere/x.png"), "nothing to draw"),
    ],
)
def test_what_cannot_be_replayed_is_said(tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    """In one line, by the option."""
    file = tmp_path / "config.yaml"
    file.write_text("database: {url: sqlite:///jobs.db}\nspool: {path: spool}\n")
    assert osteoscreen("db", "upgrade", "--config", file).returncode == 0
    done = osteoscreen("thresholds", "replay", *words, "--config", file)
    assert_fails(done, 1 if "figure" in words[0] else 2, told)


def test_a_table_with_a_fault_is_not_imported_at_all(tmp_path: Path) -> None:
    """The line is named, what stands in it is not."""
    file, table = tmp_path / "config.yaml", tmp_path / "dxa.csv"
    file.write_text("database: {url: sqlite:///jobs.db}\nspool: {path: spool}\n")
    assert osteoscreen("db", "upgrade", "--config", file).returncode == 0
    table.write_text("patient_id,date,t_score\nP-17,2026-02-01,-2.7\nP-99,Quillfeather,-1\n")
    done = osteoscreen("outcomes", "import", table, "--config", file)
    assert_fails(done, 1, "line 3: date is not written as", "nothing was imported")
    assert "P-99" not in done.stderr
    assert "Quillfeather" not in done.stderr
    done = osteoscreen("outcomes", "forget", "--config", file)
    assert done.stdout == "Deleted 0 T-scores\n"
