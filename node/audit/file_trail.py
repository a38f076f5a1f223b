"""The file of the audit trail: one line for each event.

Each record is passed to the kernel before the peer receives its answer, so that kill -9 loses no
record. Records are written without fsync, which would delay films. A power cut may therefore lose
the records of the last seconds, but not the films and deliveries in the job table.
"""

import errno
import os
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import monotonic

import structlog

from node.audit.message import AuditSource
from node.audit.syslog_line import to_line
from node.config.settings import Config
from node.domain.audit_events import AuditEvent
from node.log import where
from node.ports import Audit

# The file is opened for each record, so that a rotation needs no signal. With O_NONBLOCK, films do
# not wait if the path is a pipe without a reader.
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
_LOG_INTERVAL = 60.0

log = structlog.get_logger()


@dataclass
class FileTrail:
    """A `node.ports.Audit` that appends to a file, which several processes may share."""

    path: Path
    origin: AuditSource
    clock: Callable[[], datetime]
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _lost: int = field(default=0, init=False)
    _last_logged: float | None = field(default=None, init=False)

    def record(self, event: AuditEvent) -> None:
        """Append an event; if this fails, log an error, at most once a minute."""
        try:
            _append(self.path, to_line(event, self.origin, self.clock()))
        except OSError as error:
            self._log_loss(error.strerror or type(error).__name__)
        except Exception as error:  # noqa: BLE001 - a film must not fail with its record
            self._log_loss(f"{type(error).__name__} at {where(error)}")

    def _log_loss(self, error: str) -> None:
        with self._lock:
            self._lost += 1
            now, lost = monotonic(), self._lost
            if self._last_logged is not None and now - self._last_logged < _LOG_INTERVAL:
                return
            self._last_logged = now
        log.error("audit_record_lost", file=str(self.path), error=error, lost=lost)


class NoTrail:
    """A `node.ports.Audit` that records nothing, for a configuration without an audit trail."""

    def record(self, event: AuditEvent) -> None:
        """Do nothing."""


def open_trail(config: Config, part: str) -> Audit:
    """Return the audit trail that a part of the node writes to."""
    if config.audit.file is None:
        return NoTrail()
    ae_title = config.dicom.ae_title
    origin = AuditSource(
        source=config.audit.source or ae_title,
        ae_title=ae_title,
        host=socket.gethostname(),
        process=f"osteoscreen {part}",
        pid=os.getpid(),
    )
    return FileTrail(config.audit.file, origin, partial(datetime.now, UTC))


def _append(path: Path, line: bytes) -> None:
    """Append a line in one write, so that lines of several processes do not mix."""
    descriptor = _open(path)
    try:
        if _ends_within_line(descriptor):
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


def _ends_within_line(descriptor: int) -> bool:
    """Return whether the last line is incomplete, for example because the disk was full."""
    size = os.fstat(descriptor).st_size
    return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
