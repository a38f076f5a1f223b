"""A running node starts, ends, and survives the end of its processes."""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from node.domain.workflow.delivery import FINAL_DELIVERY_STATES, DeliveryState
from node.domain.workflow.job import JobState
from tests.peers.bundles import DEMO_BUNDLE
from tests.peers.committing import CommittingPacs
from tests.peers.dcmtk import echoscu
from tests.peers.node import AE_TITLE, Node
from tests.peers.orthanc import Orthanc
from tests.peers.waiting import wait_until

pytestmark = pytest.mark.tools("dcmsend", "echoscu", "Orthanc")

MakeNode = Callable[..., Node]


def test_sigterm_ends_every_process(make_node: MakeNode) -> None:
    """The node ends with status 0, and its port is free afterwards."""
    node = make_node()
    node.serve()
    assert node.stop() == [0]
    assert not echoscu(node.port, called_ae=AE_TITLE)


def test_the_installed_command_imports_torch_only_for_scoring(
    tmp_path: Path, node_port: int, film: Path
) -> None:
    """Nodes of other tests are forked from a process that has imported torch."""
    node = Node(tmp_path / "node", node_port, model={"decoders": 1, "threads": 1})
    try:
        node.serve()
        [job] = node.wait_ended(node.send(film))
        processes = [*node.processes(), ("supervisor", node.started[0].pid)]
        torch = {
            name for name, pid in processes if "libtorch" in Path(f"/proc/{pid}/maps").read_text()
        }
        assert (job.state, torch) == (JobState.DONE, {"analyse"})
    finally:
        node.kill()


def test_a_role_that_dies_is_started_again(
    make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any], film: Path
) -> None:
    """After kill -9 of the analyse process, the next analyse process scores the film."""
    node = make_node(destinations=[destination])
    node.serve()
    [uid] = node.send(film)
    node.wait_for(uid, lambda detail: detail.job.state is JobState.ANALYSING)
    os.kill(node.process_of("analyse"), signal.SIGKILL)
    [job] = node.wait_ended([uid])
    assert job.state is JobState.DONE
    assert job.attempt > 1
    assert orthanc.count() == 2


def test_a_bundle_that_is_damaged_later_does_not_stop_ingest(
    make_node: MakeNode,
    orthanc: Orthanc,
    destination: dict[str, Any],
    film: Path,
    tmp_path: Path,
) -> None:
    """The analyse process cannot start again until the bundle is repaired; then the film is scored.

    If the bundle is damaged when the node starts, the node exits with status 2.
    """
    bundle = tmp_path / "bundle"
    shutil.copytree(DEMO_BUNDLE, bundle)
    weights = bundle / "weights.safetensors"
    content = weights.read_bytes()
    node = make_node(destinations=[destination], model={"bundle": str(bundle)})
    node.serve()
    weights.write_bytes(content[:-1])
    os.kill(node.process_of("analyse"), signal.SIGKILL)
    wait_until(lambda: node.log().count("role_died") >= 2, timeout=60, goal="two failed starts")
    uids = node.send(film)
    weights.write_bytes(content)
    assert [job.state for job in node.wait_ended(uids)] == [JobState.DONE]
    weights.write_bytes(content[:-1])
    node.stop()
    node.launch()
    assert node.wait_exit() == 2
    assert "model.bundle" in node.log()


def test_no_process_outlives_the_supervisor(make_node: MakeNode) -> None:
    """After kill -9 of the supervisor, its roles end, and the port is free."""
    node = make_node()
    node.serve()
    node.kill_supervisor()
    wait_until(
        lambda: echoscu(node.port, called_ae=AE_TITLE), lambda answers: not answers, timeout=30
    )


def test_a_destination_that_is_down_does_not_delay_the_others(
    make_node: MakeNode,
    orthanc: Orthanc,
    destination: dict[str, Any],
    committing_pacs: CommittingPacs,
    films: list[Path],
) -> None:
    """A running PACS receives its results at once, a stopped PACS as soon as it runs again."""
    node = make_node(destinations=[committing_pacs.destination, destination])
    node.serve()
    uids = node.send(*films)
    for uid in uids:
        job_detail = node.wait_for(
            uid, lambda job: [d.state for d in job.deliveries].count(DeliveryState.DELIVERED) == 2
        )
        assert {
            d.destination for d in job_detail.deliveries if d.state in FINAL_DELIVERY_STATES
        } == {"pacs"}
        assert job_detail.job.state is JobState.ANALYSED
    sent = {instance.sop_instance_uid for instance in orthanc.instances()}
    assert len(sent) == 2 * len(films)
    committing_pacs.start()
    assert {job.state for job in node.wait_ended(uids)} == {JobState.DONE}
    assert sorted(committing_pacs.stored) == sorted(sent)


@pytest.mark.tools("initdb", "postgres")
def test_roles_on_one_postgresql_share_the_work(
    make_node: MakeNode,
    orthanc: Orthanc,
    destination: dict[str, Any],
    film: Path,
    postgres_url: str,
) -> None:
    """With all roles on PostgreSQL, a film is received, scored, committed by the PACS, and done."""
    node = make_node(
        destinations=[destination | {"commitment": True}], database={"url": postgres_url}
    )
    node.serve()
    [job] = node.wait_ended(node.send(film))
    assert job.state is JobState.DONE
    moves = [h.event for h in node.job_detail(job.film.sop_instance_uid).history]
    assert moves.count("commit") == 2
    assert orthanc.count() == 2
