"""The command `osteoscreen` as a plain function, and what is asked of it when it refuses."""

import os
import subprocess
import sys
from pathlib import Path


def osteoscreen(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, with more environment variables if need be."""
    return subprocess.run(
        [sys.executable, "-m", "node.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=240,
        env=os.environ | environment,
        check=False,
    )


def assert_one_clear_line(done: subprocess.CompletedProcess[str], status: int, *words: str) -> None:
    """See the exit status, and on standard error our own words, no traceback."""
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    for word in words:
        assert word in done.stderr


def write_config(folder: Path, text: str) -> Path:
    """Write a configuration file."""
    path = folder / "config.yaml"
    path.write_text(text)
    return path
