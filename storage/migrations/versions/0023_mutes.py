"""Mutes, what holds a delivery back, and findings that nobody has acknowledged in time."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0021"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.INTEGER(), "sqlite")
TIME = sa.DateTime(timezone=True)
WORD = sa.String(32)


def upgrade() -> None:
    op.create_table(
        "mutes",
        sa.Column("id", ID, nullable=False),
        sa.Column("company_id", ID, nullable=False),
        sa.Column("source_id", ID, nullable=True),
        sa.Column("alert_id", ID, nullable=True),
        sa.Column("seller", sa.Text(), nullable=True),
        sa.Column("term", sa.Text(), nullable=True),
        sa.Column("max_severity", WORD, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("until", TIME, nullable=False),
        sa.Column("ended_at", TIME, nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name="fk_mutes_company_id_companies"),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name="fk_mutes_source_id_sources"),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name="fk_mutes_alert_id_alerts"),
        sa.PrimaryKeyConstraint("id", name="pk_mutes"),
    )
    op.create_index("ix_mutes_until", "mutes", ["until"])
    with op.batch_alter_table("alert_revisions") as table:
        table.add_column(sa.Column("muted_by_id", ID, nullable=True))
        table.create_foreign_key("fk_alert_revisions_muted_by_id_mutes", "mutes", ["muted_by_id"], ["id"])
    _partial("ix_alert_revisions_muted_by_id", "alert_revisions", ["muted_by_id"], "muted_by_id IS NOT NULL")
    op.add_column("alerts", sa.Column("awaits_since", TIME, nullable=True))
    op.add_column("alerts", sa.Column("escalates_at", TIME, nullable=True))
    _partial("ix_alerts_escalates_at", "alerts", ["escalates_at"], "escalates_at IS NOT NULL")
    op.add_column("deliveries", sa.Column("held_for", WORD, nullable=True))
    op.add_column("deliveries", sa.Column("digest_delivery_id", ID, nullable=True))
    op.create_index("ix_deliveries_channel_id", "deliveries", ["channel", "id"])
    op.drop_index("ix_deliveries_unsent", "deliveries")
    still = "state NOT IN ('sent', 'in_digest')"
    _partial("ix_deliveries_unsent", "deliveries", ["state", "next_attempt_at"], still)


def _partial(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
