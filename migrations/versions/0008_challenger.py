"""Rename the table `canary` to `challenger`."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.rename_table("canary", "challenger")
    op.drop_index("ix_canary_model_state_due_at", "challenger")
    op.create_index(
        "ix_challenger_model_state_due_at", "challenger", ["model", "state", "due_at"]
    )
    if op.get_context().dialect.name == "postgresql":
        for old, new in (
            ("fk_canary_job_id_job", "fk_challenger_job_id_job"),
            ("uq_canary_job_id_model", "uq_challenger_job_id_model"),
            ("pk_canary", "pk_challenger"),
        ):
            op.execute(f"ALTER TABLE challenger RENAME CONSTRAINT {old} TO {new}")
        op.execute("ALTER SEQUENCE canary_id_seq RENAME TO challenger_id_seq")
        return
    with op.batch_alter_table("challenger") as batch:
        batch.drop_constraint("fk_canary_job_id_job", type_="foreignkey")
        batch.drop_constraint("uq_canary_job_id_model", type_="unique")
        batch.create_foreign_key(
            "fk_challenger_job_id_job", "job", ["job_id"], ["id"], ondelete="CASCADE"
        )
        batch.create_unique_constraint("uq_challenger_job_id_model", ["job_id", "model"])
