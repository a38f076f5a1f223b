"""Audit records of a part of the node itself: its start, its end, and changes of its settings."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog

from node.audit.file_trail import open_trail
from node.audit.shipper import open_shipper
from node.config.settings import Config
from node.domain.audit_events import (
    ApplicationStarted,
    ApplicationStopped,
    AuditOutcome,
    ConfigurationChanged,
)
from node.domain.config_change import SettingChange, changed_settings

_PASSWORD = re.compile(r"(?<=:)[^:/@]*(?=@)")
_WEBHOOK_URL = "drift.alarms.webhook.url"  # some services put a token into the path
_HIDDEN = '"hidden"'

log = structlog.get_logger()


@contextmanager
def audit_lifetime(part: str, current: Callable[[], Config]) -> Iterator[None]:
    """Record the start and the end of a part of the node, and ship the trail once at its end.

    At the start, the keys of settings that have changed since the last start are recorded too.
    `current` returns the current configuration, which a reload may change.
    """
    open_shipper(current())  # an unusable certificate is reported at the start
    trail = open_trail(current(), part)
    trail.record(ApplicationStarted())
    if keys := _keys_changed_since_last_start(current(), part):
        trail.record(ConfigurationChanged(keys))
    outcome = AuditOutcome.MAJOR
    try:
        yield
        outcome = AuditOutcome.SUCCESS
    finally:
        open_trail(current(), part).record(ApplicationStopped(outcome))
        if (shipper := open_shipper(current())) is not None:
            shipper.step()


def record_changes(
    config: Config, part: str, changes: Sequence[SettingChange], requested_by: str
) -> None:
    """Record the settings that a reload has changed, and store their digests for the next start."""
    keys = tuple(change.key for change in changes)
    event = ConfigurationChanged(keys, requested_by=requested_by, changes=tuple(changes))
    open_trail(config, part).record(event)
    if file := _digest_file(config, part):
        _write_digests(file, setting_digests(config))


def setting_changes(before: Config, after: Config) -> tuple[SettingChange, ...]:
    """Return the settings that differ between two configurations, without passwords."""
    return tuple(
        SettingChange(change.key, *(_redact(change.key, v) for v in (change.before, change.after)))
        for change in changed_settings(_settings_of(before), _settings_of(after))
    )


def setting_digests(config: Config) -> dict[str, str]:
    """Return a digest of each setting by its key; passwords in URLs do not affect the digest."""
    return {
        key: hashlib.sha256(_PASSWORD.sub("", value).encode()).hexdigest()[:16]
        for key, value in _settings_of(config).items()
    }


def _keys_changed_since_last_start(config: Config, part: str) -> tuple[str, ...]:
    """Return the keys of settings changed since this part's last start; store new digests."""
    file = _digest_file(config, part)
    if file is None:
        return ()
    digests, previous = setting_digests(config), _read_digests(file)
    if previous == digests:
        return ()
    _write_digests(file, digests)
    if not previous:
        return ()
    return tuple(change.key for change in changed_settings(previous, digests))


def _digest_file(config: Config, part: str) -> Path | None:
    """Return the file with the digests of a part's settings, or None without an audit trail."""
    trail = config.audit.file
    return None if trail is None else trail.with_name(f".{trail.name}.{part}.settings")


def _settings_of(config: Config) -> dict[str, str]:
    return {
        key: json.dumps(value, ensure_ascii=False)
        for key, value in _flatten(config.model_dump(mode="json"), "")
    }


def _flatten(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    """Yield the settings below a key; the key of a destination's setting contains its name."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _flatten(inner, f"{key}.{name}" if key else name)
    elif key == "destinations" and value:  # overrides are one setting, because their order matters
        for destination in value:
            yield from _flatten(destination, f"{key}.{destination['name']}")
    else:
        yield key, value


def _redact(key: str, value: str) -> str:
    return _HIDDEN if key == _WEBHOOK_URL else _PASSWORD.sub("", value)


def _read_digests(file: Path) -> dict[str, str]:
    try:
        digests = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return digests if isinstance(digests, dict) else {}


def _write_digests(file: Path, digests: dict[str, str]) -> None:
    try:
        file.write_text(json.dumps(digests, indent=0))
    except OSError as error:
        log.error("setting_digests_not_written", file=str(file), error=error.strerror)
