"""Add the table of a second bundle's scores."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    time = sa.DateTime(timezone=True)
    op.create_table(
        "canary",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(
            "job_id",
            sa.Integer,
            sa.ForeignKey("job.id", ondelete="CASCADE", name="fk_canary_job_id_job"),
            nullable=False,
        ),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("worker", sa.String(80), nullable=False),
        sa.Column("due_at", time),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("verdict", sa.JSON),
        sa.Column("updated_at", time, nullable=False),
        sa.UniqueConstraint("job_id", "model", name="uq_canary_job_id_model"),
    )
    op.create_index("ix_canary_model_state_due_at", "canary", ["model", "state", "due_at"])
