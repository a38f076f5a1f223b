"""Limits on the memory, disk space and time that one association may use."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty
from typing import Any

import structlog

from node.config.sections import DicomSection
from node.pacs.hardened_transport import harden

_MAX_COMMAND = 64 * 1024  # bytes of a command set; a C-STORE request has about 200
_MAX_IN_MEMORY = 4 * 1024 * 1024  # bytes of a commitment report, enough for 20,000 objects
_MAX_QUEUED = 32  # requests; PS3.7 allows one at a time, unless the peers negotiate more
_COMMAND, _LAST = 1, 2  # bits of the message control header, PS3.8 E.2

log = structlog.get_logger()


@dataclass
class ResourceLimits:
    """Event handlers that enforce limits on every association, PDU by PDU.

    pynetdicom stores command sets and reports in memory, films in files, and messages in a queue,
    all without limits. `has_space` returns whether the disk has space for films.
    """

    settings: DicomSection
    has_space: Callable[[], bool]

    def on_open(self, event: Any) -> None:
        """Apply the limits that are in force before the association request."""
        harden(event.assoc, self.settings.artim_timeout)

    def on_established(self, event: Any) -> None:
        """Apply the time-outs of an established association."""
        event.assoc.dul.socket.timeout_per_pdu = self.settings.dimse_timeout
        event.assoc.network_timeout = self.settings.idle_timeout

    def on_pdu(self, event: Any) -> None:
        """Abort the association if the data received so far exceed a limit.

        pynetdicom calls this method before it processes the PDU, so no count includes this PDU.
        """
        assoc = event.assoc
        if not assoc.is_established:
            return
        assoc.network_timeout = self.settings.dimse_timeout
        if fault := self._fault(assoc) or _fault_of(event.pdu, assoc.dimse.message):
            log.warning("transfer_aborted", calling_ae=calling_ae(assoc), error=fault)
            event.pdu.presentation_data_value_items = []  # so that pynetdicom processes nothing
            # pynetdicom swaps the blocking and the non-blocking abort around every event, in every
            # thread. A blocking abort here could wait for the end of its own thread.
            assoc.abort(block=False)
            return
        message = assoc.dimse.message
        file = file_of(message)
        if file is not None and not isinstance(file, IncomingFile):
            message._data_set_file = IncomingFile(file, self.has_space)

    def on_message(self, event: Any) -> None:
        """Apply the idle time-out after a complete message."""
        event.assoc.network_timeout = self.settings.idle_timeout

    def on_closed(self, event: Any) -> None:
        """Delete the files of unanswered transfers; end the thread of a port probe."""
        assoc = event.assoc
        _discard(file_of(assoc.dimse.message))
        try:
            while True:
                _context, message = assoc.dimse.msg_queue.get_nowait()
                _discard(getattr(message, "_dataset_file", None))
        except Empty:
            assoc.dimse.msg_queue.put((None, None))
        if assoc.requestor.primitive is None:
            # pynetdicom still waits for a request on the closed connection, so that health checks
            # of the port would exhaust the associations. In this queue, None has the effect of a
            # time-out of the request.
            assoc.dul.to_user_queue.put(None)

    def _fault(self, assoc: Any) -> str:
        """Return a text about the limit that an association exceeds, or an empty text."""
        message = assoc.dimse.message
        if assoc.dimse.msg_queue.qsize() > _MAX_QUEUED:
            return "too many requests without waiting for answers"
        if message is None:
            return ""
        if message.encoded_command_set.tell() > _MAX_COMMAND:
            return "the command set is too long"
        file = file_of(message)
        if file is None:
            long = message.data_set is not None and message.data_set.tell() > _MAX_IN_MEMORY
            return "the data set is too long for its message" if long else ""
        return "the object exceeds dicom.max_object" if self._is_too_large(file) else ""

    def _is_too_large(self, file: Any) -> bool:
        return bool(file.tell() > self.settings.max_object)


def _fault_of(pdu: Any, message: Any) -> str:
    """Return a text about a fault in the fragments of a PDU, or an empty text.

    pynetdicom opens a file for each command. A valid PDU contains at most one command.
    """
    items = getattr(pdu, "presentation_data_value_items", ())
    values = [item.presentation_data_value for item in items]
    if not all(values):
        return "a fragment without a control header"
    commands = [value for value in values if value[0] & _COMMAND]
    if commands and file_of(message) is not None:
        return "a command inside a data set"
    last = [value for value in commands if value[0] & _LAST]
    return "more than one command in a PDU" if len(last) > 1 else ""


class IncomingFile:
    """A film's file during its transfer, which replaces pynetdicom's file.

    On a full disk, `write` discards the content and sets `complete` to False. The transfer
    continues, because only a completed transfer can be answered.
    """

    def __init__(self, file: Any, has_space: Callable[[], bool]) -> None:
        self.name: str = file.name
        self.file = self  # pynetdicom calls `file.file.flush()`
        self.closed = False
        self.complete = True
        self._file = file
        self.has_space = has_space
        self._size: int = file.tell()

    def write(self, content: bytes) -> int:
        """Write the content if the disk has space; return its length even if it was discarded."""
        self._size += len(content)
        if self.complete and not self._write(content):
            self.complete = False
            _discard(self._file)
        return len(content)

    def _write(self, content: bytes) -> bool:
        if not self.has_space():
            return False
        try:
            self._file.write(content)
            self._file.flush()
        except OSError:  # full to the last byte
            return False
        return True

    def tell(self) -> int:
        """Return the number of received bytes, including discarded bytes."""
        return self._size

    def flush(self) -> None:
        """Do nothing, because `write` has flushed the content."""

    def close(self) -> None:
        """Close the file."""
        self.closed = True
        with suppress(OSError):
            self._file.close()


def _discard(file: Any) -> None:
    """Close and delete a file; on a full disk, closing it may fail."""
    if file is not None:
        with suppress(OSError):
            file.close()
        Path(file.name).unlink(missing_ok=True)


def file_of(message: Any) -> Any | None:
    """Return the open file of a message's data set, or None if there is no file."""
    file = getattr(message, "_data_set_file", None)
    return None if file is None or file.closed else file


def calling_ae(assoc: Any) -> str:
    """Return the calling AE title."""
    return str(assoc.requestor.ae_title).strip()
