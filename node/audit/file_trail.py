"""The audit trail's file: one line for each event, whatever becomes of the disk.

A record is written before the peer gets its answer, and is in the kernel's hands then: the end
of the process, even by kill -9, loses none. It is not synced, since a disk would have to turn
for every film; what a power cut may take are the last seconds, which the job table has.
"""

import errno
import os
import socket
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from time import monotonic

import structlog

from node.audit.message import Origin
from node.audit.syslog_line import to_line
from node.config.settings import Config
from node.domain.audit_events import AuditEvent
from node.log import where
from node.ports import Audit

# Opened anew for each record, so that a file that was rotated away is let go without a signal.
# O_NONBLOCK is for what is no file, such as a pipe that nobody reads: films must not wait for it.
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
_COMPLAINT_SECONDS = 60.0

log = structlog.get_logger()


class FileTrail:
    """Implements `node.ports.Audit` by appending to a file that many processes may share."""

    def __init__(self, path: Path, origin: Origin, clock: Callable[[], datetime]) -> None:
        self._path = path
        self._origin = origin
        self._clock = clock
        self._lock = threading.Lock()
        self._lost = 0
        self._complained: float | None = None

    def record(self, event: AuditEvent) -> None:
        """Append an event; say so, once a minute, where that is not possible."""
        try:
            _append(self._path, to_line(event, self._origin, self._clock()))
        except OSError as error:
            self._complain(error.strerror or type(error).__name__)
        except Exception as error:  # noqa: BLE001 - whatever a record meets, the film goes on
            self._complain(f"{type(error).__name__} at {where(error)}")

    def _complain(self, why: str) -> None:
        with self._lock:
            self._lost += 1
            now, lost = monotonic(), self._lost
            if self._complained is not None and now - self._complained < _COMPLAINT_SECONDS:
                return
            self._complained = now
        log.error("audit_not_written", file=str(self._path), error=why, lost=lost)


class NoTrail:
    """Implements `node.ports.Audit` where the configuration wants none."""

    def record(self, event: AuditEvent) -> None:
        """Forget the event."""


def open_trail(config: Config, part: str, clock: Callable[[], datetime]) -> Audit:
    """Return the trail that a part of the node writes to."""
    if config.audit.file is None:
        return NoTrail()
    ae_title = config.dicom.ae_title
    origin = Origin(
        source=config.audit.source or ae_title,
        ae_title=ae_title,
        host=socket.gethostname(),
        process=f"osteoscreen {part}",
        pid=os.getpid(),
    )
    return FileTrail(config.audit.file, origin, clock)


def _append(path: Path, line: bytes) -> None:
    """Append a whole line. One write to a file opened so is never mixed with another's."""
    descriptor = _open(path)
    try:
        if _is_broken(descriptor):
            line = b"\n" + line
        if os.write(descriptor, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    try:
        return os.open(path, _FLAGS, 0o600)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return os.open(path, _FLAGS, 0o600)


def _is_broken(descriptor: int) -> bool:
    """Return whether the file ends within a line: a full disk takes what it can of one.

    A line that another process is writing in this very moment looks the same; it gets its end, and
    an empty line, which means nothing, comes after it.
    """
    size = os.fstat(descriptor).st_size
    return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
