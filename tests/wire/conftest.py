"""Fixtures: a listening `IngestServer` with SQLite and a spool, and a PACS as destination."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.uid import (
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    ComputedRadiographyImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
)
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.sop_class import Verification

from node.audit.file_trail import FileTrail
from node.audit.message import AuditSource
from node.config.peers import Destination
from node.config.sections import DicomSection
from node.domain.access import Caller
from node.domain.admission.header_rules import AdmissionPolicy
from node.domain.hysteresis import DiskReserve
from node.domain.workflow.job import Job
from node.domain.workflow.retry import RetryPolicy
from node.ingest.commitment_reports import ReportService
from node.ingest.listening_socket import open_listening_socket
from node.ingest.scp import IngestServer
from node.ingest.store import StoreService
from node.jobs import schema
from node.jobs.engine import open_engine
from node.jobs.intake import IntakeStore
from node.jobs.operator import OperatorStore
from node.pacs.commitment import PUSH_MODEL
from node.spool.store import FileSpool
from tests.peers.waiting import free_port
from tests.support.policies import make_admission_policy

AE_TITLE = "OSTEOSCREEN"
RETRY = RetryPolicy(attempts=3, first=2.0, cap=60.0)
WAITS = {"artim_timeout": 10.0, "dimse_timeout": 10.0, "idle_timeout": 10.0}


@pytest.fixture(scope="module", autouse=True)
def _temporary_files_as_before() -> Iterator[None]:
    """Restore the folder for temporary files, which a listening node changes in this process."""
    before = tempfile.tempdir
    yield
    tempfile.tempdir = before


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Node:
    """A listening node, its spool and its job table."""

    folder: Path
    port: int = field(default_factory=free_port)
    callers: tuple[Caller, ...] = ()
    min_free: int = 0
    policy: AdmissionPolicy = field(default_factory=make_admission_policy)
    settings: dict[str, Any] = field(default_factory=dict)
    clock: Callable[[], datetime] = utc_now

    def __post_init__(self) -> None:
        self.database = f"sqlite:///{self.folder / 'jobs.db'}"
        self.engine = open_engine(self.database)
        schema.upgrade(self.engine)
        reserve = DiskReserve(self.min_free, self.min_free)
        self.spool = FileSpool(self.folder / "spool", reserve)
        self.spool.prepare()
        intake = IntakeStore(self.engine, RETRY)
        origin = AuditSource("wire", AE_TITLE, "127.0.0.1", "osteoscreen ingest", os.getpid())
        self.audit = FileTrail(self.folder / "audit.log", origin, utc_now)
        self.server = IngestServer(
            settings=DicomSection(port=self.port, **(WAITS | self.settings)),
            callers=self.callers,
            incoming=self.spool.incoming,
            store=StoreService(intake, self.spool, self.policy, self.audit, self.clock),
            reports=ReportService(intake, utc_now),
            audit=self.audit,
        )

    def start(self) -> None:
        """Start the server on the node's port."""
        self.server.start(open_listening_socket("127.0.0.1", self.port))

    def jobs(self) -> list[Job]:
        """Return the jobs as another process reads them, oldest first."""
        engine = open_engine(self.database)
        try:
            return OperatorStore(engine).recent((), 1000)[::-1]
        finally:
            engine.dispose()

    def films(self) -> list[Path]:
        """Return the spooled films."""
        return sorted((self.folder / "spool" / "films").glob("*/*"))

    def incoming(self) -> list[Path]:
        """Return the files in the folder for unfinished transfers."""
        return sorted(self.spool.incoming.iterdir())

    @contextmanager
    def associated(self, *contexts: tuple[str, list[str]], **options: Any) -> Iterator[Association]:
        """Open an association as a modality does; each context has its own transfer syntaxes."""
        ae = AE(options.pop("calling_ae", "MODALITY"))
        ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 20.0
        for sop_class, syntaxes in contexts or CR_EXPLICIT:
            ae.add_requested_context(sop_class, syntaxes)
        called = options.pop("called_ae", AE_TITLE)
        assoc = ae.associate("127.0.0.1", self.port, ae_title=called, **options)
        try:
            yield assoc
        finally:
            if assoc.is_established:
                assoc.release()

    def send(self, ds: Dataset) -> int:
        """Send an object in its own transfer syntax; return the status."""
        syntax = str(ds.file_meta.TransferSyntaxUID)
        with self.associated((str(ds.SOPClassUID), [syntax])) as assoc:
            return int(assoc.send_c_store(ds).Status)


CR_EXPLICIT = ((str(ComputedRadiographyImageStorage), [str(ExplicitVRLittleEndian)]),)


@pytest.fixture
def open_node(tmp_path: Path) -> Iterator[Callable[..., Node]]:
    """Return a function that starts a node with the test's own settings."""
    started: list[Node] = []

    def start(**options: Any) -> Node:
        folder = tmp_path / f"node{len(started)}"
        folder.mkdir()
        node = Node(folder, **options)
        node.start()
        started.append(node)
        return node

    yield start
    for node in started:
        node.server.stop()
        node.engine.dispose()


@pytest.fixture
def node(open_node: Callable[..., Node]) -> Node:
    """Return a node with the default settings, listening."""
    return open_node()


EVERYTHING = (
    Verification,
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    SecondaryCaptureImageStorage,
    PUSH_MODEL,
)
StartPacs = Callable[..., Destination]


@pytest.fixture
def pacs() -> Iterator[StartPacs]:
    """Return a function that starts a PACS and returns it as a destination.

    `handlers` are those of pynetdicom. The PACS accepts `classes` and `syntaxes`.
    """
    servers = []

    def start(
        handlers: list[Any] | None = None,
        classes: tuple[str, ...] = EVERYTHING,
        syntaxes: tuple[str, ...] = (ExplicitVRLittleEndian, ImplicitVRLittleEndian),
        **settings: Any,
    ) -> Destination:
        ae = AE("PACS")
        for sop_class in classes:
            ae.add_supported_context(sop_class, list(syntaxes))
        for name, value in settings.items():
            setattr(ae, name, value)
        port = free_port()
        servers.append(ae.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers))
        return make_destination(port)

    yield start
    for server in servers:
        server.shutdown()


def make_destination(port: int, **changes: Any) -> Destination:
    settings = {
        "name": "pacs",
        "ae_title": "PACS",
        "host": "127.0.0.1",
        "port": port,
        "timeout": 10.0,
    }
    return Destination(**(settings | changes))


def answering(status: int, comment: str = "") -> list[Any]:
    """Return the handlers of a PACS that answers every C-STORE with this status."""

    def on_store(_event: evt.Event) -> Dataset:
        answer = Dataset()
        answer.Status = status
        if comment:
            answer.ErrorComment = comment
        return answer

    return [(evt.EVT_C_STORE, on_store)]
