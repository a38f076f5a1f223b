"""Add header evidence, image findings and study selection of each film."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("job", sa.Column("admission", sa.JSON))
    op.add_column("job", sa.Column("seen", sa.JSON))
    op.add_column("job", sa.Column("study", sa.String(64), nullable=False, server_default=""))
    op.add_column("job", sa.Column("standing", sa.String(80), nullable=False, server_default=""))
    op.create_index("ix_job_study", "job", ["study"])
