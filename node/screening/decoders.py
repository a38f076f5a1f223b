"""Decoding in processes of their own: one that crashes or hangs costs its film, not the run."""

import multiprocessing
import os
import signal
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Self

from node import log
from node.screening.reading import Reader, Reading, Unread

_PATIENCE = 300.0  # seconds for one film; the largest decodes in a few

# Never a fork: the parent has torch's threads, and a forked child could inherit their locks.
_processes = multiprocessing.get_context("spawn")


class Decoders:
    """So many processes that read files; each is driven by a thread, and replaced if it dies.

    The executors of the standard library lose every film under way when one process dies.
    """

    def __init__(self, reader: Reader, workers: int, patience: float = _PATIENCE) -> None:
        self._children = [_Child(reader, patience) for _ in range(workers)]
        self._idle: SimpleQueue[_Child] = SimpleQueue()
        for child in self._children:
            self._idle.put(child)
        self._threads = ThreadPoolExecutor(workers, "decoder")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        for child in self._children:
            child.kill()
        self._threads.shutdown()

    def submit(self, path: Path, known_digest: str) -> Future[Reading]:
        """Have a file read; the future never raises for the file's sake."""
        return self._threads.submit(self._read, path, known_digest)

    def _read(self, path: Path, known_digest: str) -> Reading:
        child = self._idle.get()  # there are as many as threads
        try:
            return child.read(path, known_digest)
        finally:
            self._idle.put(child)


class _Child:
    """One process, started when it is first needed."""

    def __init__(self, reader: Reader, patience: float) -> None:
        self._reader = reader
        self._patience = patience
        self._process: multiprocessing.process.BaseProcess | None = None
        self._line: Connection

    def read(self, path: Path, known_digest: str) -> Reading:
        process = self._process
        if process is None or not process.is_alive():  # killed while idle: no film's fault
            process = self._start()
        try:
            self._line.send((path, known_digest))
            if self._line.poll(self._patience):
                reading: Reading = self._line.recv()
                return reading
        except (EOFError, OSError):
            process.join()
            self._process = None
            return Unread(f"the decoder crashed on this film ({_end_of(process.exitcode)})")
        process.kill()
        process.join()
        self._process = None
        return Unread(f"the decoder took longer than {self._patience:g} s for this film")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()

    def _start(self) -> multiprocessing.process.BaseProcess:
        self._line, far = _processes.Pipe()
        process = _processes.Process(target=_serve, args=(far, self._reader), daemon=True)
        process.start()
        far.close()  # so that the child's death ends the line
        self._process = process
        return process


def _end_of(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        return signal.Signals(-exitcode).name
    return f"exit status {exitcode}"


def _serve(line: Connection, reader: Reader) -> None:
    """Read what is asked for until the line ends: the parent is done, or dead."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent acts
    log.configure("error", "json")
    # Codecs in C write their complaints where the progress bar is.
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device, not a path
        os.dup2(nowhere.fileno(), 2)
    try:
        while True:
            path, known_digest = line.recv()
            line.send(reader.read(path, known_digest))
    except (EOFError, OSError):
        return
