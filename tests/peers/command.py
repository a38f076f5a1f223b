"""Run the command `osteoscreen`, and check its errors."""

import os
import subprocess
import sys
from pathlib import Path


def osteoscreen(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command with additional environment variables."""
    return subprocess.run(
        [sys.executable, "-m", "node.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=240,
        env=os.environ | environment,
        check=False,
    )


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
