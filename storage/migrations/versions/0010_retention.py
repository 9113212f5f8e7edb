"""Retention: holds, what was erased and by whom, passes, and records that wait for their erasure."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0008"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.INTEGER(), "sqlite")
TEXT = sa.Text()
WORD = sa.String(32)
TIME = sa.DateTime(timezone=True)
JSON = sa.JSON()
OPEN_HOLD = sa.text("released_at IS NULL")
OPEN_PASS = sa.text("state = 'running'")


def upgrade() -> None:
    for table in ("captures", "listing_versions", "attachments"):
        op.add_column(table, sa.Column("evidence_gone", WORD, nullable=True))
    op.create_index("ix_listing_versions_capture_id", "listing_versions", ["capture_id"])
    op.create_index("ix_attachments_capture_id", "attachments", ["capture_id"])
    op.create_index("ix_source_changes_run_id", "source_changes", ["run_id"])
    op.create_index("ix_alert_listings_listing_id", "alert_listings", ["listing_id"])
    op.create_table(
        "holds",
        sa.Column("id", ID, nullable=False),
        sa.Column("case_name", TEXT, nullable=False),
        sa.Column("subject", WORD, nullable=False),
        sa.Column("subject_id", ID, nullable=False),
        sa.Column("added_at", TIME, nullable=False),
        sa.Column("added_by", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("released_at", TIME, nullable=True),
        sa.Column("released_by", TEXT, nullable=True),
        sa.Column("release_reason", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_holds"),
    )
    op.create_index(
        "uq_holds_open_case_name_subject",
        "holds",
        ["case_name", "subject", "subject_id"],
        unique=True,
        sqlite_where=OPEN_HOLD,
        postgresql_where=OPEN_HOLD,
    )
    op.create_table(
        "custody_entries",
        sa.Column("id", ID, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("action", WORD, nullable=False),
        sa.Column("subject", WORD, nullable=False),
        sa.Column("subject_id", ID, nullable=False),
        sa.Column("subject_name", TEXT, nullable=True),
        sa.Column("case_name", TEXT, nullable=True),
        sa.Column("person", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("counts", JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_custody_entries"),
    )
    op.create_table(
        "evidence_removals",
        sa.Column("id", ID, nullable=False),
        sa.Column("evidence_file", TEXT, nullable=False),
        sa.Column("evidence_offset", ID, nullable=False),
        sa.Column("evidence_length", ID, nullable=False),
        sa.Column("with_texts", sa.Boolean(), nullable=False),
        sa.Column("requested_at", TIME, nullable=False),
        sa.Column("failure", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_evidence_removals"),
        sa.UniqueConstraint(
            "evidence_file", "evidence_offset", name="uq_evidence_removals_evidence_file_evidence_offset"
        ),
    )
    op.create_table(
        "erased_listings",
        sa.Column("id", ID, nullable=False),
        sa.Column("listing_id", ID, nullable=False),
        sa.Column("source_id", ID, nullable=False),
        sa.Column("key_digest", TEXT, nullable=False),
        sa.Column("erased_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name="fk_erased_listings_source_id_sources"),
        sa.PrimaryKeyConstraint("id", name="pk_erased_listings"),
        sa.UniqueConstraint("source_id", "key_digest", name="uq_erased_listings_source_id_key_digest"),
    )
    op.create_table(
        "used_numbers",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("highest", ID, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_used_numbers"),
    )
    op.create_table(
        "retention_passes",
        sa.Column("id", ID, nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("finished_at", TIME, nullable=True),
        sa.Column("not_before", TIME, nullable=False),
        sa.Column("epoch", ID, nullable=False),
        sa.Column("outcome", WORD, nullable=True),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("cursors", JSON, nullable=False),
        sa.Column("counts", JSON, nullable=False),
        sa.Column("bytes_freed", ID, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_retention_passes"),
    )
    op.create_index(
        "uq_retention_passes_open_state",
        "retention_passes",
        ["state"],
        unique=True,
        sqlite_where=OPEN_PASS,
        postgresql_where=OPEN_PASS,
    )
    connection = op.get_bind()
    is_new = connection.execute(sa.text("SELECT 1 FROM sources LIMIT 1")).first() is None
    if connection.dialect.name == "sqlite" and is_new:
        # In a new database, all pages are written with secure_delete. An older one needs a VACUUM once, which
        # the first erasure does: see storage.retention.scrubbing.
        op.execute("PRAGMA user_version = 1")
