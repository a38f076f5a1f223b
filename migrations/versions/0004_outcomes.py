"""Add the table of bone densitometry results by pseudonym."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "outcome",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("patient", sa.String(64), nullable=False),
        sa.Column("taken", sa.Date, nullable=False),
        sa.Column("site", sa.String(32), nullable=False),
        sa.Column("t_score", sa.Float, nullable=False),
        sa.UniqueConstraint("patient", "taken", "site", name="uq_outcome_patient_taken_site"),
    )
