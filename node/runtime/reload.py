"""Reload a changed configuration file: validate it, replace processes, and report.

The file's content is compared once a second, because network shares send no change notices and some
tools keep the modification time. A change is applied when two successive comparisons find the same
content. An invalid file changes nothing.
"""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import structlog

from node.audit.lifecycle import record_changes, setting_changes
from node.audit.shipper import open_shipper
from node.challenger.setup import require_challenger
from node.config.settings import Config, ConfigError, load
from node.domain.config_change import ProcessReport, ReloadReport
from node.domain.errors import OsteoScreenError
from node.drift.setup import alarm_channels
from node.log import where
from node.policies import admission_policy, callers, decision_policy, require_gate, routes
from node.runtime.control_folder import ControlFolder, answer, user_of
from node.runtime.factories import connect_destination, open_spool, upgrade_schema
from node.security.tls import server_context

_COMPARE_SECONDS = 1.0
BY_SIGNAL, BY_FILE = "SIGHUP", "file change"
"""The requesters that are recorded for a reload after a signal, and after a change of the file."""

log = structlog.get_logger()

Replace = Callable[[Config], tuple[ProcessReport, ...]]
"""A function that replaces processes with an old configuration, or raises Misconfigured."""


@dataclass
class Reloader:
    """Reloads one node, or one role that runs without a supervisor, until `stop` is set.

    `last` is the last reload that changed a setting. `config` is the current configuration.
    """

    file: Path | None
    config: Config
    last: ReloadReport
    replace_processes: Replace
    control: ControlFolder
    stop: threading.Event
    _digest: str = field(default="", init=False)
    _validated: str = field(default="", init=False)
    _next_step: float = field(default=0.0, init=False)

    def step(self, signalled: threading.Event) -> None:
        """Once a second, reload if a user requests it, `signalled` is set or the file has changed.

        If the reload ends this process, the new process answers the user.
        """
        if monotonic() < self._next_step:
            return
        self._next_step = monotonic() + _COMPARE_SECONDS
        previous, self._digest = self._digest, self._read_digest()
        requests = self.control.requests()
        try:
            if requests:
                report = self.reload(user_of(requests[0]))
                if not self.stop.is_set():
                    answer(requests[0], report)
            elif signalled.is_set():
                signalled.clear()
                self.reload(BY_SIGNAL)
            elif self._digest == previous != self._validated:
                self.reload(BY_FILE)
        except Exception as error:  # noqa: BLE001 - a failed reload must not end the node
            log.error("unexpected_error", error=type(error).__name__, where=where(error))
            for request in requests:
                request.unlink(missing_ok=True)

    def reload(self, requested_by: str) -> ReloadReport:
        """Validate the file, replace processes with another configuration, and return a report."""
        self._validated = self._read_digest()
        try:
            config = _validated(self.config, self.file)
            self.control.open(config.spool.path)
            processes = self.replace_processes(config)
        except (ConfigError, OsteoScreenError, OSError) as error:
            log.error("reload_refused", error=str(error), requested_by=requested_by)
            return replace(self.last, error=str(error))
        self._record(config, requested_by)
        self.last = replace(self.last, processes=processes)
        return self.last

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
        record_changes(config, self.last.part, changes, requested_by)
        at = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
        self.last = replace(self.last, changes=changes, requested_by=requested_by, at=at)

    def _read_digest(self) -> str:
        """Return a digest of the file's content, or the error text if reading fails."""
        try:
            content = self.file.read_bytes() if self.file else b""
        except OSError as error:
            return str(error)
        return hashlib.sha256(content).hexdigest()


def _validated(running: Config, file: Path | None) -> Config:
    """Return the configuration of a file; raise ConfigError or OsteoScreenError if it is invalid.

    The weights are not checked here: the role that loads the model reports errors in the weights.
    """
    config = load(file)
    if file is not None and not file.read_bytes().strip():  # a full disk leaves such a file
        raise ConfigError(f"{file}: the file is empty; write the configuration again")
    if config != running:
        require_usable(config)
        if config.challenger is not None:
            require_challenger(config)
        open_spool(config)
        upgrade_schema(config)
    return config


def require_usable(config: Config) -> None:
    """Raise Misconfigured, with the key, if a card, font, certificate or secret is unusable.

    The challenger is not checked, because its faults do not affect the results.
    """
    from node.inference.card_summary import CardSummary
    from node.results.fonts import typeface_for
    from node.results.translations.languages import Language

    card = CardSummary.read(config.model.bundle)
    decision_policy(config, card.thresholds)
    require_gate(admission_policy(config), card.has_gate)
    callers(config)
    routes(config)
    typeface_for(Language(config.results.language), config.results.font)
    if config.dicom.tls is not None:
        server_context(config.dicom.tls)
    for destination in config.destinations:
        connect_destination(destination, config.dicom.ae_title)
    alarm_channels(config)
    open_shipper(config)
