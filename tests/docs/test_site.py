"""`make docs` builds the site without a broken link."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.paths import ROOT


def test_site_builds_without_warnings(tmp_path: Path) -> None:
    """A broken link, a missing page in the navigation or a wrong anchor fails the build."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "index.html").exists()
