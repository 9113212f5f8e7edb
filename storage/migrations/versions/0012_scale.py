"""Sources have a revision that every process sees, and the looks for due work read small indexes only."""

import json
import secrets
from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.INTEGER(), "sqlite")
TIME = sa.DateTime(timezone=True)
# Indexes that hold what is not done yet, and are therefore small.
PARTIAL = (
    ("ix_source_changes_pending", "source_changes", ["id"], "alert_state = 'pending'"),
    ("ix_match_summaries_pending", "match_summaries", ["id"], "alert_state = 'pending'"),
    ("ix_listing_versions_unmatched", "listing_versions", ["match_state", "id"], "match_state <> 'matched'"),
    ("ix_listing_versions_unread", "listing_versions", ["id"], "match_reason IS NOT NULL"),
    ("ix_listings_changed_life", "listings", ["life", "id"], "life <> 'new'"),
    ("ix_listings_seller_id", "listings", ["seller", "id"], "seller IS NOT NULL"),
    ("ix_listings_price_currency_id", "listings", ["price_currency", "id"], "price_currency IS NOT NULL"),
    ("ix_listings_claimed_records", "listings", ["claimed_records"], "claimed_records IS NOT NULL"),
    ("ix_alerts_severity_id", "alerts", ["severity", "id"], "severity <> 'low'"),
    ("ix_listings_untold", "listings", ["id"], "told_gone <> (gone_at IS NOT NULL)"),
    ("ix_alerts_of_no_finding", "alerts", ["kind", "source_id"], "kind <> 'finding'"),
    ("ix_deliveries_unsent", "deliveries", ["state", "next_attempt_at"], "state <> 'sent'"),
    ("ix_delivery_attempts_begun", "delivery_attempts", ["delivery_id"], "outcome IS NULL"),
)
# Indexes from which the questions of people are answered.
WHOLE = (
    ("ix_listings_first_seen_at", "listings", ["first_seen_at"]),
    ("ix_listings_source_id_id", "listings", ["source_id", "id"]),
    ("ix_listings_source_id_posted_at", "listings", ["source_id", "posted_at"]),
    ("ix_listing_versions_source_id_seen_at", "listing_versions", ["source_id", "seen_at"]),
    (
        "ix_match_summaries_company_id_listing_id_version_id",
        "match_summaries",
        ["company_id", "listing_id", "version_id"],
    ),
    ("ix_source_changes_source_id_at", "source_changes", ["source_id", "at"]),
)
# Indexes of all rows, done or not, which they replace.
REPLACED = (
    ("ix_source_changes_alert_state_id", "source_changes"),
    ("ix_match_summaries_alert_state_id", "match_summaries"),
    ("ix_listing_versions_match_state_match_not_before", "listing_versions"),
    ("ix_deliveries_state_next_attempt_at", "deliveries"),
    ("ix_runs_state_queued_at", "runs"),
    ("ix_listings_last_seen_at", "listings"),  # which no query used
)


def upgrade() -> None:
    _add_source_revision()
    _add_pauses()
    _add_told_presence()
    _add_source_of_versions()
    for name, table, columns, where in PARTIAL:
        _index(name, table, *columns, where=where)
    for name, table in REPLACED:
        op.drop_index(name, table)
    for name, table, columns in WHOLE:
        op.create_index(name, table, columns)


def _add_source_revision() -> None:
    table = op.create_table(
        "source_revision",
        sa.Column("id", ID, nullable=False),
        sa.Column("revision", ID, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_source_revision"),
    )
    op.bulk_insert(table, [{"revision": secrets.randbits(62)}])


def _add_pauses() -> None:
    """Give the pause of a source's site, which is in its cursor, a column of its own."""
    with op.batch_alter_table("sources") as sources:
        sources.add_column(sa.Column("not_before", TIME, nullable=True))
    _index("ix_sources_not_before", "sources", "not_before", where="not_before IS NOT NULL")
    table = sa.table(
        "sources", sa.column("id", ID), sa.column("cursor", sa.Text), sa.column("not_before", TIME)
    )
    connection = op.get_bind()
    cursors = sa.select(table.c.id, sa.cast(table.c.cursor, sa.Text))
    for source_id, cursor in connection.execute(cursors).all():
        if (mark := json.loads(cursor).get("not_before")) is not None:
            pause = table.update().where(table.c.id == source_id)
            connection.execute(pause.values(not_before=datetime.fromisoformat(mark)))


def _add_told_presence() -> None:
    """Note on each listing with alerts what they say; if one says something else than its row, that."""
    with op.batch_alter_table("listings") as listings:
        listings.add_column(sa.Column("told_gone", sa.Boolean(), nullable=True))
    op.execute(
        "UPDATE listings SET told_gone = CASE WHEN EXISTS"
        " (SELECT 1 FROM alerts WHERE alerts.listing_id = listings.id AND alerts.kind = 'finding'"
        " AND alerts.listing_gone <> (listings.gone_at IS NOT NULL))"
        " THEN listings.gone_at IS NULL ELSE listings.gone_at IS NOT NULL END"
        " WHERE id IN (SELECT listing_id FROM alerts WHERE kind = 'finding')"
    )


def _add_source_of_versions() -> None:
    with op.batch_alter_table("listing_versions") as versions:
        versions.add_column(sa.Column("source_id", ID, nullable=True))
    op.execute(
        "UPDATE listing_versions SET source_id ="
        " (SELECT source_id FROM listings WHERE listings.id = listing_versions.listing_id)"
    )


def _index(name: str, table: str, *columns: str, where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, list(columns), sqlite_where=condition, postgresql_where=condition)
