"""Create the job table, its deliveries and their history."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    time = sa.DateTime(timezone=True)
    op.create_table(
        "job",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("sop_instance_uid", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("calling_ae", sa.String(16), nullable=False),
        sa.Column("film", sa.JSON, nullable=False),
        sa.Column("spool_key", sa.String(80), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("worker", sa.String(80), nullable=False),
        sa.Column("lease_until", time),
        sa.Column("run_after", time, nullable=False),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("verdict", sa.JSON),
        sa.Column("received_at", time, nullable=False),
        sa.Column("updated_at", time, nullable=False),
        sa.UniqueConstraint("sop_instance_uid", "digest", name="uq_job_sop_instance_uid_digest"),
    )
    op.create_index("ix_job_state_run_after", "job", ["state", "run_after"])
    op.create_index("ix_job_spool_key", "job", ["spool_key"])
    op.create_table(
        "delivery",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(
            "job_id",
            sa.Integer,
            sa.ForeignKey("job.id", ondelete="CASCADE", name="fk_delivery_job_id_job"),
            nullable=False,
        ),
        sa.Column("destination", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("sop_class_uid", sa.String(64), nullable=False),
        sa.Column("sop_instance_uid", sa.String(64), nullable=False),
        sa.Column("spool_key", sa.String(80), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("worker", sa.String(80), nullable=False),
        sa.Column("lease_until", time),
        sa.Column("run_after", time, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("transaction_uid", sa.String(64), nullable=False),
        sa.Column("updated_at", time, nullable=False),
        sa.UniqueConstraint(
            "job_id",
            "destination",
            "sop_instance_uid",
            name="uq_delivery_job_id_destination_sop_instance_uid",
        ),
    )
    op.create_index(
        "ix_delivery_destination_state_run_after", "delivery", ["destination", "state", "run_after"]
    )
    op.create_index("ix_delivery_transaction_uid", "delivery", ["transaction_uid"])
    op.create_index("ix_delivery_spool_key", "delivery", ["spool_key"])
    op.create_table(
        "event",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", time, nullable=False),
        sa.Column(
            "job_id",
            sa.Integer,
            sa.ForeignKey("job.id", ondelete="CASCADE", name="fk_event_job_id_job"),
            nullable=False,
        ),
        sa.Column("delivery_id", sa.Integer),
        sa.Column("event", sa.String(24), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("who", sa.String(80), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
    )
    op.create_index("ix_event_job_id", "event", ["job_id"])


def downgrade() -> None:
    op.drop_table("event")
    op.drop_table("delivery")
    op.drop_table("job")
