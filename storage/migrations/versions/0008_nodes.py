"""Nodes, and which of them holds each claim."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.INTEGER(), "sqlite")
TIME = sa.DateTime(timezone=True)
CLAIMS = ("runs", "rematches", "deliveries")


def upgrade() -> None:
    op.create_table(
        "nodes",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("engine", sa.String(32), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("routes", sa.JSON(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("schema_revision", sa.Text(), nullable=False),
        sa.Column("pid", ID, nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("heartbeat_at", TIME, nullable=False),
        sa.Column("lease_until", TIME, nullable=False),
        sa.Column("ended_at", TIME, nullable=True),
        sa.Column("ended_as", sa.String(32), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_nodes"),
    )
    # Without batch mode, which copies a table: SQLite adds a column to millions of rows at once.
    for table in CLAIMS:
        op.add_column(table, sa.Column("node_id", ID, nullable=True))
    op.add_column("listing_versions", sa.Column("match_epoch", ID, nullable=False, server_default="0"))
    op.add_column("listing_versions", sa.Column("match_node_id", ID, nullable=True))
