"""The linter refuses an import from a lower to a higher layer, so `make check` fails."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT

LINTER = Path(sys.executable).parent / "lint-imports"


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    """Run the linter on a copy of the tree."""
    return subprocess.run([LINTER, "--no-cache"], cwd=tree, capture_output=True, text=True)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a copy of the files that the linter reads."""
    for package in ("node", "models"):
        shutil.copytree(
            ROOT / package,
            tmp_path / package,
            ignore=shutil.ignore_patterns("__pycache__", "*.dcm", "bundles"),
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("module", "planted"),
    [
        ("node/jobs/scoring_queue.py", "import node.workers.loop"),
        ("node/ingest/store.py", "import node.workers.loop"),
        ("node/domain/radiograph/film.py", "import pydicom"),
        ("node/workers/scoring.py", "import torch"),
        ("node/header/read.py", "import node.results.sr_report"),
        ("node/audit/syslog_client.py", "import node.pacs.dimse_status"),
        ("node/audit/file_trail.py", "import highdicom"),
        ("node/drift/monitor.py", "import node.maintenance.tasks"),
        ("node/drift/statistics.py", "import scipy"),
        ("node/batch/runner.py", "import node.challenger.worker"),
        ("node/batch/reader.py", "import models.images.dicom"),
        ("models/images/dicom.py", "import node.log"),
        ("models/nets/grid.py", "import models.training.loop"),
    ],
)
def test_a_planted_import_is_refused(tree: Path, module: str, planted: str) -> None:
    """The import leads to a higher layer, a sibling, or a package that the module must not load."""
    file = tree / module
    file.write_text(f"{file.read_text(encoding='utf-8')}\n{planted}\n", encoding="utf-8")
    done = lint(tree)
    assert done.returncode == 1
    assert "1 broken" in done.stdout or "2 broken" in done.stdout


def test_the_unchanged_tree_passes(tree: Path) -> None:
    """Without a planted import, the linter accepts the copied tree."""
    assert lint(tree).returncode == 0
