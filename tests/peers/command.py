"""Run the command `osteoscreen`, and check its errors.

Each command runs in its own process. A fork server starts these processes, and has imported torch
and the node already, because these imports would take most of the processor time of the tests.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from node.cli.main import main

_multiprocessing = multiprocessing.get_context("forkserver")
_IMPORTED = ["node.cli.main", "node.runtime.serve", "node.workers.scoring"]
_SECONDS = 240


def osteoscreen(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command with additional environment variables."""
    _multiprocessing.set_forkserver_preload(_IMPORTED)
    command = list(map(str, arguments))
    with tempfile.TemporaryDirectory() as folder:
        outputs = [Path(folder, name) for name in ("stdout", "stderr")]
        process = _multiprocessing.Process(
            target=_run, args=(command, os.environ | environment, Path.cwd(), *outputs)
        )
        process.start()
        process.join(_SECONDS)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(command, _SECONDS)
        texts = [output.read_text() for output in outputs]
    return subprocess.CompletedProcess(command, process.exitcode, *texts)


def _run(
    arguments: list[str], environment: dict[str, str], folder: Path, stdout: Path, stderr: Path
) -> None:
    """Run the command in this process, which has been forked."""
    for descriptor, path in ((1, stdout), (2, stderr)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), descriptor)
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
