"""Reload a changed configuration file: validate it, have the processes replaced, and report.

The file is compared by its content once a second: network shares send no change notices, and some
tools keep the time of modification. A file counts when two comparisons find the same content.
An unsound file changes nothing.
"""

import hashlib
import os
import threading
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from node.audit.lifecycle import record_changes, setting_changes
from node.config.settings import Config, ConfigError, load
from node.domain.config_change import ProcessReport, ReloadReport
from node.domain.errors import OsteoScreenError
from node.runtime.audit_setup import open_audit
from node.runtime.factories import open_spool, upgrade_schema
from node.runtime.preflight import require_usable

_COMPARE_SECONDS = 1.0
BY_SIGNAL, BY_FILE = "SIGHUP", "file change"
"""Who requested a reload that no user has requested."""

log = structlog.get_logger()

Replace = Callable[[Config], tuple[ProcessReport, ...]]
"""Replaces the processes that use another configuration, or raises Misconfigured."""


class Reloader:
    """Reloads one node, or one role that runs without a supervisor."""

    def __init__(
        self,
        file: Path | None,
        part: str,
        config: Config,
        replace_processes: Replace,
        last: ReloadReport | None = None,
    ) -> None:
        self._file = file.resolve() if file else None
        self._part = part
        self.config = config
        self._replace_processes = replace_processes
        self._last = last or ReloadReport(str(self._file), part, os.getpid())
        self._validated = ""
        self._lock = threading.Lock()

    def reload(self, requested_by: str) -> ReloadReport:
        """Validate the file, replace what uses another configuration, and return a report."""
        with self._lock:
            self._validated = self._digest()
            try:
                config = _validated(self.config, self._file)
                processes = self._replace_processes(config)
            except (ConfigError, OsteoScreenError, OSError) as error:
                log.error("reload_refused", error=str(error), requested_by=requested_by)
                return replace(self._last, error=str(error))
            self._record(config, requested_by)
            self._last = replace(self._last, processes=processes)
            return self._last

    @property
    def last(self) -> ReloadReport:
        """The last reload that changed something. A reload that is in progress ends first."""
        with self._lock:
            return self._last

    def answer(self, file: str, user: str) -> dict[str, Any]:
        """Reload for a user who names this file; return the report as JSON values."""
        if file != str(self._file):
            return asdict(replace(self._last, error=f"{file}: this node reads another file"))
        return asdict(self.reload(user))

    def watch(self, stop: threading.Event, signalled: threading.Event) -> None:
        """Until `stop` is set, reload when the file has changed, or when `signalled` is set."""
        digest = ""
        while not stop.wait(_COMPARE_SECONDS):
            if signalled.is_set():
                signalled.clear()
                self.reload(BY_SIGNAL)
            previous, digest = digest, self._digest()
            if digest == previous != self._validated:
                self.reload(BY_FILE)

    def _record(self, config: Config, requested_by: str) -> None:
        """Keep the new configuration, and record it in the log and the audit trail."""
        changes = setting_changes(self.config, config)
        self.config = config
        if not changes:
            return
        log.info(
            "configuration_reloaded",
            requested_by=requested_by,
            changed=[change.key for change in changes],
        )
        audit = open_audit(config, self._part)
        record_changes(audit, config, self._part, changes, requested_by)
        at = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
        self._last = replace(self._last, changes=changes, requested_by=requested_by, at=at)

    def _digest(self) -> str:
        """Return a digest of the file's content, or why it cannot be read."""
        try:
            content = self._file.read_bytes() if self._file else b""
        except OSError as error:
            return str(error)
        return hashlib.sha256(content).hexdigest()


def _validated(running: Config, file: Path | None) -> Config:
    """Return the configuration of a file; raise ConfigError or OsteoScreenError if it is unsound.

    What needs torch is not checked: the role that loads the model reports it.
    """
    if file is not None and _is_empty(file):  # a full disk leaves such a file
        raise ConfigError(f"{file}: the file is empty; write the configuration again")
    config = load(file)
    if config != running:
        require_usable(config)
        open_spool(config)
        upgrade_schema(config)
    return config


def _is_empty(file: Path) -> bool:
    try:
        return not file.read_bytes().strip()
    except OSError:  # `load` reports it
        return False
