"""Decoding in processes of their own: one that crashes or hangs costs its film, not the run."""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from node.batch.reader import Reader, Reading, Unread
from node.inference.process_pool import Children, Lost

_PATIENCE = 300.0  # seconds for one film; the largest decodes in a few


class Decoders:
    """So many processes that read files; each is driven by a thread, and replaced if it dies."""

    def __init__(self, reader: Reader, workers: int, patience: float = _PATIENCE) -> None:
        self._children = Children(reader.read, workers, patience)
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
        self._children.kill()
        self._threads.shutdown()

    def submit(self, path: Path, known_digest: str) -> Future[Reading]:
        """Have a file read; the future never raises for the file's sake."""
        return self._threads.submit(self._read, path, known_digest)

    def _read(self, path: Path, known_digest: str) -> Reading:
        try:
            return self._children.ask(path, known_digest)
        except Lost as lost:
            return Unread(f"the decoder {lost} on this film")
