"""Which processes a configuration asks for."""

from node.config.settings import Config
from node.runtime.roles import Role
from node.runtime.supervisor import roles_of


def test_a_challenger_runs_only_where_one_is_configured() -> None:
    assert Role.CHALLENGER not in roles_of(Config())
    assert roles_of(Config(challenger={"bundle": "./next"})).count(Role.CHALLENGER) == 1


def test_films_are_received_by_as_many_processes_as_are_asked_for() -> None:
    assert roles_of(Config(dicom={"processes": 3})).count(Role.INGEST) == 3
