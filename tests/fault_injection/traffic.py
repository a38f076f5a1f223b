"""Senders as modalities are: a film that was not acknowledged is sent again, until it is.

What was acknowledged is written to a file of the harness's own, synced, before anything else is
done about it: that record is what the node is held to.
"""

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Self

from pydicom import Dataset
from pydicom.dataset import FileDataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE

from tests.fault_injection.judge import Acknowledged
from tests.peers.dcmtk import dcmsend
from tests.peers.node import AE_TITLE
from tests.support.films import copy_to_new_study, write_film

SUCCESS = 0x0000
NO_ANSWER = -1
_AGAIN_SECONDS = 0.3
_PATIENCE = 90.0


class Ledger:
    """What the node has acknowledged, durable before the sender lets go of the film."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a")
        self._lock = threading.Lock()
        self._seen: set[Acknowledged] = set()
        self.statuses: Counter[int] = Counter()

    def note(self, film: Dataset, status: int, content: str) -> None:
        """Record an answer, on the disk on return."""
        with self._lock:
            self.statuses[status] += 1
            if status != SUCCESS:
                return
            one = Acknowledged(str(film.SOPInstanceUID), str(film.StudyInstanceUID), content)
            self._file.write(f"{one.uid} {one.study} {one.content}\n")
            self._file.flush()
            os.fsync(self._file.fileno())
            self._seen.add(one)

    def all(self) -> tuple[Acknowledged, ...]:
        """Return what was acknowledged so far."""
        with self._lock:
            return tuple(self._seen)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def store(film: FileDataset, port: int, ledger: Ledger, content: str = "") -> int:
    """Send a film once, on an association of its own; return the status, or NO_ANSWER."""
    ae = AE("MODALITY")
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = ae.connection_timeout = 45
    ae.add_requested_context(film.SOPClassUID, ExplicitVRLittleEndian)
    assoc = ae.associate("127.0.0.1", port, ae_title=AE_TITLE)
    if not assoc.is_established:
        status = NO_ANSWER
    else:
        try:
            status = int(assoc.send_c_store(film).get("Status", NO_ANSWER))
        except RuntimeError:  # the association ended before the film was sent
            status = NO_ANSWER
    ledger.note(film, status, content)
    if assoc.is_established:
        assoc.release()
    return status


def store_until_taken(
    film: FileDataset, port: int, ledger: Ledger, content: str = "", give_up: float = _PATIENCE
) -> bool:
    """Send a film again and again until it is acknowledged; False where it never was."""
    deadline = time.monotonic() + give_up
    while store(film, port, ledger, content) != SUCCESS:
        if time.monotonic() > deadline:
            return False
        time.sleep(_AGAIN_SECONDS)
    return True


def store_all(films: Iterable[FileDataset], port: int, ledger: Ledger, senders: int = 3) -> bool:
    """Send films from several associations at once, each until it is taken; were all?"""
    with ThreadPoolExecutor(senders) as pool:
        return all(list(pool.map(lambda film: store_until_taken(film, port, ledger), films)))


class Traffic:
    """Senders that never stop, until they are told to: two of pynetdicom, one of DCMTK."""

    def __init__(
        self, film: FileDataset, port: int, ledger: Ledger, folder: Path, rng: random.Random
    ) -> None:
        self._film, self._port, self._ledger, self._folder = film, port, ledger, folder
        self._stop = threading.Event()
        self._draws = [random.Random(rng.random()) for _ in range(3)]
        self._pool = ThreadPoolExecutor(len(self._draws))
        self._senders: list[Future[None]] = []

    def start(self) -> None:
        """Begin to send."""
        work = (self._pynetdicom, self._pynetdicom, self._dcmtk)
        self._senders = [
            self._pool.submit(send, draw) for send, draw in zip(work, self._draws, strict=True)
        ]

    def stop(self) -> None:
        """Send no new film; what is not acknowledged now is nobody's promise."""
        self._stop.set()
        self._pool.shutdown()
        for sender in self._senders:
            sender.result()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def _pynetdicom(self, rng: random.Random) -> None:
        while not self._stop.wait(rng.uniform(0.5, 3.0)):
            film = copy_to_new_study(self._film)
            while store(film, self._port, self._ledger) != SUCCESS:
                if self._stop.wait(_AGAIN_SECONDS):
                    return

    def _dcmtk(self, rng: random.Random) -> None:
        """Send two films in one association of `dcmsend`, again until both are taken."""
        while not self._stop.wait(rng.uniform(2.0, 6.0)):
            films = {
                write_film(film, self._folder / f"dcmtk{n}.dcm"): film
                for n, film in enumerate(copy_to_new_study(self._film) for _ in range(2))
            }
            while films and not self._stop.wait(_AGAIN_SECONDS):
                for one in dcmsend(self._port, *films, called_ae=AE_TITLE, timeout=300).sent:
                    status = NO_ANSWER if one.status is None else one.status
                    self._ledger.note(films[one.path], status, "")
                    if status == SUCCESS:
                        del films[one.path]
