"""Upgrade and check of the database schema."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

import node
from node.domain.errors import Permanent
from node.jobs.engine import open_engine, transaction

_UPGRADE_LOCK = 0x057E0  # several nodes may share a PostgreSQL; one of them upgrades at a time


def upgrade(engine: sa.Engine) -> str:
    """Run the missing migrations in one transaction; return the new revision."""
    config = _alembic_config()
    with transaction(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_UPGRADE_LOCK)))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return head()


def current(engine: sa.Engine) -> str | None:
    """Return the schema revision of the database, or None if the database is empty."""
    with transaction(engine) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str:
    """Return the schema revision that this release requires."""
    return str(ScriptDirectory.from_config(_alembic_config()).get_current_head())


def require_current(engine: sa.Engine) -> None:
    """Raise Permanent, with the command to run, unless the schema fits this release."""
    revision, needed = current(engine), head()
    if revision != needed:
        fault = f"has revision {revision}" if revision else "is empty"
        raise Permanent(
            f"the database {fault}, but this release needs revision {needed}; "
            "run: osteoscreen db upgrade"
        )


def open_current(url: str) -> sa.Engine:
    """Return an engine on a database with the schema of this release, or raise Permanent."""
    engine = open_engine(url)
    require_current(engine)
    return engine


def _alembic_config() -> AlembicConfig:
    config = AlembicConfig()
    config.set_main_option("script_location", str(_migrations()).replace("%", "%%"))
    return config


def _migrations() -> Path:
    """Return the folder of migrations, which a wheel contains inside the package `node`."""
    package = Path(str(node.__file__)).parent
    checkout = package.parent / "migrations"
    return checkout if (checkout / "env.py").is_file() else package / "migrations"
