"""Results are sent by DICOMweb. The answer of the archive decides how the delivery continues."""

import email
import email.policy
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydicom import Dataset, dcmread
from pydicom.uid import SecondaryCaptureImageStorage

from node.config.peers import WebDestination
from node.domain.errors import Misconfigured, OsteoScreenError, Permanent, Transient, Unreachable
from node.pacs.stow import failures, open_web
from tests.peers.waiting import free_port
from tests.support.films import make_film, write_film


class WebPacs:
    """An archive that gives the same answer to every request, and stores the requests."""

    def __init__(self, status: int, body: bytes) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        requests = self.requests

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                requests.append((self.path, dict(self.headers), content))
                self._answer()

            def do_GET(self) -> None:
                requests.append((self.path, dict(self.headers), b""))
                self._answer()

            def _answer(self) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/dicom+json; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Write no log lines to standard error."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/dicom-web"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def objects(self) -> list[Dataset]:
        """Return the objects of all requests, parsed by Python's MIME parser."""
        objects = []
        for _, headers, content in self.requests:
            head = f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode()
            message = email.message_from_bytes(head + content, policy=email.policy.HTTP)
            for part in message.iter_parts():
                assert part.get_content_type() == "application/dicom"
                objects.append(dcmread(BytesIO(part.get_payload(decode=True))))
        return objects


StartWeb = Callable[..., WebPacs]


@pytest.fixture
def web() -> Iterator[StartWeb]:
    """Return a function that starts an archive with a single answer."""
    started: list[WebPacs] = []

    def start(status: int = 200, body: bytes = b"{}") -> WebPacs:
        started.append(WebPacs(status, body))
        return started[-1]

    yield start
    for archive_double in started:
        archive_double.stop()


@pytest.fixture
def heatmap(tmp_path: Path) -> Path:
    return write_film(make_film(SecondaryCaptureImageStorage), tmp_path / "heatmap.dcm")


def web_destination(url: str, **changes: Any) -> WebDestination:
    settings = {"name": "web", "url": url, "timeout": 5.0}
    return WebDestination(**(settings | changes))


def failed(reason: int) -> bytes:
    """Return the answer of an archive that did not store the object."""
    item = {"00081197": {"vr": "US", "Value": [reason]}}
    return json.dumps({"00081198": {"vr": "SQ", "Value": [item]}}).encode()


def test_the_object_arrives_as_it_is_spooled(web: StartWeb, heatmap: Path) -> None:
    """The object is sent to /studies, as one part, byte for byte."""
    server = web()
    with open_web(web_destination(server.url)) as archive:
        archive.store(heatmap)
    ((path, headers, content),) = server.requests
    assert path == "/dicom-web/studies"
    assert headers["Accept"] == "application/dicom+json"
    assert heatmap.read_bytes() in content
    (stored,) = server.objects()
    assert stored == dcmread(heatmap)


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, b"{}"), (200, b""), (202, b"{}"), (200, b"<html>"), (409, failed(0x0111))],
    ids=["stored", "no-message", "with-warnings", "other-message", "duplicate"],
)
def test_these_answers_count_as_stored(
    web: StartWeb, heatmap: Path, status: int, body: bytes
) -> None:
    with open_web(web_destination(web(status, body).url)) as archive:
        archive.store(heatmap)


@pytest.mark.parametrize(
    ("status", "body", "family", "text"),
    [
        (409, failed(0xA700), Transient, "0xa700.*out of resources"),
        (202, failed(0xA900), Permanent, "0xa900"),
        (200, failed(0xC000), Permanent, "0xc000"),
        (409, failed(0x0122), Permanent, "0x0122.*does not support"),
        (409, b"", Permanent, "HTTP 409: the object was not accepted"),
        (400, b"", Permanent, "HTTP 400"),
        (413, b"", Permanent, "HTTP 413"),
        (415, b"", Permanent, "HTTP 415"),
        (429, b"", Transient, "HTTP 429"),
        (500, b"", Transient, "HTTP 500"),
        (503, b"", Unreachable, "down or busy"),
        (401, b"", Unreachable, "check user, password_file, token_file"),
        (403, b"", Unreachable, "access denied"),
        (404, b"", Unreachable, "no DICOMweb at .*/dicom-web/studies; check url"),
        (301, b"", Unreachable, "check url"),
    ],
)
def test_every_other_answer_is_an_error(
    web: StartWeb, heatmap: Path, status: int, body: bytes, family: type[Exception], text: str
) -> None:
    """`Unreachable` pauses the destination, and other errors concern a single object."""
    with (
        open_web(web_destination(web(status, body).url)) as archive,
        pytest.raises(family, match=text) as caught,
    ):
        archive.store(heatmap)
    assert type(caught.value) is family


def test_an_archive_that_is_down_is_unreachable(heatmap: Path) -> None:
    with (
        open_web(web_destination(f"http://127.0.0.1:{free_port()}/dicom-web")) as archive,
        pytest.raises(Unreachable, match="check url and tls"),
    ):
        archive.store(heatmap)


def test_credentials_are_sent(web: StartWeb, tmp_path: Path) -> None:
    """A password or a token is read from a file that ends with a line feed."""
    server, secret = web(), tmp_path / "secret"
    secret.write_text("s3cret\n")
    for changes in ({"user": "me", "password_file": secret}, {"token_file": secret}):
        with open_web(web_destination(server.url, **changes)) as archive:
            archive.check()
    credentials = [headers["Authorization"] for _, headers, _ in server.requests]
    assert credentials == ["Basic bWU6czNjcmV0", "Bearer s3cret"]


def test_a_missing_secret_file_is_named(tmp_path: Path) -> None:
    destination = web_destination("http://127.0.0.1:1", token_file=tmp_path / "token")
    with (
        pytest.raises(Misconfigured, match=r"token_file .*token cannot be read: No such file"),
        open_web(destination),
    ):
        pytest.fail("it was opened")


def test_no_proxy_of_the_environment_is_used(
    web: StartWeb, heatmap: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The configuration names no proxy, so results must not pass through one."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    server = web()
    with open_web(web_destination(server.url)) as archive:
        archive.store(heatmap)
    assert len(server.requests) == 1


def test_missing_bytes_are_permanent(web: StartWeb, tmp_path: Path) -> None:
    with (
        open_web(web_destination(web().url)) as archive,
        pytest.raises(Permanent, match="spooled bytes"),
    ):
        archive.store(tmp_path / "gone")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["00081198", "00081197", "Value", "vr"]), inner, max_size=3
        )
    ),
    max_leaves=12,
)


@given(JSON)
@example({"00081198": {"Value": None}})
@example({"00081198": {"Value": [{"00081197": {"Value": ["A700", None]}}]}})
def test_a_malformed_answer_raises_no_other_error(content: Any) -> None:
    """The JSON of an archive is untrusted input."""
    try:
        assert all(isinstance(reason, int) for reason in failures(content))
    except OsteoScreenError:
        pytest.fail("reading an answer raises no other error")
