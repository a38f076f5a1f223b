"""`doctor --round-trip`: a film that is nobody's, through the running node to every destination."""

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


def checked(node: Node, *options: str) -> dict[str, tuple[bool, str]]:
    """Return the doctor's findings, of all and of the round trip, by name."""
    done = osteoscreen("doctor", "--round-trip", "--json", *options, "--config", node.file)
    found = {check["name"]: (check["ok"], check["detail"]) for check in json.loads(done.stdout)}
    assert done.returncode == (0 if all(ok for ok, _ in found.values()) else 1)
    return found


@pytest.mark.tools("Orthanc")
def test_a_marked_study_is_stored_and_committed(
    make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any]
) -> None:
    """Each time another study, all of one patient whose name says what they are."""
    node = make_node(destinations=[destination | {"commitment": True}])
    node.serve()
    for number in (1, 2):
        found = checked(node)
        assert all(ok for ok, _ in found.values()), found
        assert "received and scored as job" in found["round trip"][1]
        assert "report and heatmap stored and committed in" in found["round trip to pacs"][1]
        assert orthanc.count() == 2 * number
    tags = [orthanc.tags(one.id) for one in orthanc.instances()]
    assert {one["PatientID"] for one in tags} == {"OSTEOSCREEN-TEST"}
    assert {one["PatientName"] for one in tags} == {"OSTEOSCREEN^ROUND TRIP"}
    assert {one["StudyDescription"] for one in tags} == {"OsteoScreen round trip: no patient"}
    assert "Comprehensive 3D SR (explicit VR, implicit VR)" in found["destination pacs"][1]
    assert "Storage Commitment Push Model" in found["destination pacs"][1]


def test_a_pacs_that_is_silent_on_commitment_is_named(
    make_node: MakeNode, committing_pacs: CommittingPacs
) -> None:
    """Stored is not committed; and the other checks are all well."""
    committing_pacs.start()
    node = make_node(destinations=[committing_pacs.destination | {"commitment": True}])
    node.serve()
    found = checked(node, "--wait", "40")
    ill = {name: detail for name, (ok, detail) in found.items() if not ok}
    assert list(ill) == ["round trip to committing"]
    assert "report stored, but the commitment report is missing" in ill.popitem()[1]
    assert len(committing_pacs.stored) == 2


def test_a_destination_of_flagged_films_says_why_it_got_nothing(
    make_node: MakeNode, committing_pacs: CommittingPacs
) -> None:
    committing_pacs.start()
    flagged = committing_pacs.destination | {"when": "flagged"}
    node = make_node(destinations=[flagged], policy={"threshold": 1.0})
    node.serve()
    ok, detail = checked(node)["round trip to committing"]
    assert ok
    assert detail == "nothing to send: the destination receives flagged films, and this film is not"


def test_a_policy_that_lets_no_such_film_in_is_said(make_node: MakeNode) -> None:
    node = make_node(policy={"admit": {"modalities": ["CR"]}})
    node.serve()
    ok, detail = checked(node)["round trip"]
    assert not ok
    assert detail == "refused (modality): policy.admit does not admit the synthetic film"
    assert [job.state for job in node.jobs()] == [JobState.REJECTED]


@pytest.mark.parametrize(
    ("callers", "served", "said"),
    [
        ([], False, "run osteoscreen serve"),
        (
            [{"ae_title": "ECHOSCU", "network": "127.0.0.1"}],
            True,
            "add to dicom.callers: {ae_title: OSTEO-DOCTOR, network: 127.0.0.1}",
        ),
    ],
    ids=["not-running", "not-let-in"],
)
def test_a_node_that_cannot_be_sent_to(
    make_node: MakeNode, node_port: int, callers: list[Any], served: bool, said: str
) -> None:
    """A node that does not let the doctor in is well by itself: it answers."""
    node = make_node(dicom={"port": node_port, "callers": callers})
    if served:
        node.serve()
    found = checked(node)
    assert found["round trip"][0] is False
    assert said in found["round trip"][1]
    assert found["node"][0] is served
