"""`doctor --round-trip` sends a synthetic film through the node to every destination."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from node.domain.workflow.job import JobState
from tests.peers.command import osteoscreen
from tests.peers.committing import CommittingPacs
from tests.peers.node import Node
from tests.peers.orthanc import Orthanc

MakeNode = Callable[..., Node]


def run_checks(node: Node, *options: str) -> dict[str, tuple[bool, str]]:
    """Run the doctor; return success and detail of each check, by name."""
    process = osteoscreen("doctor", "--round-trip", "--json", *options, "--config", node.file)
    checks = {check["name"]: (check["ok"], check["detail"]) for check in json.loads(process.stdout)}
    assert process.returncode == (0 if all(ok for ok, _ in checks.values()) else 1)
    return checks


@pytest.mark.tools("Orthanc")
def test_a_marked_study_is_stored_and_committed(
    make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any]
) -> None:
    """Each run has its own study, and all runs have a test patient with a recognisable name."""
    node = make_node(destinations=[destination | {"commitment": True}])
    node.serve()
    for number in (1, 2):
        checks = run_checks(node)
        assert all(ok for ok, _ in checks.values()), checks
        assert "received and scored as job" in checks["round trip"][1]
        assert "report and heatmap stored and committed in" in checks["round trip to pacs"][1]
        assert orthanc.count() == 2 * number
    tags = [orthanc.tags(instance.id) for instance in orthanc.instances()]
    assert {ds["PatientID"] for ds in tags} == {"OSTEOSCREEN-TEST"}
    assert {ds["PatientName"] for ds in tags} == {"OSTEOSCREEN^ROUND TRIP"}
    assert {ds["StudyDescription"] for ds in tags} == {"OsteoScreen round trip: no patient"}
    assert "Comprehensive 3D SR (explicit VR, implicit VR)" in checks["destination pacs"][1]
    assert "Storage Commitment Push Model" in checks["destination pacs"][1]


def test_a_missing_commitment_report_is_an_error(
    make_node: MakeNode, committing_pacs: CommittingPacs
) -> None:
    """The PACS stores the results, but never sends a commitment report."""
    committing_pacs.start()
    node = make_node(destinations=[committing_pacs.destination | {"commitment": True}])
    node.serve()
    checks = run_checks(node, "--wait", "40")
    failed = {name: detail for name, (ok, detail) in checks.items() if not ok}
    assert list(failed) == ["round trip to committing"]
    assert "report stored, but the commitment report is missing" in failed.popitem()[1]
    assert len(committing_pacs.stored) == 2


def test_an_unflagged_film_is_not_sent_to_a_destination_for_flagged_films(
    make_node: MakeNode, committing_pacs: CommittingPacs
) -> None:
    committing_pacs.start()
    flagged = committing_pacs.destination | {"when": "flagged"}
    node = make_node(destinations=[flagged], policy={"threshold": 1.0})
    node.serve()
    ok, detail = run_checks(node)["round trip to committing"]
    assert ok
    assert detail == "nothing to send: the destination receives flagged films, and this film is not"


def test_a_policy_that_refuses_the_synthetic_film_is_reported(make_node: MakeNode) -> None:
    node = make_node(policy={"admit": {"modalities": ["CR"]}})
    node.serve()
    ok, detail = run_checks(node)["round trip"]
    assert not ok
    assert detail == "refused (modality): policy.admit does not admit the synthetic film"
    assert [job.state for job in node.jobs()] == [JobState.REJECTED]


@pytest.mark.parametrize(
    ("callers", "running", "remedy"),
    [
        ([], False, "run osteoscreen serve"),
        (
            [{"ae_title": "ECHOSCU", "network": "127.0.0.1"}],
            True,
            "add to dicom.callers: {ae_title: OSTEO-DOCTOR, network: 127.0.0.1}",
        ),
    ],
    ids=["not-running", "caller-refused"],
)
def test_the_remedy_is_stated_if_the_film_cannot_be_sent(
    make_node: MakeNode, node_port: int, callers: list[Any], running: bool, remedy: str
) -> None:
    """A node that refuses the doctor as a caller still passes the check `node`."""
    node = make_node(dicom={"port": node_port, "callers": callers})
    if running:
        node.serve()
    checks = run_checks(node)
    assert checks["round trip"][0] is False
    assert remedy in checks["round trip"][1]
    assert checks["node"][0] is running
