"""A policy uses prior studies, and stored scores are replayed with other thresholds."""

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
from tests.peers.node import Node
from tests.peers.orthanc import Orthanc
from tests.support.films import write_to_new_study

pytestmark = pytest.mark.tools("dcmsend", "Orthanc")

MakeNode = Callable[..., Node]
NOT_FLAGGED_AGAIN = "this one is not flagged again"


def visit(film: Path, path: Path, day: str, patient: str = "P-17") -> Path:
    """Write a film of a new study of this patient, exposed on this day."""
    attributes = {"PatientID": patient, "StudyInstanceUID": generate_uid(), "StudyDate": day}
    attributes |= {"AcquisitionDate": day, "ContentDate": day, "SeriesDate": day}
    return write_to_new_study(film, path, **attributes)


def send(node: Node, film: Path) -> dict[str, Any]:
    """Send a film; return the output of `jobs show --json` when its job is done."""
    [uid] = node.send(film)
    node.wait_for(uid, lambda detail: detail.job.state is JobState.DONE)
    process = osteoscreen("jobs", "show", uid, "--json", "--config", node.file)
    summary: dict[str, Any] = json.loads(process.stdout)
    return summary


def reports(orthanc: Orthanc) -> list[Dataset]:
    return [
        dcmread(BytesIO(orthanc.file(instance.id)))
        for instance in orthanc.instances()
        if instance.sop_class_uid == Comprehensive3DSRStorage
    ]


def texts(ds: Dataset) -> list[str]:
    return [element.value for element in ds.iterall() if element.keyword == "TextValue"]


def test_a_patient_is_not_flagged_again_within_the_period(
    make_node: MakeNode,
    orthanc: Orthanc,
    destination: dict[str, Any],
    film: Path,
    tmp_path: Path,
) -> None:
    """A destination with `when: flagged` receives no second report."""
    node = make_node(
        policy={"threshold": 0.0, "prior": {"months": 12}},
        destinations=[destination | {"send": ["report"], "when": "flagged"}],
    )
    node.serve()
    first = send(node, visit(film, tmp_path / "first.dcm", "20260101"))
    again = send(node, visit(film, tmp_path / "again.dcm", "20260301"))
    different = send(node, visit(film, tmp_path / "other.dcm", "20260301", patient="P-18"))
    late = send(node, visit(film, tmp_path / "late.dcm", "20270301"))
    jobs = (first, again, different, late)
    assert [job["flagged"] for job in jobs] == [True, False, True, True]
    assert (again["finding"], again["prior"]["known"]) == ("present", True)
    assert again["prior"]["score"] == first["probability"]["combined"]
    assert {job["policy"] for job in jobs} == {first["policy"]}
    sent = reports(orthanc)
    assert len(sent) == 3
    for report in sent:
        assert f"policy SHA-256 = {first['policy']}" in texts(report)
        assert NOT_FLAGGED_AGAIN not in "".join(texts(report))


def test_a_replay_predicts_the_decisions_of_a_new_policy(
    make_node: MakeNode, film: Path, tmp_path: Path
) -> None:
    """The replay uses densitometry and writes a figure, and then the new policy takes effect."""
    node = make_node(policy={"threshold": 1.0}, destinations=[])
    node.serve()
    before = send(node, visit(film, tmp_path / "film.dcm", "20260101"))
    assert before["flagged"] is False
    config = ("--config", node.file)
    table, figure = tmp_path / "dxa.csv", tmp_path / "replay.png"
    table.write_text("patient_id,date,t_score_neck\nP-17,2026-02-01,-2.7\nP-18,2026-02-01,-1\n")
    for new, unchanged in ((2, 0), (0, 2)):
        process = osteoscreen("outcomes", "import", table, "--json", *config)
        assert json.loads(process.stdout)["imported"] == {
            "new": new,
            "changed": 0,
            "known": unchanged,
        }

    candidate = tmp_path / "candidate.yaml"
    rules = {"threshold": 0.0, "abstain": 0.1}
    content = yaml.safe_load(node.file.read_text()) | {"policy": rules}
    candidate.write_text(yaml.safe_dump(content))
    process = osteoscreen(
        *("thresholds", "replay", "--node", node.file, "--config", candidate, "--json"),
        *("--figure", figure),
    )
    assert process.returncode == 0, process.stderr
    result = json.loads(process.stdout)
    assert (result["films"]["films"], result["films"]["new_flagged"]) == (1, 1)
    assert [flip["change"] for flip in result["flips"]] == ["flagged"]
    assert result["outcomes"]["before"]["sensitivity"]["value"] == 0.0
    assert result["outcomes"]["after"]["sensitivity"]["value"] == 1.0
    with Image.open(figure) as image:
        assert image.width > image.height > 500
    text = osteoscreen("thresholds", "replay", "--threshold", "0", *config)
    assert "the flags of 1 films change" in text.stdout
    assert "sensitivity" in text.stdout

    node.stop()
    node.file.write_text(yaml.safe_dump(content))
    node.serve()
    assert osteoscreen("jobs", "reanalyse", "1", *config).returncode == 0
    node.wait_for("1", lambda job: len(job.history) > 4 and job.job.state is JobState.DONE)
    verdict = node.job_detail("1").job.verdict
    assert verdict is not None
    assert verdict.decision.flagged
    assert verdict.decision.policy == result["policy"]["digest"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--threshold", "best"), "policy.threshold: the model card has no operating point 'best'"),
        (("--threshold", "2"), "--threshold: a threshold is a number from 0 to 1"),
        (("--within", "1y"), "--within: '1y' is not a number of days"),
        (("--figure", "/nowhere/x.png"), "nothing to draw"),
    ],
)
def test_a_wrong_option_of_replay_is_named(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("database: {url: sqlite:///jobs.db}\nspool: {path: spool}\n")
    assert osteoscreen("db", "upgrade", "--config", file).returncode == 0
    process = osteoscreen("thresholds", "replay", *arguments, "--config", file)
    assert_fails(process, 1 if "figure" in arguments[0] else 2, message)


def test_a_densitometry_table_with_an_error_is_not_imported(tmp_path: Path) -> None:
    """The message has the number of the line, but no value of the line."""
    file, table = tmp_path / "config.yaml", tmp_path / "dxa.csv"
    file.write_text("database: {url: sqlite:///jobs.db}\nspool: {path: spool}\n")
    assert osteoscreen("db", "upgrade", "--config", file).returncode == 0
    table.write_text("patient_id,date,t_score\nP-17,2026-02-01,-2.7\nP-99,Quillfeather,-1\n")
    process = osteoscreen("outcomes", "import", table, "--config", file)
    assert_fails(process, 1, "line 3: date is not written as", "nothing was imported")
    assert "P-99" not in process.stderr
    assert "Quillfeather" not in process.stderr
    process = osteoscreen("outcomes", "forget", "--config", file)
    assert process.stdout == "Deleted 0 T-scores\n"
