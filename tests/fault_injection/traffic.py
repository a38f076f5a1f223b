"""Senders resend a film until the node acknowledges it, as modalities do.

Each acknowledgement is first written to a synchronised file, and the invariants are checked against
this file.
"""

import os
import random
import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Self

from pydicom import Dataset
from pydicom.dataset import FileDataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE

from tests.fault_injection.invariants import AcknowledgedFilm
from tests.peers.dcmtk import dcmsend
from tests.peers.node import AE_TITLE
from tests.support.films import copy_to_new_study, write_film

SUCCESS = 0x0000
NO_ANSWER = -1
_RETRY_SECONDS = 0.3
_GIVE_UP_SECONDS = 90.0


class AcknowledgementLog:
    """The films that the node has acknowledged, in memory and in a synchronised file."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a")
        self._lock = threading.Lock()
        self._films: set[AcknowledgedFilm] = set()

    def record(self, ds: Dataset, status: int, content: str = "") -> None:
        """Record a film if the status is 0x0000. On return, the record is durable."""
        if status != SUCCESS:
            return
        film = AcknowledgedFilm(str(ds.SOPInstanceUID), str(ds.StudyInstanceUID), content)
        with self._lock:
            self._file.write(f"{film.uid} {film.study} {film.content}\n")
            self._file.flush()
            os.fsync(self._file.fileno())
            self._films.add(film)

    def films(self) -> tuple[AcknowledgedFilm, ...]:
        """Return the films that are acknowledged so far."""
        with self._lock:
            return tuple(self._films)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def send_once(
    film: FileDataset, port: int, acknowledgements: AcknowledgementLog, content: str = ""
) -> int:
    """Send a film once over a new association; return the status, or NO_ANSWER."""
    ae = AE("MODALITY")
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = ae.connection_timeout = 45
    ae.add_requested_context(film.SOPClassUID, ExplicitVRLittleEndian)
    assoc = ae.associate("127.0.0.1", port, ae_title=AE_TITLE)
    if not assoc.is_established:
        return NO_ANSWER
    try:
        status = int(assoc.send_c_store(film).get("Status", NO_ANSWER))
    except RuntimeError:  # the association ended before the film was sent
        status = NO_ANSWER
    acknowledgements.record(film, status, content)
    if assoc.is_established:
        assoc.release()
    return status


def send_until_accepted(
    film: FileDataset, port: int, acknowledgements: AcknowledgementLog, content: str = ""
) -> bool:
    """Send a film until it is acknowledged; return False after 90 s without success."""
    deadline = time.monotonic() + _GIVE_UP_SECONDS
    while send_once(film, port, acknowledgements, content) != SUCCESS:
        if time.monotonic() > deadline:
            return False
        time.sleep(_RETRY_SECONDS)
    return True


def send_all(
    films: Iterable[FileDataset], port: int, acknowledgements: AcknowledgementLog, senders: int = 3
) -> bool:
    """Send films over several associations until all are accepted; return False on failure."""
    with ThreadPoolExecutor(senders) as pool:
        transfers = [
            pool.submit(send_until_accepted, film, port, acknowledgements) for film in films
        ]
    return all(transfer.result() for transfer in transfers)


class Traffic:
    """Senders that send films while the context is open: two with pynetdicom, one with DCMTK."""

    def __init__(
        self,
        film: FileDataset,
        port: int,
        acknowledgements: AcknowledgementLog,
        folder: Path,
        rng: random.Random,
    ) -> None:
        self._film, self._port, self._folder = film, port, folder
        self._acknowledgements = acknowledgements
        self._stop = threading.Event()
        self._generators = [random.Random(rng.random()) for _ in range(3)]
        self._pool = ThreadPoolExecutor(len(self._generators))
        self._senders: list[Future[None]] = []

    def __enter__(self) -> Self:
        work = (self._send_with_pynetdicom, self._send_with_pynetdicom, self._send_with_dcmtk)
        self._senders = [
            self._pool.submit(send, rng) for send, rng in zip(work, self._generators, strict=True)
        ]
        return self

    def __exit__(self, *_error: object) -> None:
        """Send no new film; wait for the current transfers."""
        self._stop.set()
        self._pool.shutdown()
        for sender in self._senders:
            sender.result()

    def _send_with_pynetdicom(self, rng: random.Random) -> None:
        while not self._stop.wait(rng.uniform(0.5, 3.0)):
            film = copy_to_new_study(self._film)
            while send_once(film, self._port, self._acknowledgements) != SUCCESS:
                if self._stop.wait(_RETRY_SECONDS):
                    return

    def _send_with_dcmtk(self, rng: random.Random) -> None:
        """Send two films in one association of `dcmsend` until both are accepted."""
        while not self._stop.wait(rng.uniform(2.0, 6.0)):
            films = {
                write_film(film, self._folder / f"dcmtk{n}.dcm"): film
                for n, film in enumerate(copy_to_new_study(self._film) for _ in range(2))
            }
            while films and not self._stop.wait(_RETRY_SECONDS):
                for file in dcmsend(self._port, *films, called_ae=AE_TITLE, timeout=300).sent:
                    status = NO_ANSWER if file.status is None else file.status
                    self._acknowledgements.record(films[file.path], status)
                    if status == SUCCESS:
                        del films[file.path]
