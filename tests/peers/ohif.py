"""Serve the OHIF viewer and an Orthanc archive from one origin on loopback.

The published OHIF package is downloaded once into `out/`, and its digest is checked.
"""

import hashlib
import os
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import Any

import httpx

from tests.support.paths import ROOT

VERSION = "3.13.2"
_SHA256 = "b189d3963bfc58e9394a9db8c7be75d07beb029ec211dbb126d47b62969dd3f1"
_REGISTRY = os.environ.get("NPM_CONFIG_REGISTRY", "https://registry.npmjs.org").rstrip("/")
_FOLDER = ROOT / "out" / f"ohif-{VERSION}"
_CONFIGURATION = Path(__file__).parent / "ohif-config.js"
_DICOMWEB = "/dicom-web/"
# Hop-by-hop headers are not forwarded (HTTP/1.1).
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-encoding"}


def distribution() -> Path:
    """Return the folder of OHIF's pages; download it from the npm registry if it is missing."""
    pages = _FOLDER / "package" / "dist"
    if not pages.is_dir():
        _FOLDER.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_FOLDER.parent) as name:
            with tarfile.open(fileobj=BytesIO(_download())) as packed:
                packed.extractall(name, filter="data")
            Path(name).rename(_FOLDER)  # the rename is atomic
            Path(name).mkdir()
    return pages


def _download() -> bytes:
    url = f"{_REGISTRY}/@ohif/app/-/app-{VERSION}.tgz"
    answer = httpx.get(url, follow_redirects=True, timeout=120).raise_for_status()
    digest = hashlib.sha256(answer.content).hexdigest()
    if digest != _SHA256:
        raise RuntimeError(f"{url}: SHA-256 is {digest}, expected {_SHA256}")
    return answer.content


@contextmanager
def serving(orthanc_url: str) -> Iterator[str]:
    """Serve OHIF, with Orthanc at `/dicom-web`, on a free port; yield the URL."""
    with httpx.Client(base_url=orthanc_url, timeout=60) as archive:
        handler = partial(_Handler, archive, directory=str(distribution()))
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


class _Handler(SimpleHTTPRequestHandler):
    """Serves the files of OHIF and the archive's DICOMweb; other paths get the index page."""

    protocol_version = "HTTP/1.1"

    def __init__(self, archive: httpx.Client, *arguments: Any, **options: Any) -> None:
        self._archive = archive
        super().__init__(*arguments, **options)

    def do_GET(self) -> None:
        if self.path.startswith(_DICOMWEB):
            self._forward(self._archive.get(self.path, headers=self._accepted()))
        elif self.path.partition("?")[0] == "/app-config.js":
            self._answer(_CONFIGURATION.read_bytes(), {"Content-Type": "text/javascript"})
        else:
            if not Path(self.translate_path(self.path)).is_file():
                self.path = "/index.html"
            super().do_GET()

    def _accepted(self) -> dict[str, str]:
        return {"Accept": self.headers.get("Accept", "*/*"), "Accept-Encoding": "identity"}

    def _forward(self, answer: httpx.Response) -> None:
        headers = {k: v for k, v in answer.headers.items() if k.lower() not in _HOP_BY_HOP}
        headers.pop("content-length", None)
        self._answer(answer.content, headers, answer.status_code)

    def _answer(self, content: bytes, headers: dict[str, str], status: int = HTTPStatus.OK) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Write no access log."""
