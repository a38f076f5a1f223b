"""The challenger scores the same films and does not affect results."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models.bundle.operating_points import OperatingPoint
from node.challenger.setup import challenger_counts
from node.challenger.states import ChallengerState
from node.config.settings import load
from node.domain.workflow.job import JobState
from node.inference.card_summary import CardSummary
from tests.peers.bundles import write_bundle, write_recalibrated_bundle
from tests.peers.command import assert_fails, osteoscreen
from tests.peers.node import Node
from tests.peers.orthanc import Orthanc
from tests.peers.waiting import wait_until

pytestmark = pytest.mark.tools("dcmsend", "echoscu", "Orthanc")

MakeNode = Callable[..., Node]
POINT = OperatingPoint(
    name="other", threshold=0.4, sensitivity=1, specificity=1, films=2, positives=1, source="here"
)


TIMEOUT = 600.0
"""In seconds. The challenger has the lowest priority, so it is slow while other tests run."""


def counts(node: Node, digest: str) -> dict[ChallengerState, int]:
    by_state = challenger_counts(load(node.file), digest)
    return {state: count for state, count in by_state.items() if count}


def report(node: Node, *options: str) -> Any:
    process = osteoscreen("challenger", "report", "--json", "--config", node.file, *options)
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


def test_a_challenger_that_is_killed_scores_every_film_once_and_sends_nothing(
    make_node: MakeNode,
    orthanc: Orthanc,
    destination: dict[str, Any],
    films: list[Path],
    tmp_path: Path,
) -> None:
    """After kill -9 of the challenger, each film ends with one score of the challenger.

    The PACS has two results of each film, and each result names the serving bundle.
    """
    second = write_recalibrated_bundle(tmp_path / "next", offset=1.0)
    digest = CardSummary.read(str(second)).digest
    node = make_node(
        destinations=[destination], challenger={"bundle": str(second)}, model={"threads": 1}
    )
    node.serve()
    uids = node.send(*films)
    wait_until(lambda: counts(node, digest), bool, TIMEOUT, f"film of the challenger\n{node.log()}")
    os.kill(node.process_of("challenger"), signal.SIGKILL)
    assert {job.state for job in node.wait_ended(uids)} == {JobState.DONE}
    wait_until(
        lambda: counts(node, digest),
        lambda counts: counts == {ChallengerState.SCORED: len(films)},
        TIMEOUT,
        f"score of every film\n{node.log()}",
    )
    assert orthanc.count() == 2 * len(films)
    serving = {job.verdict.model.digest for job in node.jobs() if job.verdict is not None}
    assert serving == {CardSummary.read("demo").digest}

    folder = tmp_path / "report"
    result = report(node, "--out", str(folder))
    assert result["coverage"]["compared"] == result["coverage"]["films"] == len(films)
    assert result["scores"]["image"]["mean"] > 0
    assert result["seconds"]["challenger"]["films"] == len(films)
    assert {path.name for path in folder.iterdir()} == {"report.txt", "report.json", "report.png"}
    assert node.stop() == [0]


def test_a_challenger_that_cannot_run_does_not_affect_results(
    make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any], film: Path
) -> None:
    """The supervisor restarts the challenger, and the log has the reason of its end."""
    node = make_node(destinations=[destination], challenger={"bundle": "./nowhere"})
    node.serve()
    [uid] = node.send(film)
    assert [job.state for job in node.wait_ended([uid])] == [JobState.DONE]
    wait_until(
        node.log, lambda log: "challenger.bundle: " in log, TIMEOUT, "event of the challenger"
    )
    assert orthanc.count() == 2
    assert node.stop() == [0]


def test_a_challenger_without_the_policys_operating_point_waits_for_another_policy(
    make_node: MakeNode, film: Path, tmp_path: Path
) -> None:
    """The challenger pauses until the policy has a threshold that both bundles support."""
    second = write_bundle(tmp_path / "next", operating_points=(POINT,), combined=None)
    digest = CardSummary.read(str(second)).digest
    node = make_node(challenger={"bundle": str(second)}, policy={"threshold": "youden"})
    node.serve()
    node.wait_ended(node.send(film))
    wait_until(node.log, lambda log: "challenger_paused" in log, TIMEOUT, "event of the challenger")
    assert counts(node, digest) == {}
    node.set(policy={"threshold": 0.5})
    process = osteoscreen("reload", "--config", node.file)
    assert process.returncode == 0, process.stdout
    wait_until(
        lambda: counts(node, digest),
        lambda counts: counts == {ChallengerState.SCORED: 1},
        TIMEOUT,
        f"score of the film\n{node.log()}",
    )


def test_without_a_challenger_role_and_report_are_refused(make_node: MakeNode) -> None:
    node = make_node()
    for arguments in (["serve", "--role", "challenger"], ["challenger", "report"]):
        process = osteoscreen(*arguments, "--config", node.file)
        assert_fails(process, 2, "challenger: null")
