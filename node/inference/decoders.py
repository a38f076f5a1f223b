"""Decoding for the analyst, in processes of their own: a film that crashes one costs it alone."""

import resource
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Self

from node.domain.errors import OsteoScreenError, Transient
from node.domain.prediction import Radiograph
from node.inference.child import Child, Lost
from node.inference.decoding import decode
from node.log import where

_PATIENCE = 120.0  # seconds for one film; the largest decodes in a few
_MEMORY = 8 * 1024**3  # bytes of address space; the largest film takes a third of it

Decode = Callable[[Path], Radiograph]


class Decoders:
    """So many processes that decode films; as many threads may ask at once, more wait."""

    def __init__(self, workers: int, work: Decode = decode, patience: float = _PATIENCE) -> None:
        self._children = [Child(_Contained(work), patience) for _ in range(workers)]
        self._idle: SimpleQueue[Child[Radiograph]] = SimpleQueue()
        for child in self._children:
            child.start()
            self._idle.put(child)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for child in self._children:
            child.kill()

    def decode(self, path: Path) -> Radiograph:
        """Read a film's pixels; raise Transient where that costs the process, else what it raises.

        Attempts are counted, so that a film which ends every process ends FAILED.
        """
        child = self._idle.get()
        try:
            return child.ask(path)
        except Lost as lost:
            raise Transient(f"the decoder {lost} on this film") from None
        finally:
            self._idle.put(child)


class _Contained:
    """A decoder that raises errors of ours alone, within a bounded memory."""

    def __init__(self, work: Decode) -> None:
        self._work = work

    def __call__(self, path: Path) -> Radiograph:
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, resource.RLIM_INFINITY))
        try:
            return self._work(path)
        except OsteoScreenError:
            raise
        except Exception as error:  # noqa: BLE001 - one film's failure is that film's alone
            raise Transient(f"unforeseen {type(error).__name__} at {where(error)}") from None
