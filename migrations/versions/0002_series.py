"""Add the series UID of a result, which a later report refers to."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Results that were sent before have no series on record, and are not named."""
    column = sa.Column("series_instance_uid", sa.String(64), nullable=False, server_default="")
    with op.batch_alter_table("delivery") as table:
        table.add_column(column)
