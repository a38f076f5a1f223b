"""The socket on which a running node is asked to look at its configuration file, and tells what
came of it.

It lies in the spool, where nobody else can reach it, and the kernel says who asks.
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
from typing import Any

import structlog

from node.domain.errors import Permanent

FOLDER = "control"
_LOOK_SECONDS = 0.5
_QUESTION_SECONDS = 5.0
_ANSWER_SECONDS = 120.0
_CHUNK = 8192
_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid: unix(7), SO_PEERCRED

Handler = Callable[[str, str], dict[str, Any]]
"""From a question, and the name of the user who asks it, to an answer."""

log = structlog.get_logger()


@contextmanager
def answering(spool: Path, part: str, handler: Handler, stop: threading.Event) -> Iterator[None]:
    """Answer questions until the block ends or `stop` is set.

    Where no socket can be made, as on some network shares, the log says so and nobody can ask.
    """
    path = spool / FOLDER / f"{socket.gethostname()}.{part}.{os.getpid()}.sock"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _bind(listener, path)
    except OSError as error:
        listener.close()
        log.error("control_unavailable", file=str(path), error=error.strerror or str(error))
        yield
        return
    done = threading.Event()
    thread = threading.Thread(target=_serve, args=(listener, handler, stop, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        listener.close()
        path.unlink(missing_ok=True)


def _bind(listener: socket.socket, path: Path) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.unlink(missing_ok=True)  # of a process of this number that was killed
    with _short(path) as name:
        listener.bind(name)
    path.chmod(0o600)  # the folder keeps others off; this is for who lists it
    listener.listen()
    listener.settimeout(_LOOK_SECONDS)


def ask(spool: Path, question: str) -> list[dict[str, Any]]:
    """Ask every node, and every role that is run alone, of this machine; return their answers.

    Raises Permanent where the spool is another user's.
    """
    folder = spool / FOLDER
    try:
        found = sorted(folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Permanent(f"{folder}: {error.strerror}; run this as the node's user") from None
    ours = (path for path in found if path.name.startswith(f"{socket.gethostname()}."))
    answers = (_ask(path, question) for path in ours)
    return [answer for answer in answers if answer is not None]


def _ask(path: Path, question: str) -> dict[str, Any] | None:
    """Return an answer; None of a process that is gone, whose socket then goes, too."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(_ANSWER_SECONDS)
        try:
            with _short(path) as name:
                line.connect(name)
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return None
        except FileNotFoundError:
            return None
        line.sendall(question.encode())
        line.shutdown(socket.SHUT_WR)
        answer = _all_of(line)
    found: dict[str, Any] | None = json.loads(answer) if answer else None
    return found


def _serve(
    listener: socket.socket, handler: Handler, stop: threading.Event, done: threading.Event
) -> None:
    while not (stop.is_set() or done.is_set()):
        try:
            line, _ = listener.accept()
        except TimeoutError:
            continue
        with line, suppress(OSError):  # who asks went away
            line.settimeout(_QUESTION_SECONDS)
            question = _all_of(line).decode(errors="replace")
            line.sendall(json.dumps(handler(question, _user(line))).encode())


def _all_of(line: socket.socket) -> bytes:
    """Return what the other end sends until it has no more."""
    return b"".join(iter(lambda: line.recv(_CHUNK), b""))


def _user(line: socket.socket) -> str:
    """Return the name of the user at the other end."""
    found = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, uid, _ = _CREDENTIALS.unpack(found)
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """Return a name for a socket: an address has room for 107 bytes, and folders lie deep."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
