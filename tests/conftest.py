"""What every test may ask for: real peers where this machine has them, real films, a database.

A missing program skips the tests that need it, by name. With CI=true it fails them instead,
because CI installs every program: a skip there would be a hole that nobody sees.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.peers.orthanc import Orthanc
from tests.peers.postgres import fresh_database, running_postgres
from tests.peers.programs import require
from tests.peers.waiting import free_port
from tests.support.paths import ROOT

# Tests share the cores with each other: torch's threads would wait for one another longer than they
# work, in every program that a test starts. And a net's last bits depend on how many there are.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# On a busy machine a case can take any time; how fast things are is measured in bench.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

SHARED_DATA = ROOT.parent / "shared" / "data"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Act on the markers before any fixture costs time."""
    for mark in item.iter_markers("tools"):
        require(*mark.args)
    if item.get_closest_marker("shared_data"):
        _require_shared_data()


def _require_shared_data() -> None:
    if not SHARED_DATA.is_dir():
        pytest.skip("the developers' folder of real films is not beside this checkout")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real films; the test skips where there is none."""
    _require_shared_data()
    return SHARED_DATA


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Return the URL of a PostgreSQL server that lives as long as the test run."""
    require("initdb", "postgres")
    with running_postgres() as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """Return the URL of an empty PostgreSQL database of this test's own."""
    with fresh_database(postgres_server) as url:
        yield url


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.tools("initdb", "postgres"))]
)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty database: the test runs on SQLite and on PostgreSQL alike."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'jobs.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def node_port() -> int:
    """Return the port on which a node in this test listens, and which `orthanc` reports to."""
    return free_port()


@pytest.fixture
def orthanc(tmp_path: Path, node_port: int) -> Iterator[Orthanc]:
    """Return an empty, running PACS that knows the node as OSTEOSCREEN on `node_port`."""
    require("Orthanc")
    folder = tmp_path / "orthanc"
    folder.mkdir()
    pacs = Orthanc(folder, node_port)
    try:
        pacs.start()
        yield pacs
    finally:
        # Nothing of it is kept, and an orderly end takes Orthanc seconds.
        pacs.kill()
