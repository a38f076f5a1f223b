"""Add the series UID of each result, to which a later report refers."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; results of earlier releases have no series UID, so no report names them."""
    column = sa.Column("series_instance_uid", sa.String(64), nullable=False, server_default="")
    with op.batch_alter_table("delivery") as table:
        table.add_column(column)
