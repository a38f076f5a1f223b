"""The configuration in force in one process, and what has been made of it.

Whoever works by a part of the configuration asks for it anew at each film, by a function that
`derive` returns. A new configuration replaces all such parts or none of them.
"""

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from node.config.settings import Config

T = TypeVar("T")


class LiveConfig:
    """Holds the configuration of a process; `then` is told of each, the first one included."""

    def __init__(
        self, config: Config, then: Callable[[Config], None] = lambda _config: None
    ) -> None:
        self._config = config
        self._then = then
        self._parts: list[_Part[Any]] = []
        self._lock = threading.Lock()
        then(config)

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return self._config

    def derive(self, make: Callable[[Config], T]) -> Callable[[], T]:
        """Return a function that returns what `make` makes of the configuration in force.

        `make` raises Misconfigured for a configuration that it can make nothing of.
        """
        with self._lock:
            part = _Part(make, make(self._config))
            self._parts.append(part)
        return part.get

    def take(self, config: Config) -> None:
        """Put another configuration in force; raise Misconfigured, and keep the old one."""
        with self._lock:
            made = [part.make(config) for part in self._parts]
            for part, value in zip(self._parts, made, strict=True):
                part.value = value
            self._config = config
            self._then(config)


class _Part(Generic[T]):
    """A part of the configuration. Its value is replaced whole: who reads it meets one or the
    other, and never a mixture.
    """

    def __init__(self, make: Callable[[Config], T], value: T) -> None:
        self.make = make
        self.value = value

    def get(self) -> T:
        return self.value
