"""The folder in the spool in which `osteoscreen reload` writes its requests for this machine.

Each process locks a file that contains the name of its configuration file. A request is an empty
file, owned by the user who requests the reload. Only the node's user can enter the folder.
"""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from io import FileIO
from pathlib import Path
from time import monotonic, sleep
from uuid import uuid4

import structlog
from pydantic import TypeAdapter

from node.config.settings import Config
from node.domain.config_change import ReloadReport
from node.domain.errors import Misconfigured, OsteoScreenError, Permanent
from node.files import write_atomically

FOLDER = "control"
_LOCK, _REQUEST, _ANSWER = ".lock", ".request", ".answer"
_ANSWER_SECONDS = 900.0  # time to finish work and to load a model in the successor
_START_SECONDS = 8.0  # time until the node uses a new `spool.path`
_POLL_SECONDS = 0.1
_JSON = TypeAdapter(ReloadReport)

log = structlog.get_logger()


class ControlFolder:
    """The files of one process in the control folders of its spools.

    `file` is the name of the configuration file. `locks` are the lock files.
    """

    def __init__(self, part: str, file: Path | None) -> None:
        self._name = f"{socket.gethostname()}.{part}.{os.getpid()}"
        self.file = _name_of(file)
        self._folders: set[Path] = set()
        self.locks: list[FileIO] = []

    def close(self) -> None:
        """Remove the files of the process."""
        for folder in self._folders:
            _remove(folder, self._name)

    def open(self, spool: Path) -> None:
        """Accept requests in a spool, or log an error if its file system supports no locks."""
        folder = spool / FOLDER
        if folder in self._folders:
            return
        new = folder / f".{self._name}"
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            lock = os.fdopen(descriptor, "wb", buffering=0)  # closing cannot fail on a full disk
            self.locks.append(lock)
            fcntl.flock(lock, fcntl.LOCK_EX)
            lock.write(self.file.encode())
            new.replace(folder / f"{self._name}{_LOCK}")
        except OSError as error:
            log.error("control_folder_unavailable", file=str(folder), error=error.strerror)
            return
        self._folders.add(folder)

    def requests(self) -> list[Path]:
        """Return the files of the unanswered reload requests."""
        return [path for f in self._folders for path in f.glob(f"{self._name}.*{_REQUEST}")]


def user_of(request: Path) -> str:
    """Return the name of the user who made a request."""
    try:
        return request.owner()
    except KeyError:
        return f"uid {request.stat().st_uid}"


def answer(request: Path, report: ReloadReport) -> None:
    """Answer a request."""
    write_atomically(request.with_suffix(_ANSWER), _JSON.dump_json(report))
    request.unlink(missing_ok=True)


def request_reload(file: Path | None, config: Config) -> list[ReloadReport]:
    """Make each process that reads the file reload it; return the reports of the processes.

    Raises Misconfigured if a process refuses the file, and OsteoScreenError if no process reads the
    file. Raises Permanent if a process ends before its answer, or for another user's spool.
    """
    name, spool = _name_of(file), config.spool.path
    deadline = monotonic() + _START_SECONDS
    while True:
        files = dict(_running_processes(spool / FOLDER))
        locks = [lock for lock, file_name in files.items() if file_name == name]
        if locks or monotonic() > deadline:
            break
        sleep(_POLL_SECONDS)
    if not locks:
        running = "".join(f"; process {lock.stem} reads {read}" for lock, read in files.items())
        raise OsteoScreenError(
            f"no node on this machine reads {name} and has its spool in {spool}{running}; "
            "start it, or name its file with --config"
        )
    requests = [lock.with_name(f"{lock.stem}.{uuid4().hex}{_REQUEST}") for lock in locks]
    for request in requests:
        request.touch(mode=0o600)
    reports = [_wait_for_answer(*pair) for pair in zip(locks, requests, strict=True)]
    if errors := dict.fromkeys(report.error for report in reports if report.error):
        raise Misconfigured("\n".join(errors))
    return reports


def _running_processes(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield each process's lock file and configuration file; delete files of ended processes."""
    try:
        paths = sorted(folder.iterdir())
    except FileNotFoundError:
        return
    except OSError as error:
        raise Permanent(f"{folder}: {error.strerror}; run this as the node's user") from None
    for path in paths:
        if path.name.startswith(f"{socket.gethostname()}.") and path.suffix == _LOCK:
            if (file := _read_locked(path)) is None:
                _remove(folder, path.stem)
            else:
                yield path, file


def _read_locked(path: Path) -> str | None:
    """Return the content of a lock file, or None if the process that locked it has ended."""
    with suppress(FileNotFoundError), path.open(encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return file.read()
    return None


def _wait_for_answer(lock: Path, request: Path) -> ReloadReport:
    """Return the answer of a process; raise Permanent if the process ends before its answer."""
    file = request.with_suffix(_ANSWER)
    deadline = monotonic() + _ANSWER_SECONDS
    while request.exists() and _read_locked(lock) is not None and monotonic() < deadline:
        sleep(_POLL_SECONDS)
    try:
        report = _JSON.validate_json(file.read_bytes())
    except FileNotFoundError:
        raise Permanent(f"{lock.stem}: the process ended before it answered; see its log") from None
    file.unlink()
    return report


def _remove(folder: Path, process: str) -> None:
    for path in folder.glob(f"{process}.*"):
        path.unlink(missing_ok=True)


def _name_of(file: Path | None) -> str:
    """Return the absolute name of a configuration file, or "None" without a file."""
    return str(file and file.resolve())
