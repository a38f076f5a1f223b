"""Add the pseudonym of the patient and the exposure date of each film."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; films of earlier releases have no values and are never prior studies."""
    with op.batch_alter_table("job") as table:
        table.add_column(sa.Column("patient", sa.String(64), nullable=False, server_default=""))
        table.add_column(sa.Column("taken", sa.Date))
    op.create_index("ix_job_patient_taken", "job", ["patient", "taken"])
