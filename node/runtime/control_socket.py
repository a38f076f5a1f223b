"""The socket on which `osteoscreen reload` reaches the processes of this machine.

It is in the spool, which only the node's user can enter. The kernel reports who connects.
"""

import json
import os
import pwd
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import structlog

from node.config.settings import Config
from node.domain.config_change import ReloadReport
from node.domain.errors import Misconfigured, OsteoScreenError, Permanent
from node.log import where

FOLDER = "control"
_ACCEPT_SECONDS = 0.5
_REQUEST_SECONDS = 5.0
_REPLY_SECONDS = 900.0  # a role finishes its work, and its successor loads a model
_CONNECT_SECONDS = 8.0  # until the node has opened its socket in a new `spool.path`
_RETRY_SECONDS = 0.5
_CHUNK = 8192
_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid: unix(7), SO_PEERCRED

Handler = Callable[[str, str], dict[str, Any] | None]
"""From the file that a user names, and the user, to the reply.

None keeps the connection open, for a process that replies after it has executed itself again.
"""

log = structlog.get_logger()


class ControlSocket:
    """Accepts requests from a thread. `unanswered` are the connections that still wait."""

    def __init__(self, part: str, handler: Handler) -> None:
        self._name = f"{socket.gethostname()}.{part}.{os.getpid()}.sock"
        self._handler = handler
        self.unanswered: list[socket.socket] = []

    @contextmanager
    def listening(self, spool: Path) -> Iterator[None]:
        """Accept requests until the block ends.

        If no socket can be made, as on some network shares, the log says so.
        """
        path = spool / FOLDER / self._name
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            _bind(listener, path)
        except OSError as error:
            listener.close()
            reason = error.strerror or str(error)
            log.error("control_socket_unavailable", file=str(path), error=reason)
            yield
            return
        ended = threading.Event()
        thread = threading.Thread(target=self._serve, args=(listener, ended), daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            listener.close()
            path.unlink(missing_ok=True)

    def _serve(self, listener: socket.socket, ended: threading.Event) -> None:
        while not ended.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            with _boundary():
                connection.settimeout(_REQUEST_SECONDS)
                file = _read_all(connection).decode(errors="replace")
                answer = self._handler(file, _user(connection))
                if answer is None:
                    self.unanswered.append(connection)
                    continue
                reply(connection, answer)
            connection.close()


@contextmanager
def _boundary() -> Iterator[None]:
    """Keep a request that fails from ending the thread."""
    try:
        yield
    except OSError:
        pass  # the user has gone
    except Exception as error:  # noqa: BLE001 - the boundary of the thread
        log.error("unexpected_error", error=type(error).__name__, where=where(error))


def reply(connection: socket.socket, answer: dict[str, Any]) -> None:
    """Send an answer to a user who waits, and close the connection."""
    with connection, suppress(OSError):  # the user has gone
        connection.sendall(json.dumps(answer).encode())


def request_reload(file: Path | None, config: Config) -> list[ReloadReport]:
    """Have each node, and each role without a supervisor, reload the file; return their reports.

    Raises Misconfigured if one of them refuses the file, OsteoScreenError if none reads it.
    """
    name = str(file.resolve() if file else None)
    deadline = monotonic() + _CONNECT_SECONDS
    while True:
        reports = [ReloadReport.from_json(answer) for answer in request(config.spool.path, name)]
        matching = [report for report in reports if report.file == name]
        if matching or monotonic() > deadline:
            break
        sleep(_RETRY_SECONDS)
    if not matching:
        others = "".join(f"; process {report.pid} reads {report.file}" for report in reports)
        raise OsteoScreenError(
            f"no node on this machine reads {name} and has its spool in {config.spool.path}"
            f"{others}; start it, or name its file with --config"
        )
    if errors := dict.fromkeys(report.error for report in matching if report.error):
        raise Misconfigured("\n".join(errors))
    return matching


def request(spool: Path, file: str) -> list[dict[str, Any]]:
    """Send a request to each process of this machine that uses a spool; return the answers.

    Raises Permanent if the spool belongs to another user, or if a process ends before it answers.
    """
    folder = spool / FOLDER
    try:
        paths = sorted(folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Permanent(f"{folder}: {error.strerror}; run this as the node's user") from None
    local = (path for path in paths if path.name.startswith(f"{socket.gethostname()}."))
    answers = (_request(path, file) for path in local)
    return [answer for answer in answers if answer is not None]


def _request(path: Path, file: str) -> dict[str, Any] | None:
    """Return the answer of one process; None if it has ended. Its socket is removed then."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_REPLY_SECONDS)
        try:
            with _short_name(path) as name:
                connection.connect(name)
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return None
        except FileNotFoundError:
            return None
        try:
            connection.sendall(file.encode())
            connection.shutdown(socket.SHUT_WR)
            answer = _read_all(connection)
        except OSError:
            answer = b""
    if not answer:
        raise Permanent(f"{path.name}: the process ended before it answered; see its log")
    values: dict[str, Any] = json.loads(answer)
    return values


def _bind(listener: socket.socket, path: Path) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.unlink(missing_ok=True)  # of a killed process that had the same process ID
    with _short_name(path) as name:
        listener.bind(name)
    path.chmod(0o600)
    listener.listen()
    listener.settimeout(_ACCEPT_SECONDS)


def _read_all(connection: socket.socket) -> bytes:
    """Return what the peer sends until it closes its side."""
    return b"".join(iter(lambda: connection.recv(_CHUNK), b""))


def _user(connection: socket.socket) -> str:
    """Return the name of the user at the other end."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, uid, _ = _CREDENTIALS.unpack(credentials)
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


@contextmanager
def _short_name(path: Path) -> Iterator[str]:
    """Yield a short name of a socket: an address holds 107 bytes, and a path may be longer."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
