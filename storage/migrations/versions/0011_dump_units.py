"""Dumps that several nodes match, and their units."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.INTEGER(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "dumps",
        sa.Column("id", ID, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("watch_version", sa.Text(), nullable=False),
        sa.Column("company", sa.Text(), nullable=True),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("used_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_dumps"),
        sa.UniqueConstraint("key", name="uq_dumps_key"),
    )
    op.create_table(
        "dump_units",
        sa.Column("id", ID, nullable=False),
        sa.Column("dump_id", ID, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("size", ID, nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("epoch", ID, nullable=False),
        sa.Column("node_id", ID, nullable=True),
        sa.Column("claimed_at", TIME, nullable=True),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("claims", ID, nullable=False),
        sa.Column("deaths", ID, nullable=False),
        sa.Column("refusals", ID, nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("result", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["dump_id"], ["dumps.id"], name="fk_dump_units_dump_id_dumps"),
        sa.PrimaryKeyConstraint("id", name="pk_dump_units"),
        sa.UniqueConstraint("dump_id", "key", name="uq_dump_units_dump_id_key"),
    )
    op.create_index("ix_dump_units_state_id", "dump_units", ["state", "id"])
