"""Run `osteoscreen serve`, read its job table, stop it and kill it."""

import contextlib
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydicom import dcmread

from node.config.settings import load
from node.domain.workflow.job import FINAL_JOB_STATES, Job, JobState
from node.domain.workflow.job_summary import JobDetail
from node.jobs import schema
from node.jobs.engine import open_engine
from node.jobs.operator import OperatorStore
from node.runtime.factories import open_operator_store, open_spool
from tests.peers.command import RunningCommand, execute
from tests.peers.dcmtk import dcmsend, echoscu
from tests.peers.waiting import wait_until

AE_TITLE = "OSTEOSCREEN"
_ROLE_TITLE = "osteoscreen serve --role "
ENDED = FINAL_JOB_STATES | {JobState.FAILED}


class Node:
    """One node with its own folder, whose content outlives the processes.

    `start` starts a command with additional environment variables and a file for its output.
    """

    def __init__(
        self,
        folder: Path,
        port: int,
        start: Callable[[list[str], Mapping[str, str], Path], RunningCommand] = execute,
        **sections: Any,
    ) -> None:
        self.port = port
        self._start_command = start
        self.file = folder / "config.yaml"
        self._log = folder / "node.log"
        self._running: list[RunningCommand] = []
        self._ended: list[RunningCommand] = []  # may have running children
        self.environment: dict[str, str] = {}
        folder.mkdir(parents=True, exist_ok=True)
        defaults: dict[str, Any] = {
            "dicom": {"port": port},
            "database": {"url": "sqlite:///osteoscreen.db"},
            "spool": {"path": "spool", "min_free": "1MB"},
            # With short leases and waits, an expired lease is rescued within seconds.
            "queue": {
                "poll": 0.2,
                "lease": 3,
                "delivery": {"attempts": 1000, "first": 0.2, "cap": 1.0},
            },
            "schedule": {"rescue": 0.5, "commitments": 0.5},
            "policy": {"admit": {"study_wait": 0.0}},
        }
        self._defaults = defaults
        self.file.write_text(yaml.safe_dump(self._merged(defaults | sections)))

    def _merged(self, sections: dict[str, Any]) -> dict[str, Any]:
        return {
            name: self._defaults.get(name, {}) | value if isinstance(value, dict) else value
            for name, value in sections.items()
        }

    def set(self, **sections: Any) -> None:
        """Replace sections of the configuration file atomically."""
        new = self.file.with_suffix(".new")
        current = yaml.safe_load(self.file.read_text())
        new.write_text(yaml.safe_dump(current | self._merged(sections)))
        new.replace(self.file)

    def serve(self, *roles: str) -> None:
        """Start the whole node, or only these roles; return when it accepts films."""
        if roles:
            schema.upgrade(open_engine(load(self.file).database.url))
        self._retire()
        for arguments in [["--role", role] for role in roles] or [[]]:
            self._start(arguments)
        if not roles or "ingest" in roles:
            wait_until(self._listens, timeout=60, goal="answer to a C-ECHO")

    def launch(self) -> None:
        """Start the whole node without waiting until it accepts films."""
        self._retire()
        self._start([])

    def wait_exit(self, timeout: float = 60) -> int:
        """Wait until the node ends by itself; return its exit status."""
        return self._running[-1].wait(timeout)

    def ended(self) -> bool:
        """Return whether the node does not run."""
        return not self._running or self._running[-1].poll() is not None

    def processes(self) -> list[tuple[str, int]]:
        """Return the role and the process ID of each child process of the supervisor."""
        if self.ended():
            return []
        supervisor = self._running[-1].pid
        children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text()
        processes = []
        for pid in map(int, children.split()):
            with contextlib.suppress(OSError):  # the process may have ended
                title = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").decode()
                if title.startswith(_ROLE_TITLE):
                    processes.append((title.removeprefix(_ROLE_TITLE), pid))
        return processes

    def kill(self) -> None:
        """Kill every process of the node at once, as in a power failure."""
        for process in (*self._running, *self._ended):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.kill()  # a forked process may not lead its group yet
            process.wait()
        self._running.clear()
        self._ended.clear()

    def kill_supervisor(self) -> None:
        """Kill the supervisor, but not its children."""
        for process in self._running:
            process.kill()
            process.wait()

    @property
    def started(self) -> list[RunningCommand]:
        """The started processes: the supervisor, or roles without a supervisor."""
        return list(self._running)

    def process_of(self, role: str) -> int:
        """Return the process ID of a supervised role."""
        for name, pid in self.processes():
            if name == role:
                return pid
        raise AssertionError(f"no process has the role {role}")

    def stop(self) -> list[int]:
        """Send SIGTERM to the node; return the exit statuses."""
        for process in self._running:
            process.send_signal(signal.SIGTERM)
        statuses = [process.wait(timeout=60) for process in self._running]
        self._running.clear()
        return statuses

    def send(self, *films: Path) -> list[str]:
        """Send films with DCMTK and check that they are accepted; return their UIDs."""
        transfer = dcmsend(self.port, *films, called_ae=AE_TITLE)
        assert transfer.succeeded, transfer.log
        return [str(dcmread(film, stop_before_pixels=True).SOPInstanceUID) for film in films]

    def operator_store(self) -> OperatorStore:
        """Return the operator's access to the job table."""
        return open_operator_store(load(self.file))

    def spooled(self, sop_instance_uid: str) -> Path:
        """Return the path of a film in the spool."""
        config = load(self.file)
        return open_spool(config).path(self.job_detail(sop_instance_uid).job.spool_key)

    def jobs(self, *states: JobState) -> list[Job]:
        """Return the jobs in these states, or all jobs."""
        return self.operator_store().recent(states, 1000)

    def job_detail(self, sop_instance_uid: str) -> JobDetail:
        """Return the newest job of a film with its deliveries and history."""
        return _job_detail(self.operator_store(), sop_instance_uid)

    def wait_for(
        self, uid: str, accept: Callable[[JobDetail], bool], timeout: float = 90
    ) -> JobDetail:
        """Return the job of a film when `accept` accepts it; fail after the timeout."""
        operator = self.operator_store()
        return wait_until(
            lambda: _job_detail(operator, uid), accept, timeout, f"expected job\n{self.log()}"
        )

    def wait_ended(self, uids: Sequence[str], timeout: float = 120) -> list[Job]:
        """Return the jobs of these films when all have ended; fail after the timeout."""
        operator = self.operator_store()
        return wait_until(
            lambda: [_job_detail(operator, uid).job for uid in uids],
            lambda jobs: all(job.state in ENDED for job in jobs),
            timeout,
            f"end of every job\n{self.log()}",
        )

    def wait_all(self, count: int, timeout: float = 120) -> list[Job]:
        """Return all jobs when their number is `count` and all have ended."""
        operator = self.operator_store()
        return wait_until(
            lambda: operator.recent((), 1000),
            lambda jobs: len(jobs) == count and all(job.state in ENDED for job in jobs),
            timeout,
            f"end of {count} jobs\n{self.log()}",
        )

    def log(self) -> str:
        """Return the last 4,000 characters of the log."""
        return self._log.read_text(errors="replace")[-4000:] if self._log.exists() else ""

    def _retire(self) -> None:
        """Move ended processes from `_running` to `_ended`."""
        self._ended += [process for process in self._running if process.poll() is not None]
        self._running = [process for process in self._running if process.poll() is None]

    def _start(self, arguments: list[str]) -> None:
        command = ["serve", "--config", str(self.file), *arguments]
        self._running.append(self._start_command(command, self.environment, self._log))

    def _listens(self) -> bool:
        for process in self._running:
            if (status := process.poll()) is not None:
                raise AssertionError(f"the node ended with {status}: {self.log()}")
        return echoscu(self.port, called_ae=AE_TITLE)


def _job_detail(operator: OperatorStore, sop_instance_uid: str) -> JobDetail:
    return operator.show(operator.find(sop_instance_uid))
