"""What may change while the node runs, and how a process hands a configuration to another.

A setting takes effect at once where the file and the model's card alone tell that it is sound.
What needs something opened first (a port, a database, a model, a font, a line to a destination)
waits for a restart: only that can tell whether it works.
"""

from collections.abc import Mapping
from typing import Any

from node.config.peers import Destination, WebDestination
from node.config.settings import Config

_OF_RESULTS_WAITS = ("language", "font")
_OF_DESTINATION = ("send", "sr_class", "when", "shadow")


def taken_up(running: Config, wanted: Config) -> Config:
    """Return the running configuration, with what may change meanwhile as it is wanted."""
    fonts = {key: getattr(running.results, key) for key in _OF_RESULTS_WAITS}
    named = {one.name: one for one in wanted.destinations}
    return running.model_copy(
        update={
            "policy": wanted.policy,
            "retention": wanted.retention,
            "results": wanted.results.model_copy(update=fonts),
            "dicom": running.dicom.model_copy(update={"callers": wanted.dicom.callers}),
            "log": running.log.model_copy(update={"level": wanted.log.level}),
            "destinations": tuple(_with_wishes(one, named) for one in running.destinations),
        }
    )


def _with_wishes(
    running: Destination | WebDestination, named: Mapping[str, Destination | WebDestination]
) -> Destination | WebDestination:
    """Return a destination that gets what it is to get now; one that is not named any more keeps
    its results until the restart.
    """
    wanted = named.get(running.name, running)
    return running.model_copy(update={key: getattr(wanted, key) for key in _OF_DESTINATION})


def packed(config: Config) -> dict[str, Any]:
    """Return a configuration as JSON has it, its paths absolute."""
    return config.model_dump(mode="json")


def unpacked(values: dict[str, Any]) -> Config:
    """Return the configuration that another process has packed."""
    return Config(**values)
