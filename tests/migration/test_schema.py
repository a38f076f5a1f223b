"""The migrations create the tables that the code declares, on both databases."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from node.domain.errors import Permanent
from node.jobs import schema
from node.jobs.engine import open_engine
from node.jobs.tables import metadata


def test_migrated_tables_equal_the_declared_tables(database_url: str) -> None:
    engine = open_engine(database_url)
    schema.upgrade(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_upgrading_twice_changes_nothing(database_url: str) -> None:
    """An upgrade may run at every start of the node."""
    engine = open_engine(database_url)
    assert schema.upgrade(engine) == schema.upgrade(engine) == schema.current(engine)


def test_an_older_schema_is_refused_with_the_remedy(database_url: str) -> None:
    """A role does not start with tables of an unknown schema."""
    engine = open_engine(database_url)
    with pytest.raises(Permanent, match=r"is empty.*osteoscreen db upgrade"):
        schema.require_current(engine)
    schema.upgrade(engine)
    schema.require_current(engine)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0000'"))
    with pytest.raises(Permanent, match=r"revision 0000.*osteoscreen db upgrade"):
        schema.require_current(engine)


def test_sqlite_is_set_for_durability(tmp_path: Path) -> None:
    """With WAL and synchronous FULL, committed data survive a power failure."""
    with open_engine(f"sqlite:///{tmp_path / 'jobs.db'}").connect() as connection:
        values = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert values == ["wal", 2, 1]
