"""Shadow mode: a film is scored and kept, and who is in shadow gets nothing of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread

from node.domain.workflow.job import JobState
from tests.peers.command import osteoscreen
from tests.peers.committing import CommittingPacs
from tests.peers.dcmtk import dcmsend
from tests.peers.node import AE_TITLE, Node
from tests.peers.orthanc import Orthanc

pytestmark = pytest.mark.tools("dcmsend", "echoscu", "Orthanc")


def send(node: Node, film: Path) -> str:
    assert dcmsend(node.port, film, called_ae=AE_TITLE).succeeded
    uid = str(dcmread(film, stop_before_pixels=True).SOPInstanceUID)
    assert [job.state for job in node.wait_ended([uid])] == [JobState.DONE]
    return uid


def shown(node: Node, uid: str) -> Any:
    return json.loads(osteoscreen("jobs", "show", uid, "--json", "--config", node.file).stdout)


def test_one_destination_gets_nothing_while_another_gets_its_results(
    make_node: Callable[..., Node],
    orthanc: Orthanc,
    destination: dict[str, Any],
    spoken_for: CommittingPacs,
    films: list[Path],
) -> None:
    """Leaving shadow sends nothing of the past; the operator's `reanalyse` does."""
    spoken_for.start()
    trial = spoken_for.destination
    node = make_node(destinations=[destination, trial | {"shadow": True}])
    node.serve()
    uid = send(node, films[0])
    seen = shown(node, uid)
    assert seen["shadowed"] == ["spoken-for"]
    assert seen["probability"]["image"] is not None
    assert {one["destination"] for one in seen["deliveries"]} == {"pacs"}
    assert (orthanc.count(), spoken_for.stored) == (2, [])

    node.set(destinations=[destination, trial])
    assert osteoscreen("reload", "--config", node.file).returncode == 0
    later = send(node, films[1])
    assert len(spoken_for.stored) == 2  # of the later film
    assert shown(node, later)["shadowed"] == []
    done = osteoscreen("jobs", "reanalyse", uid, "--config", node.file)
    assert done.returncode == 0, done.stderr
    node.wait_for(uid, lambda one: one.job.state is JobState.DONE and len(one.deliveries) == 4)
    assert (len(spoken_for.stored), orthanc.count()) == (4, 4)


def test_a_node_in_shadow_sends_nothing_to_anybody(
    make_node: Callable[..., Node], orthanc: Orthanc, destination: dict[str, Any], film: Path
) -> None:
    node = make_node(destinations=[destination], policy={"shadow": True})
    node.serve()
    seen = shown(node, send(node, film))
    assert (seen["shadowed"], seen["deliveries"], orthanc.count()) == (["pacs"], [], 0)
