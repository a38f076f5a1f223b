"""Decoder processes for the scoring worker and the challenger."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from models.images.radiograph import Radiograph
from node.domain.errors import OsteoScreenError, Transient
from node.inference.decoder import decode
from node.inference.process_pool import ProcessLost, ProcessPool
from node.log import describe_unexpected

_TIME_LIMIT = 120.0  # seconds for one film; the largest films take a few seconds
_MEMORY_LIMIT = 8 * 1024**3  # bytes of address space, three times the need of the largest film

Decode = Callable[[Path], Radiograph]


class DecoderPool(ProcessPool[Radiograph]):
    """A thread-safe pool of `count` decoder processes; a film can crash only its own process."""

    def __init__(
        self, count: int, decode: Decode = decode, time_limit: float = _TIME_LIMIT
    ) -> None:
        super().__init__(partial(_decode_or_raise, decode), count, time_limit, _MEMORY_LIMIT)
        self.start()

    def decode(self, path: Path) -> Radiograph:
        """Return a film's pixels; raise the decoder's error, or Transient for a lost process."""
        try:
            return self.call(path)
        except ProcessLost as lost:
            raise Transient(f"the decoder {lost} on this film") from None


def _decode_or_raise(decode: Decode, path: Path) -> Radiograph:
    """Decode a film; raise only errors that can be pickled and contain no header text."""
    try:
        return decode(path)
    except OsteoScreenError:
        raise
    except Exception as error:  # noqa: BLE001 - the failure of one film
        raise Transient(describe_unexpected(error)) from None
