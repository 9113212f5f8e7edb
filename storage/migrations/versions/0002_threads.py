"""Replies refer to their thread."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("listings") as listings:
        listings.add_column(sa.Column("thread_key", sa.Text(), nullable=True))
