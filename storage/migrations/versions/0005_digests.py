"""Alerts remember what they told of each listing and which changes wait for a digest; an index of what is
there.
"""

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.INTEGER(), "sqlite")
TIME = sa.DateTime(timezone=True)
THERE = sa.text("gone_at IS NULL AND thread_key IS NULL")
WAITING = sa.text("digest_at IS NOT NULL")
VALUES_KEPT = 20


def upgrade() -> None:
    told = op.create_table(
        "alert_listings",
        sa.Column("alert_id", ID, nullable=False),
        sa.Column("listing_id", ID, nullable=False),
        sa.Column("version", ID, nullable=False),
        sa.Column("told", sa.JSON(), nullable=False),
        sa.Column("seen", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name="fk_alert_listings_alert_id_alerts"),
        sa.ForeignKeyConstraint(
            ["listing_id"], ["listings.id"], name="fk_alert_listings_listing_id_listings"
        ),
        sa.PrimaryKeyConstraint("alert_id", "listing_id", name="pk_alert_listings"),
    )
    with op.batch_alter_table("alerts") as alerts:
        alerts.add_column(sa.Column("offers_told", ID, nullable=False, server_default="0"))
        alerts.add_column(sa.Column("held_changes", ID, nullable=False, server_default="0"))
        alerts.add_column(sa.Column("held_since", TIME, nullable=True))
        alerts.add_column(sa.Column("held_listing_id", ID, nullable=True))
        alerts.add_column(sa.Column("digest_at", TIME, nullable=True))
        alerts.create_foreign_key(
            "fk_alerts_held_listing_id_listings", "listings", ["held_listing_id"], ["id"]
        )
    with op.batch_alter_table("alerts") as alerts:
        alerts.alter_column("offers_told", existing_type=ID, server_default=None)
        alerts.alter_column("held_changes", existing_type=ID, server_default=None)
    op.create_index(
        "ix_alerts_digest_at", "alerts", ["digest_at"], sqlite_where=WAITING, postgresql_where=WAITING
    )
    op.drop_index("ix_listings_source_id_checked_at", "listings")
    op.create_index(
        "ix_listings_there_source_id_checked_at",
        "listings",
        ["source_id", "checked_at"],
        sqlite_where=THERE,
        postgresql_where=THERE,
    )
    _fill(op.get_bind(), told)


def _fill(connection: sa.Connection, told: sa.Table) -> None:
    """Take over what the revisions of each alert have told."""
    for alert_id in connection.scalars(sa.text("SELECT id FROM alerts WHERE kind = 'finding'")).all():
        listings: dict[int, dict[str, Any]] = {}
        offers = 0
        for listing in _told_listings(connection, alert_id):
            offers = max(offers, listing.get("offer_number", 1))
            values = _values_of(listing)
            row = listings.setdefault(
                listing["id"],
                {"alert_id": alert_id, "listing_id": listing["id"], "version": 0, "told": {}},
            )
            if listing["version"] < row["version"]:
                continue
            row["version"], row["seen"] = listing["version"], values
            row["told"] = {
                field: [*(each for each in row["told"].get(field, ()) if each != value), value][-VALUES_KEPT:]
                for field, value in values.items()
            }
        if listings:
            connection.execute(told.insert(), list(listings.values()))
            number = {"offers": offers, "alert": alert_id}
            connection.execute(sa.text("UPDATE alerts SET offers_told = :offers WHERE id = :alert"), number)


def _told_listings(connection: sa.Connection, alert_id: int) -> Iterator[dict[str, Any]]:
    revisions = sa.text("SELECT content FROM alert_revisions WHERE alert_id = :alert ORDER BY number")
    for content in connection.scalars(revisions, {"alert": alert_id}):
        listing = (json.loads(content) if isinstance(content, str) else content).get("listing")
        if listing:
            yield listing


def _values_of(listing: dict[str, Any]) -> dict[str, str | None]:
    price, claimed = listing.get("price"), listing.get("claimed_records")
    return {
        "price": f"{price['amount']} {price['currency']}" if price else None,
        "claimed_records": None if claimed is None else f"{claimed:,}",
        "life": "gone" if listing.get("gone_at") else "there",
    }
