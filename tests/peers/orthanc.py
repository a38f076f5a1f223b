"""Orthanc runs as PACS, with `deploy/orthanc.json` and its own ports and storage."""

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
    """One stored object; `id` is Orthanc's identifier."""

    id: str
    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str


class Orthanc:
    """A PACS that can be stopped and restarted, and whose content can be read.

    After a stop, ports and storage stay the same. Orthanc binds every address, but its REST
    interface answers only requests from this machine.
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
        """Start Orthanc; return when both ports answer."""
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
        wait_until(self._answers, goal="answer from Orthanc")

    def stop(self) -> None:
        """End Orthanc with SIGTERM; acknowledged objects are stored."""
        self._end(subprocess.Popen.terminate)

    def kill(self) -> None:
        """End Orthanc with SIGKILL."""
        self._end(subprocess.Popen.kill)

    def freeze(self) -> None:
        """Suspend Orthanc, while the kernel still accepts connections."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Continue Orthanc after `freeze`."""
        self._signal(signal.SIGCONT)

    def instances(self) -> list[Instance]:
        """Return every stored object."""
        return [self._instance(id_) for id_ in self._json("GET", "/instances")]

    def study_instances(self, study_instance_uid: str) -> list[Instance]:
        """Return the objects of one study."""
        query = {"Level": "Instance", "Query": {"StudyInstanceUID": study_instance_uid}}
        return [self._instance(id_) for id_ in self._json("POST", "/tools/find", query)]

    def count(self, sop_class_uid: str | None = None) -> int:
        """Return the number of stored objects, of one SOP Class or of all classes."""
        classes = [instance.sop_class_uid for instance in self.instances()]
        return len(classes) if sop_class_uid is None else classes.count(sop_class_uid)

    def wait_for(
        self, accept: Callable[[list[Instance]], bool], timeout: float = 20.0
    ) -> list[Instance]:
        """Return the objects when `accept` accepts them; fail after the timeout."""
        return wait_until(self.instances, accept, timeout, "expected content of the PACS")

    def tags(self, id_: str) -> dict[str, Any]:
        """Return the elements of an object by keyword; a sequence is a list of dictionaries."""
        tags: dict[str, Any] = self._json("GET", f"/instances/{id_}/simplified-tags")
        return tags

    def file(self, id_: str) -> bytes:
        """Return the stored file of an object."""
        return self._request("GET", f"/instances/{id_}/file")

    def retrieve(self, study_instance_uid: str) -> list[Dataset]:
        """Return the objects of a study by WADO-RS (PS3.18 10.4), in their stored encoding."""
        url = f"http://{self.host}:{self.http_port}/dicom-web/studies/{study_instance_uid}"
        accepted = 'multipart/related; type="application/dicom"; transfer-syntax=*'
        answer = httpx.get(url, headers={"Accept": accepted}, timeout=60).raise_for_status()
        boundary = answer.headers["Content-Type"].partition("boundary=")[2].strip('"').encode()
        _, *parts, _ = (b"\r\n" + answer.content).split(b"\r\n--" + boundary)
        return [dcmread(BytesIO(part.partition(b"\r\n\r\n")[2])) for part in parts]

    def delete(self, id_: str) -> None:
        """Delete an object."""
        self._request("DELETE", f"/instances/{id_}")

    def log(self) -> str:
        """Return the log lines since the first start."""
        return self._log.read_text(errors="replace")

    @property
    def _log(self) -> Path:
        return self.folder / "orthanc.log"

    def _instance(self, id_: str) -> Instance:
        # Objects are never overwritten, so their tags can be cached.
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

    def _end(self, send_signal: Callable[[subprocess.Popen[bytes]], None]) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        send_signal(process)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
