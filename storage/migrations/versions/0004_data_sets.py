"""Data sets, and the signs of listings."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "listing_signs",
        sa.Column("listing_id", ID, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("value", ID, nullable=False),
        sa.ForeignKeyConstraint(["listing_id"], ["listings.id"], name="fk_listing_signs_listing_id_listings"),
        sa.PrimaryKeyConstraint("listing_id", "kind", "value", name="pk_listing_signs"),
    )
    op.create_index("ix_listing_signs_kind_value", "listing_signs", ["kind", "value"])
    with op.batch_alter_table("listings") as listings:
        listings.add_column(sa.Column("data_set_id", ID, nullable=True))
        listings.create_foreign_key("fk_listings_data_set_id_listings", "listings", ["data_set_id"], ["id"])
        listings.create_index("ix_listings_data_set_id", ["data_set_id"])
