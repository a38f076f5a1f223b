"""The soaked node's settings, before an hour is spent on them."""

from pathlib import Path

from node.config.settings import load
from tests.soak.__main__ import make_node


def test_a_node_reads_them(tmp_path: Path) -> None:
    """Every check across sections included: rows are kept for minutes here."""
    node = make_node(tmp_path, "sqlite:///jobs.db", 11112)
    assert load(node.file).retention.rows < load(None).retention.rows
