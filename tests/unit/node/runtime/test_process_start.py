"""A role without a supervisor executes its program again, and passes data to itself."""

import os
from multiprocessing import Pipe
from pathlib import Path

import pytest

from node.config.settings import load
from node.domain.config_change import ReloadReport
from node.runtime.process_start import CHANNEL, ProcessStart, inherited_start
from tests.docs.test_config_documented import CONFIG, with_examples


def test_a_configuration_reaches_the_next_program_unchanged(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The test uses the shipped configuration file with its commented examples enabled."""
    file = tmp_path / "config.yaml"
    file.write_text(with_examples(CONFIG.read_text(encoding="utf-8")))
    start = ProcessStart(load(file), 7, (8, 9), ReloadReport("config.yaml", "ingest", 1))
    own, inherited = Pipe()
    with own, inherited:
        own.send(start)
        monkeypatch.setenv(CHANNEL, str(os.dup(inherited.fileno())))
        assert inherited_start() == start
    assert CHANNEL not in os.environ


def test_the_first_program_inherits_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CHANNEL, raising=False)
    assert inherited_start() is None
