"""Sources count the slots that were kept and skipped."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.INTEGER(), "sqlite")
TIME = sa.DateTime(timezone=True)
BEHIND = sa.text("behind_since IS NOT NULL")


def upgrade() -> None:
    with op.batch_alter_table("sources") as sources:
        sources.add_column(sa.Column("slots_since", TIME, nullable=True))
        sources.add_column(sa.Column("slots_kept", ID, nullable=False, server_default="0"))
        sources.add_column(sa.Column("slots_skipped", ID, nullable=False, server_default="0"))
        sources.add_column(sa.Column("behind_since", TIME, nullable=True))
    with op.batch_alter_table("sources") as sources:
        sources.alter_column("slots_kept", existing_type=ID, server_default=None)
        sources.alter_column("slots_skipped", existing_type=ID, server_default=None)
    op.create_index(
        "ix_sources_behind_since", "sources", ["behind_since"], sqlite_where=BEHIND, postgresql_where=BEHIND
    )
