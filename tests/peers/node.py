"""The product itself as a peer: `osteoscreen serve`, run, asked, ended and killed."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from node.config.settings import load
from node.domain.workflow.job import FINAL_JOB_STATES, Job, JobState
from node.domain.workflow.job_summary import JobDetail
from node.jobs import schema
from node.jobs.engine import open_engine
from node.jobs.operator import OperatorStore
from node.runtime.factories import open_operator_store, open_spool
from tests.peers.dcmtk import echoscu
from tests.peers.waiting import wait_until

AE_TITLE = "OSTEOSCREEN"
ENDED = FINAL_JOB_STATES | {JobState.FAILED}


class Node:
    """One node in a folder of its own. What it leaves there outlasts its processes."""

    def __init__(self, folder: Path, port: int, **sections: Any) -> None:
        self.port = port
        self.file = folder / "config.yaml"
        self._log = folder / "node.log"
        self._running: list[subprocess.Popen[bytes]] = []
        self._ended: list[subprocess.Popen[bytes]] = []  # whose children may still run
        self.environment: dict[str, str] = {}
        folder.mkdir(parents=True, exist_ok=True)
        defaults: dict[str, Any] = {
            "dicom": {"port": port},
            "database": {"url": "sqlite:///osteoscreen.db"},
            "spool": {"path": "spool", "min_free": "1MB"},
            # Short leases and waits, so that a test sees a rescue within seconds.
            "queue": {
                "poll": 0.05,
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
        """Write other sections into the configuration file, in one step; the rest stays."""
        written = self.file.with_suffix(".new")
        kept = yaml.safe_load(self.file.read_text())
        written.write_text(yaml.safe_dump(kept | self._merged(sections)))
        written.replace(self.file)

    def serve(self, *roles: str) -> None:
        """Start the whole node, or these roles alone, and return when it takes films."""
        if roles:
            schema.upgrade(open_engine(load(self.file).database.url))
        self._retire()
        for arguments in [["--role", role] for role in roles] or [[]]:
            self._start(arguments)
        if not roles or "ingest" in roles:
            wait_until(self._listens, timeout=60, what="answer to a C-ECHO")

    def launch(self) -> None:
        """Start the whole node, and do not wait until it takes films."""
        self._retire()
        self._start([])

    def wait_ended_by_itself(self, timeout: float = 60) -> int:
        """Return the exit status of a node that ends without being asked to."""
        return self._running[-1].wait(timeout)

    def ended(self) -> bool:
        """Return whether the node is not running, or has ended by itself."""
        return not self._running or self._running[-1].poll() is not None

    def processes(self) -> list[tuple[str, int]]:
        """Return role and process id of each process that the supervisor has running."""
        if self.ended():
            return []
        supervisor = self._running[-1].pid
        children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text()
        found = []
        for pid in map(int, children.split()):
            with contextlib.suppress(OSError):  # it may end at this very moment
                words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
                if "--role" in words:
                    found.append((words[words.index("--role") + 1], pid))
        return found

    def kill(self) -> None:
        """Kill every process of the node at once, as a power cut would."""
        for process in (*self._running, *self._ended):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._running.clear()
        self._ended.clear()

    def kill_supervisor(self) -> None:
        """Kill the process that was started, and none of those it started."""
        for process in self._running:
            process.kill()
            process.wait()

    @property
    def started(self) -> list[subprocess.Popen[bytes]]:
        """Return what was started: a supervisor, or the roles that were asked for."""
        return list(self._running)

    def process_of(self, role: str) -> int:
        """Return the process id of a supervised role."""
        for found, pid in self.processes():
            if found == role:
                return pid
        raise AssertionError(f"no process has the role {role}")

    def stop(self) -> list[int]:
        """Ask the node to end; return its exit statuses."""
        for process in self._running:
            process.send_signal(signal.SIGTERM)
        statuses = [process.wait(timeout=60) for process in self._running]
        self._running.clear()
        return statuses

    def desk(self) -> OperatorStore:
        """Return the operator's view of the node's job table."""
        return open_operator_store(load(self.file))

    def spooled(self, sop_instance_uid: str) -> Path:
        """Return where the bytes of a film lie."""
        config = load(self.file)
        return open_spool(config).path(self.dossier(sop_instance_uid).job.spool_key)

    def jobs(self, *states: JobState) -> list[Job]:
        """Return the jobs there are."""
        return self.desk().recent(states, 1000)

    def dossier(self, sop_instance_uid: str) -> JobDetail:
        """Return all that is known of a film's newest job."""
        desk = self.desk()
        return desk.show(desk.find(sop_instance_uid))

    def wait_for(
        self, uid: str, accept: Callable[[JobDetail], bool], timeout: float = 90
    ) -> JobDetail:
        """Return the job of a film once it is as expected, else fail and tell how it was."""
        return wait_until(lambda: self.dossier(uid), accept, timeout, f"such job\n{self.log()}")

    def wait_ended(self, uids: Sequence[str], timeout: float = 120) -> list[Job]:
        """Return the jobs of these films once all have ended, else fail."""
        return wait_until(
            lambda: [self.dossier(uid).job for uid in uids],
            lambda jobs: all(job.state in ENDED for job in jobs),
            timeout,
            f"end of every job\n{self.log()}",
        )

    def wait_all(self, count: int, timeout: float = 120) -> list[Job]:
        """Return all jobs once there are so many and all have ended, else fail."""
        return wait_until(
            self.jobs,
            lambda jobs: len(jobs) == count and all(job.state in ENDED for job in jobs),
            timeout,
            f"end of {count} jobs\n{self.log()}",
        )

    def log(self) -> str:
        """Return the last lines that the node wrote."""
        return self._log.read_text(errors="replace")[-4000:] if self._log.exists() else ""

    def _retire(self) -> None:
        """Set aside what has ended, before something new is started."""
        self._ended += [one for one in self._running if one.poll() is not None]
        self._running = [one for one in self._running if one.poll() is None]

    def _start(self, arguments: list[str]) -> None:
        command = [sys.executable, "-m", "node.cli", "serve", "--config", str(self.file)]
        with self._log.open("ab") as log:
            self._running.append(
                subprocess.Popen(
                    [*command, *arguments],
                    stderr=log,
                    start_new_session=True,
                    env=os.environ | self.environment,
                )
            )

    def _listens(self) -> bool:
        for process in self._running:
            if process.poll() is not None:
                raise AssertionError(f"the node ended with {process.returncode}: {self.log()}")
        return echoscu(self.port, called_ae=AE_TITLE)
