"""A node beside a PACS, as a hospital has them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from node.demo.run import SHIPPED_FILM
from tests.peers.committing import CommittingPacs
from tests.peers.node import AE_TITLE, Node
from tests.peers.orthanc import Orthanc
from tests.support.films import write_to_new_study


@pytest.fixture
def film() -> Path:
    """Return the film that the product ships."""
    return SHIPPED_FILM


@pytest.fixture
def films(film: Path, tmp_path: Path) -> list[Path]:
    """Return six films, the shipped one under other names."""
    return [write_to_new_study(film, tmp_path / f"film{number}.dcm") for number in range(6)]


@pytest.fixture
def make_node(tmp_path: Path, node_port: int) -> Iterator[Callable[..., Node]]:
    """Return a function that makes the node of this test, not yet running."""
    made: list[Node] = []

    def make(**sections: Any) -> Node:
        # One process for each role starts fast; a test that needs more asks for them.
        few: dict[str, Any] = {"dicom": {"processes": 1}, "model": {"decoders": 1}}
        merged = {name: few.get(name, {}) | sections.get(name, {}) for name in few}
        made.append(Node(tmp_path / "node", node_port, **sections | merged))
        return made[-1]

    yield make
    for node in made:
        node.kill()


@pytest.fixture
def committing_pacs(node_port: int) -> Iterator[CommittingPacs]:
    """Return a PACS that the test speaks for; it does not listen yet."""
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
