"""Add drift metrics of each source and day, and alarms."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_SOURCE = (("calling_ae", 16), ("station", 64))


def _source() -> list[sa.Column]:
    return [sa.Column(name, sa.String(length), nullable=False) for name, length in _SOURCE]


def upgrade() -> None:
    """Create the tables, and an index to find films by their time of receipt."""
    op.create_index("ix_job_received_at", "job", ["received_at"])
    op.create_table(
        "drift",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("day", sa.Date, nullable=False),
        *_source(),
        sa.Column("measure", sa.String(64), nullable=False),
        sa.Column("value", sa.Float),
        sa.Column("films", sa.Integer, nullable=False),
        sa.Column("reference", sa.Float),
        sa.Column("model", sa.String(64), nullable=False),
        sa.UniqueConstraint(
            "day", "calling_ae", "station", "measure", name="uq_drift_day_calling_ae_station_measure"
        ),
    )
    op.create_table(
        "drift_reference",
        sa.Column("id", sa.Integer, primary_key=True),
        *_source(),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("since", sa.Date, nullable=False),
        sa.Column("until", sa.Date, nullable=False),
        sa.Column("basis", sa.String(80), nullable=False),
        sa.Column("scores", sa.JSON, nullable=False),
        sa.Column("measures", sa.JSON, nullable=False),
        sa.UniqueConstraint(
            "calling_ae",
            "station",
            "model",
            "basis",
            name="uq_drift_reference_calling_ae_station_model_basis",
        ),
    )
    op.create_table(
        "alarm",
        sa.Column("id", sa.Integer, primary_key=True),
        *_source(),
        sa.Column("measure", sa.String(64), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint(
            "calling_ae", "station", "measure", name="uq_alarm_calling_ae_station_measure"
        ),
    )
    op.create_table(
        "notice",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("content", sa.JSON, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
    )
    op.create_index("ix_notice_channel_due_at", "notice", ["channel", "due_at"])
