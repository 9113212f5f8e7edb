"""Segments belong to a series and have deltas."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.INTEGER(), "sqlite")
TEXT = sa.Text()


def upgrade() -> None:
    with op.batch_alter_table("segments") as segments:
        # NULL: imported before there were series; takes no deltas until it is enrolled again
        segments.add_column(sa.Column("series", TEXT, nullable=True))
        segments.add_column(sa.Column("state", TEXT, nullable=True))
        segments.add_column(sa.Column("sequence", ID, nullable=False, server_default="0"))
        segments.drop_column("normaliser_version")  # the file has one per field
    with op.batch_alter_table("segments") as segments:
        segments.alter_column("sequence", existing_type=ID, server_default=None)
    op.create_table(
        "segment_deltas",
        sa.Column("id", ID, nullable=False),
        sa.Column("segment_id", ID, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("sequence", ID, nullable=False),
        sa.Column("file", TEXT, nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("fingerprints", ID, nullable=False),
        sa.Column("customers", ID, nullable=False),
        sa.Column("erased", ID, nullable=False),
        sa.Column("sha256", TEXT, nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["segment_id"], ["segments.id"], name="fk_segment_deltas_segment_id_segments"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_segment_deltas"),
        sa.UniqueConstraint("segment_id", "sequence", name="uq_segment_deltas_segment_id_sequence"),
    )
