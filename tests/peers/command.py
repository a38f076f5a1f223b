"""Run the command `osteoscreen`, and check its errors.

Each command runs in its own process. A fork server starts these processes, and has imported torch
and the node already, because these imports would take most of the processor time of the tests.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from setproctitle import getproctitle

from node.cli.main import main

_multiprocessing = multiprocessing.get_context("forkserver")
_IMPORTED = [
    "node.cli.main",
    "node.demo.run",
    "node.doctor.run_checks",
    "node.inference.predictor",
    "node.ingest.scp",
    "node.maintenance.scheduler",
    "node.runtime.serve",
    "node.workers.delivery",
    "node.workers.scoring",
    "models.evaluation.run",
    "models.experiments.ablation_run",
]
_SECONDS = 240


class RunningCommand(Protocol):
    """A command that runs, with the methods of subprocess.Popen."""

    pid: int

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def send_signal(self, sig: int) -> None: ...

    def kill(self) -> None: ...


def execute(arguments: list[str], environment: Mapping[str, str], log: Path) -> RunningCommand:
    """Start the command as a user does, in its own session; append its output to a file."""
    with log.open("ab") as output:
        return subprocess.Popen(
            [str(Path(sys.executable).with_name("osteoscreen")), *arguments],
            stdout=output,
            stderr=output,
            start_new_session=True,
            env=os.environ | environment,
        )


class ForkedCommand:
    """A command in a process of the fork server, in its own session."""

    def __init__(
        self, arguments: list[str], environment: Mapping[str, str], stdout: Path, stderr: Path
    ) -> None:
        _multiprocessing.set_forkserver_preload(_IMPORTED)
        self._arguments = arguments
        self._process = _multiprocessing.Process(
            target=_run, args=(arguments, os.environ | environment, Path.cwd(), stdout, stderr)
        )
        self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    def poll(self) -> int | None:
        """Return the exit status, or None while the command runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status when the command has ended; raise TimeoutExpired."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(self._arguments, timeout or 0.0)
        return self._process.exitcode

    def send_signal(self, sig: int) -> None:
        """Send a signal, unless the command has ended."""
        if self.poll() is None:
            os.kill(self.pid, sig)

    def kill(self) -> None:
        """Send SIGKILL, unless the command has ended."""
        self.send_signal(signal.SIGKILL)


def fork(arguments: list[str], environment: Mapping[str, str], log: Path) -> RunningCommand:
    """Start the command as `execute` does, but in a process of the fork server."""
    return ForkedCommand(arguments, environment, log, log)


def osteoscreen(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command with additional environment variables."""
    command = list(map(str, arguments))
    with tempfile.TemporaryDirectory() as folder:
        outputs = [Path(folder, name) for name in ("stdout", "stderr")]
        process = ForkedCommand(command, environment, *outputs)
        try:
            status = process.wait(_SECONDS)
        finally:
            process.kill()
        texts = [output.read_text() for output in outputs]
    return subprocess.CompletedProcess(command, status, *texts)


def _run(
    arguments: list[str], environment: dict[str, str], folder: Path, stdout: Path, stderr: Path
) -> None:
    """Run the command in this process, which has been forked."""
    os.setsid()
    for descriptor, path in ((1, stdout), (2, stderr)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), descriptor)
    getproctitle()  # setproctitle finds the memory for titles only in an unchanged environment
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["osteoscreen", *arguments]
    main()


def assert_fails(completed: subprocess.CompletedProcess[str], status: int, *texts: str) -> None:
    """Check the exit status, the texts on standard error, and that there is no traceback."""
    assert completed.returncode == status, completed.stderr
    assert "Traceback" not in completed.stderr + completed.stdout
    for text in texts:
        assert text in completed.stderr


def write_config(folder: Path, text: str) -> Path:
    """Write a configuration file."""
    path = folder / "config.yaml"
    path.write_text(text)
    return path
