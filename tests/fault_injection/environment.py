"""A node runs with all its dependencies: database, disk, model bundle and two archives.

The destination `pacs` is Orthanc behind a proxy that can interrupt connections. The destination
`answers` is a PACS whose status codes a fault sets.
"""

import contextlib
import random
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from pydicom.dataset import FileDataset

from tests.fault_injection.invariants import (
    END_STATES,
    ExpectedEnd,
    Observation,
    Violation,
    find_violations,
)
from tests.fault_injection.records import JobTable, archived_results
from tests.fault_injection.small_disk import small_disk
from tests.fault_injection.traffic import AcknowledgementLog, Traffic, send_all
from tests.peers.answering import AnsweringPacs
from tests.peers.bundles import DEMO_BUNDLE
from tests.peers.node import Node
from tests.peers.orthanc import Orthanc
from tests.peers.postgres import PostgresServer, postgres_folder
from tests.peers.proxy import FaultyProxy
from tests.peers.waiting import free_port, wait_until
from tests.support.films import copy_to_new_study, make_small_film

DESTINATIONS = ("pacs", "answers")
_SETTLE_SECONDS = 90.0
_SETTLE_SECONDS_PER_FILM = 1.5
_POLL_SECONDS = 0.25


class Environment:
    """A node with its disk, database, bundle and archives. On exit, every process has ended."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder = folder
        self.database = database
        self.rng = random.Random()  # seeded for each trial
        self.film: FileDataset = make_small_film()
        self.postgres: PostgresServer | None = None
        self.answering_pacs = AnsweringPacs()
        self._exit_stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self._start(stack)
            self._exit_stack = stack.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        self._exit_stack.close()

    def _start(self, stack: contextlib.ExitStack) -> None:
        self.folder.mkdir(parents=True)
        port = free_port()
        self.disk = stack.enter_context(small_disk(self.folder / "disk"))
        self.orthanc = Orthanc(self.folder, port)
        stack.callback(self.orthanc.kill)
        self.orthanc.start()
        self.proxy = FaultyProxy(self.orthanc.port)
        stack.callback(self.proxy.close)
        self.answering_pacs.start()
        stack.callback(self.answering_pacs.stop)
        self.bundle = self.folder / "bundle"
        shutil.copytree(DEMO_BUNDLE, self.bundle)
        self.node = Node(self.folder / "node", port, **self._sections(self._database(stack)))
        stack.callback(self.node.kill)
        self.job_table = JobTable(self.node.file)
        stack.callback(self.job_table.close)
        self.acknowledgements = AcknowledgementLog(self.folder / "acknowledged.txt")
        stack.callback(self.acknowledgements.close)

    def _database(self, stack: contextlib.ExitStack) -> str:
        if self.database == "sqlite":
            return f"sqlite:///{self.disk.folder / 'osteoscreen.db'}"
        self.postgres = PostgresServer(stack.enter_context(postgres_folder()))
        self.postgres.create()
        self.postgres.start()
        stack.callback(self.postgres.stop)
        stack.callback(self.postgres.thaw)
        return self.postgres.url

    def _sections(self, database_url: str) -> dict[str, Any]:
        """Return a configuration with short intervals and 30 attempts for an analysis.

        With the default number of attempts, repeated kills during one analysis could end a job as
        FAILED. A trial has fewer than 30 kills, so kills alone cannot exhaust 30 attempts.
        """
        pacs = self._destination("pacs", "ORTHANC", self.proxy.port)
        answering = self.answering_pacs
        return {
            "destinations": [
                pacs,
                self._destination("answers", answering.ae_title, answering.port),
            ],
            "database": {"url": database_url},
            "spool": {"path": str(self.disk.folder / "spool"), "min_free": self.disk.min_free},
            "model": {"bundle": str(self.bundle), "device": "cpu", "threads": 1},
            "results": {"heatmap_max_side": 256},
            "queue": {
                "poll": 0.1,
                "lease": 3,
                "analysis": {"attempts": 30, "first": 0.2, "cap": 0.5},
            },
        }

    def _destination(self, name: str, ae_title: str, port: int) -> dict[str, Any]:
        peer = {"name": name, "ae_title": ae_title, "host": "127.0.0.1", "port": port}
        return peer | {"timeout": 4}

    def traffic(self) -> Traffic:
        """Return senders that send films to the node while the context is open."""
        return Traffic(self.film, self.node.port, self.acknowledgements, self.folder, self.rng)

    def send_new(self, count: int) -> list[str]:
        """Send new films until each is accepted; return their SOP Instance UIDs."""
        return self.send([copy_to_new_study(self.film) for _ in range(count)])

    def send(self, films: Sequence[FileDataset]) -> list[str]:
        """Send films until each is accepted; return their SOP Instance UIDs."""
        if self.node.ended():
            self.node.serve()
        if not send_all(films, self.node.port, self.acknowledgements):
            raise AssertionError(f"the node did not accept a film: {self.node.log()}")
        return [str(film.SOPInstanceUID) for film in films]

    def wait_acknowledged(self, count: int) -> None:
        """Wait until this number of further films is acknowledged."""
        target = len(self.acknowledgements.films()) + count
        wait_until(
            lambda: len(self.acknowledgements.films()),
            lambda n: n >= target,
            120,
            "acknowledgement",
        )

    def find_violations(
        self, expected_ends: Mapping[str, ExpectedEnd] | None = None
    ) -> list[Violation]:
        """Wait until every job has ended or the time limit is reached; check the invariants."""
        self._settle()
        archives = {"pacs": self.orthanc, "answers": self.answering_pacs}
        return find_violations(
            Observation(
                DESTINATIONS,
                self.acknowledgements.films(),
                self.job_table.jobs(),
                archived_results(archives),
                expected_ends or {},
            )
        )

    def _settle(self) -> None:
        """Run the node until every acknowledged film has ended or the time limit is reached."""
        if self.node.ended():
            self.node.serve()
        films = len(self.acknowledgements.films())
        deadline = time.monotonic() + _SETTLE_SECONDS + _SETTLE_SECONDS_PER_FILM * films
        while not self._all_ended() and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)

    def _all_ended(self) -> bool:
        states = self.job_table.states()
        missing = {film.uid for film in self.acknowledgements.films()} - {uid for uid, _ in states}
        return not missing and all(state in END_STATES for _, state in states)
