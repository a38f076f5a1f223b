"""Decoding for the analyst, in processes of their own: a film that crashes one costs it alone."""

import resource
from collections.abc import Callable
from pathlib import Path
from typing import Self

from models.images.radiograph import Radiograph
from node.domain.errors import OsteoScreenError, Transient
from node.inference.decoder import decode
from node.inference.process_pool import Children, Lost
from node.log import where

_PATIENCE = 120.0  # seconds for one film; the largest decodes in a few
_MEMORY = 8 * 1024**3  # bytes of address space; the largest film takes a third of it

Decode = Callable[[Path], Radiograph]


class Decoders:
    """So many processes that decode films; as many threads may ask at once, more wait."""

    def __init__(self, workers: int, work: Decode = decode, patience: float = _PATIENCE) -> None:
        self._children = Children(_Contained(work), workers, patience)
        self._children.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._children.kill()

    def decode(self, path: Path) -> Radiograph:
        """Read a film's pixels; raise Transient where that costs the process, else what it raises.

        Attempts are counted, so that a film which ends every process ends FAILED.
        """
        try:
            return self._children.ask(path)
        except Lost as lost:
            raise Transient(f"the decoder {lost} on this film") from None


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
