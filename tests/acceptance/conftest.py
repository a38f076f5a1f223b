"""A node beside a PACS, as a hospital has them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from node.demo.run import SHIPPED_FILM
from tests.peers.node import Node
from tests.peers.orthanc import Orthanc


@pytest.fixture
def film() -> Path:
    """Return the film that the product ships."""
    return SHIPPED_FILM


@pytest.fixture
def make_node(tmp_path: Path, node_port: int) -> Iterator[Callable[..., Node]]:
    """Return a function that makes the node of this test, not yet running."""
    made: list[Node] = []

    def make(**sections: Any) -> Node:
        made.append(Node(tmp_path / "node", node_port, **sections))
        return made[-1]

    yield make
    for node in made:
        node.kill()


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
