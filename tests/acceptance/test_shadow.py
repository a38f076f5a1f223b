"""Films are scored, but a destination in shadow mode receives no result."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from node.domain.workflow.job import JobState
from tests.peers.command import osteoscreen
from tests.peers.committing import CommittingPacs
from tests.peers.node import Node
from tests.peers.orthanc import Orthanc

pytestmark = pytest.mark.tools("dcmsend", "echoscu", "Orthanc")


def send(node: Node, film: Path) -> str:
    [uid] = node.send(film)
    assert [job.state for job in node.wait_ended([uid])] == [JobState.DONE]
    return uid


def job_json(node: Node, uid: str) -> Any:
    return json.loads(osteoscreen("jobs", "show", uid, "--json", "--config", node.file).stdout)


def test_one_destination_in_shadow_mode_gets_no_results(
    make_node: Callable[..., Node],
    orthanc: Orthanc,
    destination: dict[str, Any],
    committing_pacs: CommittingPacs,
    films: list[Path],
) -> None:
    """Results of earlier films are sent only after `jobs reanalyse`."""
    committing_pacs.start()
    trial = committing_pacs.destination
    node = make_node(destinations=[destination, trial | {"shadow": True}])
    node.serve()
    uid = send(node, films[0])
    job = job_json(node, uid)
    assert job["shadowed"] == ["committing"]
    assert job["probability"]["image"] is not None
    assert {delivery["destination"] for delivery in job["deliveries"]} == {"pacs"}
    assert (orthanc.count(), committing_pacs.stored) == (2, [])

    node.set(destinations=[destination, trial])
    assert osteoscreen("reload", "--config", node.file).returncode == 0
    later = send(node, films[1])
    assert len(committing_pacs.stored) == 2  # the report and the heatmap of the later film
    assert job_json(node, later)["shadowed"] == []
    process = osteoscreen("jobs", "reanalyse", uid, "--config", node.file)
    assert process.returncode == 0, process.stderr
    node.wait_for(uid, lambda job: job.job.state is JobState.DONE and len(job.deliveries) == 4)
    assert (len(committing_pacs.stored), orthanc.count()) == (4, 4)


def test_a_node_in_shadow_mode_sends_no_results(
    make_node: Callable[..., Node], orthanc: Orthanc, destination: dict[str, Any], film: Path
) -> None:
    node = make_node(destinations=[destination], policy={"shadow": True})
    node.serve()
    job = job_json(node, send(node, film))
    assert (job["shadowed"], job["deliveries"], orthanc.count()) == (["pacs"], [], 0)
