"""Canaries that appeared, masked samples with a verdict per company, and what a segment is for."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.INTEGER(), "sqlite")
TIME = sa.DateTime(timezone=True)
WORD = sa.String(32)


def upgrade() -> None:
    op.add_column("segments", sa.Column("purpose", sa.Text(), nullable=False, server_default="customers"))
    for name in ("canaries", "masked_canaries", "canary_singles"):
        op.add_column("match_summaries", sa.Column(name, ID, nullable=False, server_default="0"))
    op.add_column("match_summaries", sa.Column("canary_sets", sa.JSON(), nullable=False, server_default="[]"))
    for name in ("known_rows", "recycled_rows"):
        op.add_column("match_summaries", sa.Column(name, sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("match_summaries", sa.Column("masked_verdict", sa.Text(), nullable=True))
    op.create_table(
        "canary_matches",
        sa.Column("id", ID, nullable=False),
        sa.Column("version_id", ID, nullable=False),
        sa.Column("listing_id", ID, nullable=False),
        sa.Column("company_id", ID, nullable=False),
        sa.Column("segment_id", ID, nullable=False),
        sa.Column("evidence", WORD, nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("issued", sa.Date(), nullable=False),
        sa.Column("expires", sa.Date(), nullable=True),
        sa.Column("ordinal", ID, nullable=True),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("rows", ID, nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("chance", sa.Double(), nullable=True),
        sa.Column("found_at", TIME, nullable=False),
        *_foreign_keys("canary_matches", "listing_versions", "listings", "companies", "segments"),
        sa.PrimaryKeyConstraint("id", name="pk_canary_matches"),
    )
    op.create_table(
        "masked_samples",
        sa.Column("version_id", ID, nullable=False),
        sa.Column("listing_id", ID, nullable=False),
        sa.Column("rows", ID, nullable=False),
        sa.Column("unread_rows", ID, nullable=False),
        sa.Column("cut", sa.Boolean(), nullable=False),
        sa.Column("found_at", TIME, nullable=False),
        *_foreign_keys("masked_samples", "listing_versions", "listings"),
        sa.PrimaryKeyConstraint("version_id", name="pk_masked_samples"),
    )
    op.create_table(
        "sample_verdicts",
        sa.Column("id", ID, nullable=False),
        sa.Column("version_id", ID, nullable=False),
        sa.Column("listing_id", ID, nullable=False),
        sa.Column("company_id", ID, nullable=False),
        sa.Column("verdict", WORD, nullable=False),
        sa.Column("rows", ID, nullable=False),
        sa.Column("distinct_rows", ID, nullable=False),
        sa.Column("usable_rows", ID, nullable=False),
        sa.Column("share_low", sa.Double(), nullable=True),
        sa.Column("share_middle", sa.Double(), nullable=True),
        sa.Column("share_high", sa.Double(), nullable=True),
        sa.Column("assumption", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("more_rows", ID, nullable=True),
        sa.Column("found_at", TIME, nullable=False),
        *_foreign_keys("sample_verdicts", "listing_versions", "listings", "companies"),
        sa.PrimaryKeyConstraint("id", name="pk_sample_verdicts"),
        sa.UniqueConstraint("version_id", "company_id", name="uq_sample_verdicts_version_id_company_id"),
    )
    for table, column in (
        ("canary_matches", "version_id"),
        ("canary_matches", "listing_id"),
        ("canary_matches", "company_id"),
        ("masked_samples", "listing_id"),
        ("sample_verdicts", "listing_id"),
        ("sample_verdicts", "company_id"),
    ):
        op.create_index(f"ix_{table}_{column}", table, [column])


def _foreign_keys(table: str, *targets: str) -> list[sa.ForeignKeyConstraint]:
    columns = {
        "listing_versions": "version_id",
        "listings": "listing_id",
        "companies": "company_id",
        "segments": "segment_id",
    }
    return [
        sa.ForeignKeyConstraint(
            [columns[target]], [f"{target}.id"], name=f"fk_{table}_{columns[target]}_{target}"
        )
        for target in targets
    ]
