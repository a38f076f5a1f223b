"""Processes that read files for batch screening, and a queue of files."""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Self

from node.batch.reader import FileContent, FileReader, UnreadableFile
from node.inference.process_pool import ProcessLost, ProcessPool

_TIME_LIMIT = 300.0  # seconds for one film; the largest films take a few seconds


class ReaderPool:
    """A pool of `workers` processes that read files; a file can crash only its own process."""

    def __init__(self, reader: FileReader, workers: int, time_limit: float = _TIME_LIMIT) -> None:
        self._processes = ProcessPool(reader.read, workers, time_limit)
        self._threads = ThreadPoolExecutor(workers, "reader")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._processes.kill()
        self._threads.shutdown()

    def submit(self, path: Path, known_digest: str) -> Future[FileContent]:
        """Read a file in the background; if the process crashes, the result is UnreadableFile."""
        return self._threads.submit(self._read, path, known_digest)

    def _read(self, path: Path, known_digest: str) -> FileContent:
        try:
            return self._processes.call(path, known_digest)
        except ProcessLost as lost:
            return UnreadableFile(f"the decoder {lost} on this film")
