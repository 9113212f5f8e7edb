"""The replies of a thread are found by an index, for the page of a listing."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

REPLY = "thread_key IS NOT NULL"


def upgrade() -> None:
    op.create_index(
        "ix_listings_source_id_thread_key",
        "listings",
        ["source_id", "thread_key"],
        sqlite_where=sa.text(REPLY),
        postgresql_where=sa.text(REPLY),
    )
