"""Debian's Orthanc as the tests' PACS: `deploy/orthanc.json`, with its own ports and storage."""

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
from pydicom import Dataset, dcmread

from tests.peers.programs import find
from tests.peers.waiting import free_port, wait_until
from tests.support.paths import ROOT

CONFIGURATION = ROOT / "deploy" / "orthanc.json"


@dataclass(frozen=True, slots=True)
class Instance:
    """One stored object; `id` is Orthanc's own name for it."""

    id: str
    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str


class Orthanc:
    """A PACS that can be asked what it holds, and be stopped and started for an outage.

    Ports and storage outlast a stop. Orthanc binds every address and cannot be told otherwise;
    its REST interface answers this machine alone.
    """

    ae_title = "ORTHANC"
    host = "127.0.0.1"

    def __init__(self, folder: Path, node_port: int) -> None:
        self.folder = folder
        self.port = free_port()
        self.http_port = free_port()
        self.node_port = node_port
        self._process: subprocess.Popen[bytes] | None = None
        self._instances: dict[str, Instance] = {}

    def start(self) -> None:
        """Start, and return once both ports answer."""
        storage = self.folder / "storage"
        storage.mkdir(exist_ok=True)
        environment = os.environ | {
            "ORTHANC_DICOM_PORT": str(self.port),
            "ORTHANC_HTTP_PORT": str(self.http_port),
            "ORTHANC_STORAGE": str(storage),
            "OSTEOSCREEN_PORT": str(self.node_port),
        }
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(find("Orthanc")), str(CONFIGURATION)],
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        # Orthanc opens the DICOM port first.
        wait_until(self._answers, what="answer from Orthanc")

    def stop(self) -> None:
        """End it as an administrator would; what it acknowledged is stored."""
        self._end(subprocess.Popen.terminate)

    def kill(self) -> None:
        """End it as a crash would."""
        self._end(subprocess.Popen.kill)

    def freeze(self) -> None:
        """Make it hang: connections are accepted by the kernel and never answered."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def instances(self) -> list[Instance]:
        """Return every object it holds."""
        return [self._instance(id_) for id_ in self._json("GET", "/instances")]

    def study_instances(self, study_instance_uid: str) -> list[Instance]:
        """Return the objects of one study."""
        query = {"Level": "Instance", "Query": {"StudyInstanceUID": study_instance_uid}}
        return [self._instance(id_) for id_ in self._json("POST", "/tools/find", query)]

    def count(self, sop_class_uid: str | None = None) -> int:
        """Return how many objects it holds, of one SOP Class or of all."""
        seen = self.instances()
        return sum(sop_class_uid in (None, instance.sop_class_uid) for instance in seen)

    def wait_for(
        self, accept: Callable[[list[Instance]], bool], timeout: float = 20.0
    ) -> list[Instance]:
        """Return the objects once they are as expected, else fail and tell which were there."""
        return wait_until(self.instances, accept, timeout, "expected content of the PACS")

    def tags(self, id_: str) -> dict[str, Any]:
        """Return an object's elements by keyword; sequences are lists of the same."""
        tags: dict[str, Any] = self._json("GET", f"/instances/{id_}/simplified-tags")
        return tags

    def file(self, id_: str) -> bytes:
        """Return an object as a DICOM file, as it is stored."""
        return self._request("GET", f"/instances/{id_}/file")

    def retrieve(self, study_instance_uid: str) -> list[Dataset]:
        """Return a study's objects by WADO-RS (PS3.18, 10.4), each as it is stored."""
        url = f"http://{self.host}:{self.http_port}/dicom-web/studies/{study_instance_uid}"
        wanted = 'multipart/related; type="application/dicom"; transfer-syntax=*'
        answer = httpx.get(url, headers={"Accept": wanted}, timeout=60).raise_for_status()
        boundary = answer.headers["Content-Type"].partition("boundary=")[2].strip('"').encode()
        _, *parts, _ = (b"\r\n" + answer.content).split(b"\r\n--" + boundary)
        return [dcmread(BytesIO(part.partition(b"\r\n\r\n")[2])) for part in parts]

    def delete(self, id_: str) -> None:
        """Lose an object, as an archive under repair does."""
        self._request("DELETE", f"/instances/{id_}")

    def log(self) -> str:
        """Return what Orthanc wrote since its first start."""
        return self._log.read_text(errors="replace")

    @property
    def _log(self) -> Path:
        return self.folder / "orthanc.log"

    def _instance(self, id_: str) -> Instance:
        # Objects are never overwritten, so that one look at each is enough.
        if id_ not in self._instances:
            tags = self._json("GET", f"/instances/{id_}/simplified-tags")
            uids = (tags["SOPClassUID"], tags["SOPInstanceUID"], tags["StudyInstanceUID"])
            self._instances[id_] = Instance(id_, *uids)
        return self._instances[id_]

    def _json(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return json.loads(self._request(method, path, body))

    def _request(self, method: str, path: str, body: dict[str, Any] | None = None) -> bytes:
        connection = HTTPConnection(self.host, self.http_port, timeout=20)
        with contextlib.closing(connection):
            connection.request(method, path, json.dumps(body) if body else None)
            response = connection.getresponse()
            content = response.read()
        if response.status != 200:
            raise RuntimeError(f"Orthanc: {method} {path}: {response.status} {content[:400]!r}")
        return content

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise RuntimeError(f"Orthanc did not start: {self.log()[-800:]}")
        try:
            self._request("GET", "/system")
        except (OSError, HTTPException):
            return False
        return True

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None:
            raise RuntimeError("Orthanc is not running")
        self._process.send_signal(number)

    def _end(self, how: Callable[[subprocess.Popen[bytes]], None]) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        how(process)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
