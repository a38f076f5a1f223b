"""Modalities that send as fast as the node scores, and never further ahead than so many films."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pydicom.dataset import FileDataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE
from pynetdicom.association import Association

from tests.peers.node import AE_TITLE
from tests.support.films import copy_to_new_study

_PER_ASSOCIATION = 25
_LOOK_SECONDS = 0.05


class Senders:
    """So many threads that send `count` films in all; `waiting` tells how many are unfinished."""

    def __init__(
        self,
        film: FileDataset,
        port: int,
        count: int,
        waiting: Callable[[int], int],
        ahead: int = 100,
    ) -> None:
        self._film, self._port, self._left = film, port, count
        self._waiting, self._ahead = waiting, ahead
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self.begun = 0
        self.acknowledged = 0
        self.refused = 0

    @contextmanager
    def running(self, threads: int = 4) -> Iterator[None]:
        """Send in the background; on leaving, begin no further association."""
        senders = [threading.Thread(target=self._send) for _ in range(threads)]
        for sender in senders:
            sender.start()
        try:
            yield
        finally:
            self._stop.set()
            for sender in senders:
                sender.join()

    def _send(self) -> None:
        while not self._stop.is_set() and (share := self._share()):
            ae = AE("MODALITY")
            ae.add_requested_context(self._film.SOPClassUID, ExplicitVRLittleEndian)
            assoc = ae.associate("127.0.0.1", self._port, ae_title=AE_TITLE)
            for _ in range(share):
                self._wait_for_room()
                self._note(self._one(assoc))
            assoc.release()

    def _share(self) -> int:
        with self._lock:
            share = min(self._left, _PER_ASSOCIATION)
            self._left -= share
            return share

    def _wait_for_room(self) -> None:
        while self._waiting(self.acknowledged) > self._ahead and not self._stop.is_set():
            self._stop.wait(_LOOK_SECONDS)

    def _one(self, assoc: Association) -> bool:
        """Send the picture as another film of another study; return whether it was taken."""
        film = copy_to_new_study(self._film)
        with self._lock:
            self.begun += 1
        return bool(assoc.send_c_store(film).get("Status") == 0x0000)

    def _note(self, taken: bool) -> None:
        with self._lock:
            self.acknowledged += taken
            self.refused += not taken
