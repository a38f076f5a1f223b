"""Modalities that send films as fast as the node scores them."""

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
_POLL_SECONDS = 0.05


class Senders:
    """Threads that send `count` films in total, with at most `max_unfinished` in the node.

    `unfinished` returns the number of unfinished films, given the number of acknowledged films.
    """

    def __init__(
        self,
        film: FileDataset,
        port: int,
        count: int,
        unfinished: Callable[[int], int],
        max_unfinished: int = 100,
    ) -> None:
        self._film, self._port, self._remaining = film, port, count
        self._unfinished, self._max_unfinished = unfinished, max_unfinished
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self.started = 0
        self.acknowledged = 0
        self.refused = 0

    @contextmanager
    def running(self, threads: int = 4) -> Iterator[None]:
        """Send in the background; on exit, open no further association."""
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
        while not self._stop.is_set() and (share := self._next_share()):
            ae = AE("MODALITY")
            ae.add_requested_context(self._film.SOPClassUID, ExplicitVRLittleEndian)
            assoc = ae.associate("127.0.0.1", self._port, ae_title=AE_TITLE)
            for _ in range(share):
                self._wait_until_few_unfinished()
                self._record(self._send_one(assoc))
            assoc.release()

    def _next_share(self) -> int:
        with self._lock:
            share = min(self._remaining, _PER_ASSOCIATION)
            self._remaining -= share
            return share

    def _wait_until_few_unfinished(self) -> None:
        while self._unfinished(self.acknowledged) > self._max_unfinished:
            if self._stop.wait(_POLL_SECONDS):
                return

    def _send_one(self, assoc: Association) -> bool:
        """Send a copy of the film as a new study; return whether the node accepted it."""
        film = copy_to_new_study(self._film)
        with self._lock:
            self.started += 1
        return bool(assoc.send_c_store(film).get("Status") == 0x0000)

    def _record(self, accepted: bool) -> None:
        with self._lock:
            self.acknowledged += accepted
            self.refused += not accepted
