"""Taking up a changed configuration file while the node runs.

A file that is not sound changes nothing, in no role: it is judged once, before any of them hears
of it. Files are compared by their bytes, once a second: change notices of the kernel do not come
from network shares, and times of modification are kept by tools that copy. A file counts once two
looks have found it the same: one that is being written may be sound and half.
"""

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from node.audit.lifecycle import settings, tell_changes
from node.config.settings import Config, ConfigError, load
from node.domain.config_change import Reload, RoleAnswer, difference
from node.domain.errors import Misconfigured
from node.policies import admission_policy, callers, decision_policy, require_gate, routes
from node.ports import Audit
from node.runtime.reload.control_socket import answering
from node.runtime.reload.reloadable_settings import taken_up

_LOOK_SECONDS = 1.0
BY_SIGNAL, BY_FILE = "SIGHUP", "file change"
"""How a reload came to be that nobody has asked for by name."""

log = structlog.get_logger()


PutInForce = Callable[[Config], tuple[RoleAnswer, ...]]
"""Has every role work by a configuration, and returns what they say; or changes nothing, and raises
Misconfigured.
"""


class Reloader:
    """Keeps one node, or one role that is run alone, up to date with its file."""

    def __init__(
        self,
        file: Path | None,
        part: str,
        config: Config,
        audit: Audit,
        put_in_force: PutInForce,
    ) -> None:
        self._file = file.resolve() if file else None
        self._last = Reload(str(self._file), part, os.getpid())
        self.part = part
        self._config = config
        self._audit = audit
        self._put_in_force = put_in_force
        self._judged = ""
        self._lock = threading.Lock()

    def look(self, who: str) -> Reload:
        """Take up the file as it is; the audit trail records `who`."""
        with self._lock:
            self._judged = self._digest()
            try:
                return self._take(require_sound(self._config, self._file), who)
            except (ConfigError, Misconfigured) as error:
                log.error("reload_refused", error=str(error), who=who)
                return replace(self._last, error=str(error))

    def answer(self, meant: str, user: str) -> dict[str, Any]:
        """Look, for a user who names this very file; return what came of it."""
        if meant != str(self._file):
            return asdict(replace(self._last, error=f"{meant}: this node reads another file"))
        return asdict(self.look(user))

    def watch(self, stop: threading.Event, asked: threading.Event) -> None:
        """Look when the file has changed, or when `asked` is set, until `stop` is."""
        seen = ""
        while not stop.wait(_LOOK_SECONDS):
            if asked.is_set():
                asked.clear()
                self.look(BY_SIGNAL)
            last, seen = seen, self._digest()
            if seen == last != self._judged:
                self.look(BY_FILE)

    def _take(self, wanted: Config, who: str) -> Reload:
        before, last = self._config, self._last
        now = taken_up(before, wanted)
        changes = difference(settings(before), settings(now), settings(wanted))
        roles = self._put_in_force(now) if changes.applied else ()
        self._config = now
        if changes.applied:
            tell_changes(self._audit, now, self.part, changes.applied, who)
            self._last = replace(
                last, who=who, at=f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC", changes=changes
            )
        else:
            self._last = replace(last, changes=replace(last.changes, waiting=changes.waiting))
        if self._last != last:
            log.info("reloaded", who=who, changed=changes.keys, waiting=changes.waiting)
        return replace(self._last, roles=roles)

    def _digest(self) -> str:
        """Return what tells the file's content from another; also of one that cannot be read."""
        try:
            content = self._file.read_bytes() if self._file else b""
        except OSError as error:
            return str(error)
        return hashlib.sha256(content).hexdigest()


def require_sound(running: Config, file: Path | None) -> Config:
    """Return what the file asks for; raise ConfigError or Misconfigured, with key and reason.

    What cannot be told by the file and the card of the running model is not asked: it waits for a
    restart. An empty file is what a full disk leaves of one, and asks for nothing.
    """
    if file is not None and _is_empty(file):
        raise ConfigError(f"{file}: the file is empty; what was in force stays so")
    wanted = load(file)
    now = taken_up(running, wanted)
    from node.inference.card_summary import CardSummary

    points = CardSummary.read(now.model.bundle)
    decision_policy(now, points.thresholds)
    require_gate(admission_policy(now), points.has_gate)
    for make in (callers, routes):
        make(now)
    return wanted


def _is_empty(file: Path) -> bool:
    try:
        return not file.read_bytes().strip()
    except OSError:  # which is another fault, and told as that
        return False


@contextmanager
def reloading(
    reloader: Reloader, spool: Path, stop: threading.Event, asked: threading.Event
) -> Iterator[None]:
    """Keep a reloader at work until the block ends or `stop` is set; `asked` makes it look."""
    watching = threading.Thread(target=reloader.watch, args=(stop, asked), daemon=True)
    watching.start()
    with answering(spool, reloader.part, reloader.answer, stop):
        yield
