"""Fixtures of acceptance tests: a node, its films, and Orthanc as its destination."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from node.demo.run import SHIPPED_FILM
from tests.peers.command import fork
from tests.peers.committing import CommittingPacs
from tests.peers.node import AE_TITLE, Node
from tests.peers.orthanc import Orthanc
from tests.support.films import write_to_new_study


@pytest.fixture
def film() -> Path:
    """Return the path of the shipped film."""
    return SHIPPED_FILM


@pytest.fixture
def films(film: Path, tmp_path: Path) -> list[Path]:
    """Return six copies of the shipped film, each in its own study."""
    return [write_to_new_study(film, tmp_path / f"film{number}.dcm") for number in range(6)]


@pytest.fixture
def make_node(tmp_path: Path, node_port: int) -> Iterator[Callable[..., Node]]:
    """Return a function that creates a node, which does not run yet."""
    nodes: list[Node] = []

    def make(**sections: Any) -> Node:
        # Few processes and threads start faster and share two cores; a test can configure more.
        few: dict[str, Any] = {"dicom": {"processes": 1}, "model": {"decoders": 1, "threads": 1}}
        merged = {name: few.get(name, {}) | sections.get(name, {}) for name in few}
        nodes.append(Node(tmp_path / "node", node_port, fork, **sections | merged))
        return nodes[-1]

    yield make
    for node in nodes:
        node.kill()


@pytest.fixture
def committing_pacs(node_port: int) -> Iterator[CommittingPacs]:
    """Return a PACS that does not listen yet, and whose commitment reports the test sends."""
    pacs = CommittingPacs(node_port, AE_TITLE)
    yield pacs
    pacs.stop()


@pytest.fixture
def destination(orthanc: Orthanc) -> dict[str, Any]:
    """Return the configuration of Orthanc as a destination."""
    return {
        "name": "pacs",
        "ae_title": orthanc.ae_title,
        "host": orthanc.host,
        "port": orthanc.port,
        "timeout": 10,
    }
