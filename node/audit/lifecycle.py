"""What the trail tells of the node itself: its start, its end, and what was set anew between."""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog

from node.config.settings import Config
from node.domain.audit_events import (
    ApplicationStarted,
    ApplicationStopped,
    ConfigurationChanged,
    Outcome,
)
from node.domain.config_change import Change
from node.ports import Audit

_PASSWORD = re.compile(r"(?<=:)[^:/@]*(?=@)")

log = structlog.get_logger()


@contextmanager
def told(audit: Audit, config: Config, part: str) -> Iterator[None]:
    """Record the start of a part, and its end, however the block ends."""
    audit.record(ApplicationStarted())
    if keys := _changed(config, part):
        audit.record(ConfigurationChanged(keys))
    try:
        yield
    except BaseException:
        audit.record(ApplicationStopped(Outcome.MAJOR))
        raise
    audit.record(ApplicationStopped())


def tell_changes(
    audit: Audit, config: Config, part: str, changes: Sequence[Change], who: str
) -> None:
    """Record what was set anew while a part runs, by whom and how, and keep it for its next start.

    `config` is what is in force now.
    """
    keys = tuple(change.key for change in changes)
    audit.record(ConfigurationChanged(keys, who=who, changes=tuple(changes)))
    if state := _state(config, part):
        _write(state, fingerprints(config))


def _changed(config: Config, part: str) -> tuple[str, ...]:
    """Return the keys whose values are others than at this part's last start, and keep these.

    The first start has nothing to compare with, and returns none.
    """
    state = _state(config, part)
    if state is None:
        return ()
    now, before = fingerprints(config), _read(state)
    if before == now:
        return ()
    _write(state, now)
    keys = now.keys() | before.keys()
    return tuple(sorted(key for key in keys if before and before.get(key) != now.get(key)))


def _state(config: Config, part: str) -> Path | None:
    """Return where a part's settings are kept; None where there is no trail."""
    file = config.audit.file
    return None if file is None else file.with_name(f".{file.name}.{part}.settings")


def settings(config: Config) -> dict[str, str]:
    """Return each setting as JSON, by its key; of the database's URL without the password."""
    return {
        key: json.dumps(value, ensure_ascii=False)
        for key, value in _settings(config.model_dump(mode="json"), "")
    }


def fingerprints(config: Config) -> dict[str, str]:
    """Return a digest of each setting, by its key: to see a change without keeping the value."""
    return {
        key: hashlib.sha256(value.encode()).hexdigest()[:16]
        for key, value in settings(config).items()
    }


def _settings(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    """Yield the settings below a key; those of a destination below its name."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _settings(inner, f"{key}.{name}" if key else name)
    elif key == "destinations" and value:  # of overrides the order counts: they are one setting
        for one in value:
            yield from _settings(one, f"{key}.{one['name']}")
    else:
        yield key, _PASSWORD.sub("", value) if isinstance(value, str) else value


def _read(state: Path) -> dict[str, str]:
    try:
        found = json.loads(state.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(state: Path, settings: dict[str, str]) -> None:
    try:
        state.write_text(json.dumps(settings, indent=0))
    except OSError as error:
        log.error("settings_not_kept", file=str(state), error=error.strerror)
