from pathlib import Path

from node.config.settings import load
from tests.soak.__main__ import make_node


def test_the_configuration_is_valid(tmp_path: Path) -> None:
    """Rows are deleted after two minutes, and no other setting needs a longer retention."""
    node = make_node(tmp_path, "sqlite:///jobs.db", 11112)
    assert load(node.file).retention.rows < load(None).retention.rows
