"""What one peer may cost us while its association lasts: memory, disk, time."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any

import structlog

from node.config.sections import Dicom
from node.pacs.hardened_transport import harden

_MOST_COMMAND = 64 * 1024  # bytes of a command set; one of a C-STORE has some 200
_MOST_IN_MEMORY = 4 * 1024 * 1024  # bytes of a report: room for 20,000 objects
_MOST_AHEAD = 32  # requests, where one at a time is what PS3.7 has unless more are negotiated
_COMMAND, _LAST = 1, 2  # bits of the message control header, PS3.8 E.2

log = structlog.get_logger()


class Guard:
    """Watches every association of a listening process, PDU by PDU.

    pynetdicom keeps command sets and the data sets of reports in memory, films in a file, and
    messages that wait in a queue; none of that has a bound of its own. `has_room` tells whether
    the disk may be written to.
    """

    def __init__(self, settings: Dicom, has_room: Callable[[], bool]) -> None:
        self._settings = settings
        self._has_room = has_room

    def on_open(self, event: Any) -> None:
        """Bound what the peer can do before it has asked for anything."""
        harden(event.assoc, self._settings.artim_timeout)

    def on_established(self, event: Any) -> None:
        """Go over to the time-outs of an association."""
        event.assoc.dul.socket.patience = self._settings.dimse_timeout
        event.assoc.network_timeout = self._settings.idle_timeout

    def on_pdu(self, event: Any) -> None:
        """Look at what has come so far, while it is still under way.

        Called before the PDU is acted on, so that all counts lag behind by one PDU.
        """
        assoc = event.assoc
        if not assoc.is_established:
            return
        assoc.network_timeout = self._settings.dimse_timeout
        if fault := self._fault(assoc) or _fault_of(event.pdu, assoc.dimse.message):
            log.warning("transfer_cut_off", calling_ae=calling_ae(assoc), error=fault)
            event.pdu.presentation_data_value_items = []  # nothing of it is acted on
            # Else it may wait for the end of the thread that it runs in: pynetdicom changes which
            # abort an association has around every event, in any of its threads.
            assoc.abort(block=False)
            return
        message = assoc.dimse.message
        file = file_of(message)
        if file is not None and not isinstance(file, Incoming):
            message._data_set_file = Incoming(file, self._has_room)

    def on_message(self, event: Any) -> None:
        """A message is complete: from now on the association may idle."""
        event.assoc.network_timeout = self._settings.idle_timeout

    def on_closed(self, event: Any) -> None:
        """Delete what transfers have left that nobody will answer; let a mere probe go."""
        assoc = event.assoc
        _discard(file_of(assoc.dimse.message))
        try:
            while True:
                _context, message = assoc.dimse.msg_queue.get_nowait()
                _discard(getattr(message, "_dataset_file", None))
        except Empty:
            assoc.dimse.msg_queue.put((None, None))
        if assoc.requestor.primitive is None:
            # pynetdicom goes on waiting for a request on the closed connection. Health checks
            # of the port would use up the associations; None is what its time-out returns.
            assoc.dul.to_user_queue.put(None)

    def _fault(self, assoc: Any) -> str:
        """Return which bound an association has passed, empty for none."""
        message = assoc.dimse.message
        if assoc.dimse.msg_queue.qsize() > _MOST_AHEAD:
            return "too many requests sent ahead of their answers"
        if message is None:
            return ""
        if message.encoded_command_set.tell() > _MOST_COMMAND:
            return "the command set is too long"
        file = file_of(message)
        if file is None:
            long = message.data_set is not None and message.data_set.tell() > _MOST_IN_MEMORY
            return "the data set is too long for its message" if long else ""
        return "the object exceeds dicom.max_object" if self._is_too_large(file) else ""

    def _is_too_large(self, file: Any) -> bool:
        return bool(file.tell() > self._settings.max_object)


def _fault_of(pdu: Any, message: Any) -> str:
    """Return what is wrong with the order of a PDU's fragments, empty for nothing.

    Each command makes pynetdicom open a file: a message has one, and a PDU is of one message.
    """
    items = getattr(pdu, "presentation_data_value_items", ())
    values = [item.presentation_data_value for item in items]
    if not all(values):
        return "a fragment without its control header"
    commands = [value for value in values if value[0] & _COMMAND]
    if commands and file_of(message) is not None:
        return "a command amid a data set"
    last = [value for value in commands if value[0] & _LAST]
    return "more than one command in a PDU" if len(last) > 1 else ""


class Incoming:
    """A film's file while it comes, in the place of pynetdicom's.

    Where the disk has no room it goes on taking, since only a film that has come to its end can
    be answered, and keeps nothing: `whole` is False then.
    """

    def __init__(self, file: Any, has_room: Callable[[], bool]) -> None:
        self.name: str = file.name
        self.file = self  # pynetdicom flushes the file within a temporary one
        self.closed = False
        self.whole = True
        self._file = file
        self._has_room = has_room
        self._taken: int = file.tell()

    def write(self, content: bytes) -> int:
        """Take it, and keep it as long as there is room."""
        self._taken += len(content)
        if self.whole and not self._kept(content):
            self.whole = False
            _discard(self._file)
        return len(content)

    def _kept(self, content: bytes) -> bool:
        if not self._has_room():
            return False
        try:
            self._file.write(content)
            self._file.flush()
        except OSError:  # full to the last byte
            return False
        return True

    def tell(self) -> int:
        """Return how many bytes have come."""
        return self._taken

    def flush(self) -> None:
        """Have nothing to write: it is written as it comes."""

    def close(self) -> None:
        """End."""
        self.closed = True
        with suppress(OSError):
            self._file.close()


def _discard(file: Any) -> None:
    """Close a file and delete it; a full disk may not even take what is left to be written."""
    if file is not None:
        with suppress(OSError):
            file.close()
        Path(file.name).unlink(missing_ok=True)


def file_of(message: Any) -> Any | None:
    """Return the open file that a message's data set goes to, None where it has none."""
    file = getattr(message, "_data_set_file", None)
    return None if file is None or file.closed else file


def calling_ae(assoc: Any) -> str:
    """Return who calls."""
    return str(assoc.requestor.ae_title).strip()
