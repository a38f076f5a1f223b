"""A node with all that it lives among, in one folder: database, disk, bundle, two archives.

`pacs` is Orthanc behind a line that can be broken; `answers` is a PACS that answers what it is
told to. Both are to hold one report and one heatmap of every film.
"""

import contextlib
import random
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from pydicom.dataset import FileDataset

import models
from node.domain.workflow.job import FINAL_JOB_STATES, JobState
from tests.fault_injection.disk import small_disk
from tests.fault_injection.judge import Ending, Finding, Observation, judge
from tests.fault_injection.observe import Records
from tests.fault_injection.traffic import Ledger, store_all
from tests.peers.answering import AnsweringPacs
from tests.peers.line import Line
from tests.peers.node import Node
from tests.peers.orthanc import Orthanc
from tests.peers.postgres import PostgresServer, postgres_folder
from tests.peers.waiting import free_port, wait_until
from tests.support.films import copy_to_new_study, make_small_film

SHIPPED_BUNDLE = Path(str(models.__file__)).parent / "bundles" / "demo"
DESTINATIONS = ("pacs", "answers")
ENDED = FINAL_JOB_STATES | {JobState.FAILED}
_PATIENCE = 90.0
_FOR_EACH_FILM = 1.5
_LOOK_SECONDS = 0.25


class House:
    """Everything that a fault may break. A context: on leaving, nothing of it runs any more."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder = folder
        self.database = database
        self.rng = random.Random()  # draws what to break and when
        self.film: FileDataset = make_small_film()
        self.postgres: PostgresServer | None = None
        self.answers = AnsweringPacs()
        self._open = contextlib.ExitStack()

    def draw(self, seed: str) -> None:
        """Draw what follows from this seed."""
        self.rng.seed(seed)

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as opened:
            self._build(opened)
            self._open = opened.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        self._open.close()

    def _build(self, opened: contextlib.ExitStack) -> None:
        self.folder.mkdir(parents=True)
        port = free_port()
        self.disk = opened.enter_context(small_disk(self.folder / "disk"))
        self.orthanc = Orthanc(self.folder, port)
        opened.callback(self.orthanc.kill)
        self.orthanc.start()
        self.line = Line(self.orthanc.port)
        opened.callback(self.line.close)
        self.answers.start()
        opened.callback(self.answers.stop)
        self.bundle = self.folder / "bundle"
        shutil.copytree(SHIPPED_BUNDLE, self.bundle)
        self.node = Node(self.folder / "node", port, **self._sections(self._database(opened)))
        opened.callback(self.node.kill)
        self.records = Records(self.node.file)
        opened.callback(self.records.close)
        self.ledger = Ledger(self.folder / "acknowledged.txt")
        opened.callback(self.ledger.close)

    def _database(self, opened: contextlib.ExitStack) -> str:
        if self.database == "sqlite":
            return f"sqlite:///{self.disk.folder / 'osteoscreen.db'}"
        self.postgres = PostgresServer(opened.enter_context(postgres_folder()))
        self.postgres.create()
        self.postgres.start()
        opened.callback(self.postgres.stop)
        opened.callback(self.postgres.thaw)
        return self.postgres.url

    def _sections(self, database_url: str) -> dict[str, Any]:
        """Return the configuration: short waits, and attempts enough to outlast any fault.

        With three attempts at an analysis, the default, three kills under one film would be an
        end that must be allowed. Here none is, unless the fault itself explains it: a film would
        have to be met by more kills than there are between two judgements.
        """
        return {
            "destinations": [
                self._destination("pacs", "ORTHANC", self.line.port),
                self._destination("answers", self.answers.ae_title, self.answers.port),
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

    def send(self, count: int) -> list[str]:
        """Send so many films, each until it is taken; return their UIDs."""
        return self.send_these([copy_to_new_study(self.film) for _ in range(count)])

    def send_these(self, films: Sequence[FileDataset]) -> list[str]:
        """Send films, each until it is taken; return their UIDs."""
        if self.node.ended():
            self.node.serve()
        if not store_all(films, self.node.port, self.ledger):
            raise AssertionError(f"the node never took a film: {self.node.log()}")
        return [str(film.SOPInstanceUID) for film in films]

    def wait_acknowledged(self, more: int) -> None:
        """Return once so many more films are acknowledged than are now."""
        wanted = len(self.ledger.all()) + more
        wait_until(
            lambda: len(self.ledger.all()), lambda count: count >= wanted, 120, "acknowledgement"
        )

    def settle(self) -> None:
        """Run the node until every acknowledged film has ended, or patience has."""
        if self.node.ended():
            self.node.serve()
        waiting = len(self.ledger.all())
        deadline = time.monotonic() + _PATIENCE + _FOR_EACH_FILM * waiting
        while not self._all_ended() and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)

    def findings(self, endings: Mapping[str, Ending] | None = None) -> list[Finding]:
        """Wait until all has ended; return what the judge has to say."""
        self.settle()
        held = self.records.held({"pacs": self.orthanc, "answers": self.answers})
        acknowledged, rows = self.ledger.all(), self.records.rows()
        return judge(Observation(DESTINATIONS, acknowledged, rows, held, endings or {}))

    def _all_ended(self) -> bool:
        states = self.records.states()
        there = {uid for uid, _ in states}
        missing = {one.uid for one in self.ledger.all()} - there
        return not missing and all(state in ENDED for _, state in states)
