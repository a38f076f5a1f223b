"""Fixtures for all tests are peers, real films and databases.

If a program is missing, the tests that need this program are skipped with a reason. With CI=true, a
missing program fails these tests, because CI installs every program.
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

# Tests run in parallel, so more torch threads than cores would slow all of them down. The number
# of threads also affects the last bits of a score.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# On a busy machine, an example can take long. The bench package measures speed.
settings.register_profile("no_deadline", deadline=None)
settings.load_profile("no_deadline")

SHARED_DATA = ROOT.parent / "shared" / "data"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Check the markers before any fixture runs."""
    for mark in item.iter_markers("tools"):
        require(*mark.args)
    if item.get_closest_marker("shared_data"):
        _require_shared_data()


def _require_shared_data() -> None:
    if not SHARED_DATA.is_dir():
        pytest.skip("the folder of real films is not available")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real films; skip the test if the folder is missing."""
    _require_shared_data()
    return SHARED_DATA


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Return the URL of a PostgreSQL server that runs until the end of the session."""
    require("initdb", "postgres")
    with running_postgres() as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """Return the URL of an empty PostgreSQL database for this test."""
    with fresh_database(postgres_server) as url:
        yield url


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.tools("initdb", "postgres"))]
)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty database; the test runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'jobs.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def node_port() -> int:
    """Return the port of the node in this test, to which Orthanc sends reports."""
    return free_port()


@pytest.fixture
def orthanc(tmp_path: Path, node_port: int) -> Iterator[Orthanc]:
    """Return an empty, running PACS that knows the node as `OSTEOSCREEN`."""
    require("Orthanc")
    folder = tmp_path / "orthanc"
    folder.mkdir()
    pacs = Orthanc(folder, node_port)
    try:
        pacs.start()
        yield pacs
    finally:
        # An orderly end of Orthanc takes seconds, and its content is not needed.
        pacs.kill()
