"""Delivery by DICOMweb STOW-RS (PS3.18, 10.5), with one object per request."""

import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from node.config.peers import WebDestination
from node.domain.errors import Permanent, Transient, Unreachable
from node.domain.workflow.delivery import CommitmentReport
from node.pacs.dimse_status import classify
from node.security.secrets import read_secret
from node.security.tls import client_context

_BOUNDARY = "osteoscreen-8c5b2f0e4a7d4b11"
_HEADERS = {
    "Content-Type": f'multipart/related; type="application/dicom"; boundary={_BOUNDARY}',
    "Accept": "application/dicom+json",
}
_FAILED, _REASON = "00081198", "00081197"  # Failed SOP Sequence and Failure Reason
_DUPLICATE = 0x0111  # the archive has the object: equal UIDs mean equal bytes


class WebArchive:
    """An `Archive` that uses DICOMweb over HTTP."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def check(self) -> None:
        """Query one study; raise Unreachable if DICOMweb is not available."""
        _check_answer(self._send("GET", "studies", params={"limit": "1"}), storing=False)

    def store(self, path: Path) -> None:
        """Send an object and wait until the archive has stored it; raise Transient or Permanent."""
        try:
            content = path.read_bytes()
        except OSError as error:
            raise Permanent(f"the spooled bytes cannot be read: {type(error).__name__}") from error
        head = f"--{_BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        body = b"".join((head, content, f"\r\n--{_BOUNDARY}--\r\n".encode()))
        _check_answer(self._send("POST", "studies", content=body, headers=_HEADERS))

    def request_commitment(
        self, transaction_uid: str, objects: Sequence[tuple[str, str]]
    ) -> CommitmentReport | None:
        """Raise Permanent, because DICOMweb has no storage commitment."""
        raise Permanent(f"no commitment by DICOMweb of {len(objects)} objects ({transaction_uid})")

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            return self._client.request(method, path, **request)
        except httpx.TransportError as error:
            reason = str(error) or type(error).__name__
            raise Unreachable(f"{self._client.base_url}: {reason}; check url and tls") from None


def _check_answer(answer: httpx.Response, *, storing: bool = True) -> None:
    """Raise Transient or Permanent unless the answer means that the object is stored."""
    status, answered = answer.status_code, f"the destination answered HTTP {answer.status_code}"
    if status in (401, 403):
        raise Unreachable(f"{answered}: access denied; check user, password_file, token_file")
    if status == 404 or 300 <= status < 400:
        raise Unreachable(f"{answered}: no DICOMweb at {answer.request.url}; check url")
    if status in (502, 503, 504):
        raise Unreachable(f"{answered}: it is down or busy")
    if status in (408, 425, 429) or status >= 500:
        raise Transient(answered)
    if not storing:
        return
    reasons = [reason for reason in failures(answer.content and _json(answer)) if reason]
    for reason in reasons:
        if reason != _DUPLICATE:
            classify(reason)
    if not answer.is_success and _DUPLICATE not in reasons:
        raise Permanent(f"{answered}: the object was not accepted")


def failures(content: Any) -> Iterator[int]:
    """Yield the failure reasons in a STOW-RS answer with any type of content."""
    for item in _values(content, _FAILED):
        for reason in _values(item, _REASON):
            yield reason if isinstance(reason, int) else 0


def _values(content: Any, tag: str) -> list[Any]:
    """Return the values of an element in DICOM JSON (PS3.18, F.2), or [] without values."""
    element = content.get(tag) if isinstance(content, Mapping) else None
    values = element.get("Value") if isinstance(element, Mapping) else None
    return values if isinstance(values, list) else []


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return {}


@contextmanager
def open_web(destination: WebDestination) -> Iterator[WebArchive]:
    """Open a connection to an archive; raise Misconfigured for unusable credential files."""
    with web_client(destination) as client:
        yield WebArchive(client)


def web_client(destination: WebDestination) -> httpx.Client:
    """Return the HTTP client of a destination, with its credentials and trusted authorities."""
    headers, auth = {}, None
    if destination.token_file is not None:
        headers["Authorization"] = f"Bearer {read_secret('token_file', destination.token_file)}"
    if destination.password_file is not None:
        auth = (destination.user, read_secret("password_file", destination.password_file))
    verify: bool | ssl.SSLContext = client_context(destination.tls) if destination.tls else True
    return httpx.Client(
        base_url=str(destination.url),
        headers=headers,
        auth=auth,
        verify=verify,
        timeout=destination.timeout,
        trust_env=False,  # ignore proxies of the environment
    )
