"""The tables of the database; `migrations` contains their changes."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An aware datetime in UTC; SQLite stores it without a time zone."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Any) -> datetime | None:
        """Return a time in UTC; raise ValueError for a time without a zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone reached the database")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Any) -> datetime | None:
        """Return the stored time as an aware time in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    }
)

job = sa.Table(
    "job",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("sop_instance_uid", sa.String(64), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("calling_ae", sa.String(16), nullable=False),
    sa.Column("film", sa.JSON, nullable=False),
    sa.Column("spool_key", sa.String(80), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("worker", sa.String(80), nullable=False),
    sa.Column("lease_until", UtcDateTime),
    sa.Column("run_after", UtcDateTime, nullable=False),
    sa.Column("reason", sa.String(40), nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("verdict", sa.JSON(none_as_null=True)),
    sa.Column("received_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("patient", sa.String(64), nullable=False, server_default=""),
    sa.Column("taken", sa.Date),
    sa.Column("admission", sa.JSON(none_as_null=True)),
    sa.Column("seen", sa.JSON(none_as_null=True)),
    sa.Column("study", sa.String(64), nullable=False, server_default=""),
    sa.Column("standing", sa.String(80), nullable=False, server_default=""),
    sa.UniqueConstraint("sop_instance_uid", "digest"),
    sa.Index(None, "state", "run_after"),
    sa.Index(None, "patient", "taken"),
    sa.Index(None, "study"),
    sa.Index(None, "received_at"),
    sa.Index(None, "spool_key"),
)

delivery = sa.Table(
    "delivery",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("job_id", sa.ForeignKey("job.id", ondelete="CASCADE"), nullable=False),
    sa.Column("destination", sa.String(32), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("sop_class_uid", sa.String(64), nullable=False),
    sa.Column("sop_instance_uid", sa.String(64), nullable=False),
    sa.Column("spool_key", sa.String(80), nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("worker", sa.String(80), nullable=False),
    sa.Column("lease_until", UtcDateTime),
    sa.Column("run_after", UtcDateTime, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("transaction_uid", sa.String(64), nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("series_instance_uid", sa.String(64), nullable=False, server_default=""),
    sa.UniqueConstraint("job_id", "destination", "sop_instance_uid"),
    sa.Index(None, "destination", "state", "run_after"),
    sa.Index(None, "transaction_uid"),
    sa.Index(None, "spool_key"),
)

outcome = sa.Table(
    "outcome",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("patient", sa.String(64), nullable=False),
    sa.Column("taken", sa.Date, nullable=False),
    sa.Column("site", sa.String(32), nullable=False),
    sa.Column("t_score", sa.Float, nullable=False),
    sa.UniqueConstraint("patient", "taken", "site"),
)

drift = sa.Table(
    "drift",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("calling_ae", sa.String(16), nullable=False),
    sa.Column("station", sa.String(64), nullable=False),
    sa.Column("measure", sa.String(64), nullable=False),
    sa.Column("value", sa.Float),
    sa.Column("films", sa.Integer, nullable=False),
    sa.Column("reference", sa.Float),
    sa.Column("model", sa.String(64), nullable=False),
    sa.UniqueConstraint("day", "calling_ae", "station", "measure"),
)

drift_reference = sa.Table(
    "drift_reference",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("calling_ae", sa.String(16), nullable=False),
    sa.Column("station", sa.String(64), nullable=False),
    sa.Column("model", sa.String(64), nullable=False),
    sa.Column("since", sa.Date, nullable=False),
    sa.Column("until", sa.Date, nullable=False),
    sa.Column("basis", sa.String(80), nullable=False),
    sa.Column("scores", sa.JSON, nullable=False),
    sa.Column("measures", sa.JSON, nullable=False),
    sa.UniqueConstraint("calling_ae", "station", "model", "basis"),
)

alarm = sa.Table(
    "alarm",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("calling_ae", sa.String(16), nullable=False),
    sa.Column("station", sa.String(64), nullable=False),
    sa.Column("measure", sa.String(64), nullable=False),
    sa.Column("since", UtcDateTime, nullable=False),
    sa.UniqueConstraint("calling_ae", "station", "measure"),
)

notice = sa.Table(
    "notice",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("channel", sa.String(16), nullable=False),
    sa.Column("content", sa.JSON, nullable=False),
    sa.Column("made_at", UtcDateTime, nullable=False),
    sa.Column("due_at", UtcDateTime, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Index(None, "channel", "due_at"),
)

challenger = sa.Table(
    "challenger",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("job_id", sa.ForeignKey("job.id", ondelete="CASCADE"), nullable=False),
    sa.Column("model", sa.String(64), nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("worker", sa.String(80), nullable=False),
    sa.Column("due_at", UtcDateTime),
    sa.Column("reason", sa.String(40), nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("verdict", sa.JSON(none_as_null=True)),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("job_id", "model"),
    sa.Index(None, "model", "state", "due_at"),
)

event = sa.Table(
    "event",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("job_id", sa.ForeignKey("job.id", ondelete="CASCADE"), nullable=False),
    sa.Column("delivery_id", sa.Integer),
    sa.Column("event", sa.String(24), nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("who", sa.String(80), nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Index(None, "job_id"),
)
