"""The first schema: sources to deliveries, and the search index."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.INTEGER(), "sqlite")
TEXT = sa.Text()
WORD = sa.String(32)
AMOUNT = sa.String(76)
TIME = sa.DateTime(timezone=True)
FLAG = sa.Boolean()
JSON = sa.JSON()
OPEN_RUN = sa.text("state IN ('queued', 'running')")

SEARCH_SQLITE = (
    # `ascii` splits at ASCII punctuation only, which no term of storage.search contains.
    "CREATE VIRTUAL TABLE listing_search"
    " USING fts5(terms, tokenize = 'ascii', detail = none, columnsize = 0)",
)
SEARCH_POSTGRESQL = (
    "CREATE TABLE listing_search"
    " (rowid bigint PRIMARY KEY REFERENCES listings (id), terms tsvector NOT NULL)",
    "CREATE INDEX ix_listing_search_terms ON listing_search USING gin (terms)",
)


def upgrade() -> None:
    op.create_table(
        "channels",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("transport", TEXT, nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.Column("failures", ID, nullable=False),
        sa.Column("last_success_at", TIME, nullable=True),
        sa.Column("last_failure_at", TIME, nullable=True),
        sa.Column("last_reason", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_channels"),
        sa.UniqueConstraint("name", name="uq_channels_name"),
    )
    op.create_table(
        "companies",
        sa.Column("id", ID, nullable=False),
        sa.Column("slug", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("definition", JSON, nullable=False),
        sa.Column("declared_in", TEXT, nullable=True),
        sa.Column("active", FLAG, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("removed_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_companies"),
        sa.UniqueConstraint("slug", name="uq_companies_slug"),
    )
    op.create_table(
        "sources",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("definition", JSON, nullable=False),
        sa.Column("declared_in", TEXT, nullable=True),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("enabled", FLAG, nullable=False),
        sa.Column("health", WORD, nullable=False),
        sa.Column("health_since", TIME, nullable=True),
        sa.Column("cursor", JSON, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("removed_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_sources"),
        sa.UniqueConstraint("name", name="uq_sources_name"),
    )
    op.create_table(
        "watch",
        sa.Column("id", ID, nullable=False),
        sa.Column("revision", ID, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_watch"),
    )
    op.create_table(
        "listings",
        sa.Column("id", ID, nullable=False),
        sa.Column("source_id", ID, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("url", TEXT, nullable=False),
        sa.Column("life", WORD, nullable=False),
        sa.Column("row_digest", TEXT, nullable=False),
        sa.Column("content_digest", TEXT, nullable=False),
        sa.Column("repost_of_id", ID, nullable=True),
        sa.Column("version_number", ID, nullable=False),
        sa.Column("first_seen_at", TIME, nullable=False),
        sa.Column("last_seen_at", TIME, nullable=False),
        sa.Column("checked_at", TIME, nullable=False),
        sa.Column("gone_at", TIME, nullable=True),
        sa.Column("title", TEXT, nullable=False),
        sa.Column("seller", TEXT, nullable=True),
        sa.Column("price_amount", AMOUNT, nullable=True),
        sa.Column("price_currency", TEXT, nullable=True),
        sa.Column("claimed_records", ID, nullable=True),
        sa.Column("posted_at", TIME, nullable=True),
        sa.Column("posted_at_uncertain", FLAG, nullable=False),
        sa.Column("data_classes", JSON, nullable=False),
        sa.ForeignKeyConstraint(["repost_of_id"], ["listings.id"], name="fk_listings_repost_of_id_listings"),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name="fk_listings_source_id_sources"),
        sa.PrimaryKeyConstraint("id", name="pk_listings"),
        sa.UniqueConstraint("source_id", "key", name="uq_listings_source_id_key"),
    )
    op.create_index("ix_listings_content_digest", "listings", ["content_digest"])
    op.create_index("ix_listings_last_seen_at", "listings", ["last_seen_at"])
    op.create_index("ix_listings_repost_of_id", "listings", ["repost_of_id"])
    op.create_index("ix_listings_source_id_checked_at", "listings", ["source_id", "checked_at"])
    op.create_table(
        "rematches",
        sa.Column("id", ID, nullable=False),
        sa.Column("scope", WORD, nullable=False),
        sa.Column("company_id", ID, nullable=True),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("requested_at", TIME, nullable=False),
        sa.Column("started_at", TIME, nullable=True),
        sa.Column("finished_at", TIME, nullable=True),
        sa.Column("cursor_version_id", ID, nullable=False),
        sa.Column("until_version_id", ID, nullable=True),
        sa.Column("state", WORD, nullable=False),
        sa.Column("epoch", ID, nullable=False),
        sa.Column("attempts", ID, nullable=False),
        sa.Column("not_before", TIME, nullable=True),
        sa.Column("failure", TEXT, nullable=True),
        sa.Column("scanned", ID, nullable=False),
        sa.Column("found", ID, nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name="fk_rematches_company_id_companies"),
        sa.PrimaryKeyConstraint("id", name="pk_rematches"),
    )
    op.create_index("ix_rematches_state_id", "rematches", ["state", "id"])
    op.create_table(
        "runs",
        sa.Column("id", ID, nullable=False),
        sa.Column("source_id", ID, nullable=False),
        sa.Column("slot", TEXT, nullable=False),
        sa.Column("trigger", WORD, nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("epoch", ID, nullable=False),
        sa.Column("queued_at", TIME, nullable=False),
        sa.Column("started_at", TIME, nullable=True),
        sa.Column("heartbeat_at", TIME, nullable=True),
        sa.Column("finished_at", TIME, nullable=True),
        sa.Column("outcome", WORD, nullable=True),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("detail", TEXT, nullable=True),
        sa.Column("pages", ID, nullable=False),
        sa.Column("captures", ID, nullable=False),
        sa.Column("bytes", ID, nullable=False),
        sa.Column("listings_seen", ID, nullable=False),
        sa.Column("listings_new", ID, nullable=False),
        sa.Column("listings_changed", ID, nullable=False),
        sa.Column("pages_unread", ID, nullable=True),
        sa.Column("pid", ID, nullable=True),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name="fk_runs_source_id_sources"),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
        sa.UniqueConstraint("source_id", "slot", name="uq_runs_source_id_slot"),
    )
    op.create_index("ix_runs_source_id_finished_at", "runs", ["source_id", "finished_at"])
    op.create_index("ix_runs_state_queued_at", "runs", ["state", "queued_at"])
    op.create_index(
        "uq_runs_open_source_id",
        "runs",
        ["source_id"],
        unique=True,
        sqlite_where=OPEN_RUN,
        postgresql_where=OPEN_RUN,
    )
    op.create_table(
        "segments",
        sa.Column("id", ID, nullable=False),
        sa.Column("company_id", ID, nullable=False),
        sa.Column("file", TEXT, nullable=False),
        sa.Column("key_id", TEXT, nullable=False),
        sa.Column("key_check", TEXT, nullable=False),
        sa.Column("fields", JSON, nullable=False),
        sa.Column("normaliser_version", ID, nullable=False),
        sa.Column("fingerprints", ID, nullable=False),
        sa.Column("customers", ID, nullable=False),
        sa.Column("sha256", TEXT, nullable=False),
        sa.Column("imported_at", TIME, nullable=False),
        sa.Column("active", FLAG, nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name="fk_segments_company_id_companies"),
        sa.PrimaryKeyConstraint("id", name="pk_segments"),
        sa.UniqueConstraint("company_id", "sha256", name="uq_segments_company_id_sha256"),
    )
    op.create_table(
        "terms",
        sa.Column("id", ID, nullable=False),
        sa.Column("company_id", ID, nullable=False),
        sa.Column("text", TEXT, nullable=False),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("owner", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("exclude", JSON, nullable=False),
        sa.Column("active", FLAG, nullable=False),
        sa.Column("added_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name="fk_terms_company_id_companies"),
        sa.PrimaryKeyConstraint("id", name="pk_terms"),
        sa.UniqueConstraint("company_id", "text", name="uq_terms_company_id_text"),
    )
    op.create_table(
        "alerts",
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("dedupe_key", TEXT, nullable=False),
        sa.Column("company_id", ID, nullable=True),
        sa.Column("source_id", ID, nullable=True),
        sa.Column("listing_id", ID, nullable=True),
        sa.Column("listing_gone", FLAG, nullable=False),
        sa.Column("severity", WORD, nullable=False),
        sa.Column("score", ID, nullable=False),
        sa.Column("title", TEXT, nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("opened_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("revision", ID, nullable=False),
        sa.Column("acknowledged_at", TIME, nullable=True),
        sa.Column("acknowledged_by", TEXT, nullable=True),
        sa.Column("note", TEXT, nullable=True),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name="fk_alerts_company_id_companies"),
        sa.ForeignKeyConstraint(["listing_id"], ["listings.id"], name="fk_alerts_listing_id_listings"),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name="fk_alerts_source_id_sources"),
        sa.PrimaryKeyConstraint("id", name="pk_alerts"),
        sa.UniqueConstraint("dedupe_key", name="uq_alerts_dedupe_key"),
    )
    op.create_index("ix_alerts_listing_id", "alerts", ["listing_id"])
    op.create_index("ix_alerts_state_id", "alerts", ["state", "id"])
    op.create_table(
        "captures",
        sa.Column("id", ID, nullable=False),
        sa.Column("run_id", ID, nullable=False),
        sa.Column("source_id", ID, nullable=False),
        sa.Column("url", TEXT, nullable=False),
        sa.Column("role", WORD, nullable=False),
        sa.Column("fetched_at", TIME, nullable=False),
        sa.Column("status", ID, nullable=False),
        sa.Column("content_type", TEXT, nullable=True),
        sa.Column("charset", TEXT, nullable=True),
        sa.Column("sha256", TEXT, nullable=False),
        sa.Column("size", ID, nullable=False),
        sa.Column("outcome", WORD, nullable=False),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("evidence_file", TEXT, nullable=True),
        sa.Column("evidence_offset", ID, nullable=True),
        sa.Column("evidence_length", ID, nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_captures_run_id_runs"),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name="fk_captures_source_id_sources"),
        sa.PrimaryKeyConstraint("id", name="pk_captures"),
    )
    op.create_index("ix_captures_run_id", "captures", ["run_id"])
    op.create_index("ix_captures_source_id_fetched_at", "captures", ["source_id", "fetched_at"])
    op.create_table(
        "source_changes",
        sa.Column("id", ID, nullable=False),
        sa.Column("source_id", ID, nullable=False),
        sa.Column("run_id", ID, nullable=True),
        sa.Column("before", WORD, nullable=False),
        sa.Column("after", WORD, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("alert_state", WORD, nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_source_changes_run_id_runs"),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name="fk_source_changes_source_id_sources"),
        sa.PrimaryKeyConstraint("id", name="pk_source_changes"),
    )
    op.create_index("ix_source_changes_alert_state_id", "source_changes", ["alert_state", "id"])
    op.create_table(
        "alert_revisions",
        sa.Column("id", ID, nullable=False),
        sa.Column("alert_id", ID, nullable=False),
        sa.Column("number", ID, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("change", WORD, nullable=False),
        sa.Column("severity", WORD, nullable=False),
        sa.Column("score", ID, nullable=False),
        sa.Column("signals", JSON, nullable=False),
        sa.Column("content", JSON, nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name="fk_alert_revisions_alert_id_alerts"),
        sa.PrimaryKeyConstraint("id", name="pk_alert_revisions"),
        sa.UniqueConstraint("alert_id", "number", name="uq_alert_revisions_alert_id_number"),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", ID, nullable=False),
        sa.Column("alert_id", ID, nullable=False),
        sa.Column("revision", ID, nullable=False),
        sa.Column("channel", TEXT, nullable=False),
        sa.Column("transport", TEXT, nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("idempotency_key", TEXT, nullable=False),
        sa.Column("attempts", ID, nullable=False),
        sa.Column("next_attempt_at", TIME, nullable=False),
        sa.Column("claimed_at", TIME, nullable=True),
        sa.Column("epoch", ID, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("sent_at", TIME, nullable=True),
        sa.Column("reason", TEXT, nullable=True),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name="fk_deliveries_alert_id_alerts"),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.UniqueConstraint(
            "alert_id", "revision", "channel", name="uq_deliveries_alert_id_revision_channel"
        ),
        sa.UniqueConstraint("idempotency_key", name="uq_deliveries_idempotency_key"),
    )
    op.create_index("ix_deliveries_state_next_attempt_at", "deliveries", ["state", "next_attempt_at"])
    op.create_table(
        "listing_versions",
        sa.Column("id", ID, nullable=False),
        sa.Column("listing_id", ID, nullable=False),
        sa.Column("number", ID, nullable=False),
        sa.Column("capture_id", ID, nullable=True),
        sa.Column("seen_at", TIME, nullable=False),
        sa.Column("title", TEXT, nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.Column("seller", TEXT, nullable=True),
        sa.Column("price_amount", AMOUNT, nullable=True),
        sa.Column("price_currency", TEXT, nullable=True),
        sa.Column("claimed_records", ID, nullable=True),
        sa.Column("posted_at", TIME, nullable=True),
        sa.Column("posted_at_uncertain", FLAG, nullable=False),
        sa.Column("data_classes", JSON, nullable=False),
        sa.Column("sample", TEXT, nullable=False),
        sa.Column("links", JSON, nullable=False),
        sa.Column("changes", JSON, nullable=False),
        sa.Column("match_state", WORD, nullable=False),
        sa.Column("match_attempts", ID, nullable=False),
        sa.Column("match_reason", TEXT, nullable=True),
        sa.Column("matched_at", TIME, nullable=True),
        sa.Column("match_not_before", TIME, nullable=True),
        sa.Column("evidence_file", TEXT, nullable=True),
        sa.Column("evidence_offset", ID, nullable=True),
        sa.Column("evidence_length", ID, nullable=True),
        sa.ForeignKeyConstraint(
            ["capture_id"], ["captures.id"], name="fk_listing_versions_capture_id_captures"
        ),
        sa.ForeignKeyConstraint(
            ["listing_id"], ["listings.id"], name="fk_listing_versions_listing_id_listings"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_listing_versions"),
        sa.UniqueConstraint("listing_id", "number", name="uq_listing_versions_listing_id_number"),
    )
    op.create_index(
        "ix_listing_versions_match_state_match_not_before",
        "listing_versions",
        ["match_state", "match_not_before"],
    )
    op.create_table(
        "attachments",
        sa.Column("id", ID, nullable=False),
        sa.Column("version_id", ID, nullable=False),
        sa.Column("capture_id", ID, nullable=True),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("content_type", TEXT, nullable=True),
        sa.Column("size", ID, nullable=False),
        sa.Column("evidence_file", TEXT, nullable=True),
        sa.Column("evidence_offset", ID, nullable=True),
        sa.Column("evidence_length", ID, nullable=True),
        sa.ForeignKeyConstraint(["capture_id"], ["captures.id"], name="fk_attachments_capture_id_captures"),
        sa.ForeignKeyConstraint(
            ["version_id"], ["listing_versions.id"], name="fk_attachments_version_id_listing_versions"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_attachments"),
    )
    op.create_index("ix_attachments_version_id", "attachments", ["version_id"])
    op.create_table(
        "delivery_attempts",
        sa.Column("id", ID, nullable=False),
        sa.Column("delivery_id", ID, nullable=False),
        sa.Column("number", ID, nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("finished_at", TIME, nullable=True),
        sa.Column("outcome", WORD, nullable=True),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("detail", TEXT, nullable=True),
        sa.Column("status_code", ID, nullable=True),
        sa.Column("duration_ms", ID, nullable=True),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["deliveries.id"], name="fk_delivery_attempts_delivery_id_deliveries"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_delivery_attempts"),
        sa.UniqueConstraint("delivery_id", "number", name="uq_delivery_attempts_delivery_id_number"),
    )
    op.create_table(
        "match_summaries",
        sa.Column("id", ID, nullable=False),
        sa.Column("version_id", ID, nullable=False),
        sa.Column("company_id", ID, nullable=False),
        sa.Column("listing_id", ID, nullable=False),
        sa.Column("mentions", ID, nullable=False),
        sa.Column("mention_fields", JSON, nullable=False),
        sa.Column("terms", JSON, nullable=False),
        sa.Column("hits", JSON, nullable=False),
        sa.Column("single_hits", ID, nullable=False),
        sa.Column("coherent_rows", ID, nullable=False),
        sa.Column("customers", ID, nullable=False),
        sa.Column("candidates", ID, nullable=False),
        sa.Column("rows_scanned", ID, nullable=False),
        sa.Column("found_at", TIME, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("alert_state", WORD, nullable=False),
        sa.ForeignKeyConstraint(
            ["company_id"], ["companies.id"], name="fk_match_summaries_company_id_companies"
        ),
        sa.ForeignKeyConstraint(
            ["listing_id"], ["listings.id"], name="fk_match_summaries_listing_id_listings"
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["listing_versions.id"], name="fk_match_summaries_version_id_listing_versions"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_match_summaries"),
        sa.UniqueConstraint("version_id", "company_id", name="uq_match_summaries_version_id_company_id"),
    )
    op.create_index("ix_match_summaries_alert_state_id", "match_summaries", ["alert_state", "id"])
    op.create_index("ix_match_summaries_listing_id", "match_summaries", ["listing_id"])
    op.create_table(
        "matches",
        sa.Column("id", ID, nullable=False),
        sa.Column("version_id", ID, nullable=False),
        sa.Column("listing_id", ID, nullable=False),
        sa.Column("company_id", ID, nullable=False),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("term_id", ID, nullable=True),
        sa.Column("segment_id", ID, nullable=True),
        sa.Column("field", TEXT, nullable=False),
        sa.Column("place", TEXT, nullable=False),
        sa.Column("ordinal", ID, nullable=True),
        sa.Column("excerpt", TEXT, nullable=True),
        sa.Column("identity", TEXT, nullable=False),
        sa.Column("found_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name="fk_matches_company_id_companies"),
        sa.ForeignKeyConstraint(["listing_id"], ["listings.id"], name="fk_matches_listing_id_listings"),
        sa.ForeignKeyConstraint(["segment_id"], ["segments.id"], name="fk_matches_segment_id_segments"),
        sa.ForeignKeyConstraint(["term_id"], ["terms.id"], name="fk_matches_term_id_terms"),
        sa.ForeignKeyConstraint(
            ["version_id"], ["listing_versions.id"], name="fk_matches_version_id_listing_versions"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_matches"),
        sa.UniqueConstraint("version_id", "identity", name="uq_matches_version_id_identity"),
    )
    op.create_index("ix_matches_company_id_found_at", "matches", ["company_id", "found_at"])
    op.create_index("ix_matches_listing_id", "matches", ["listing_id"])
    op.execute("INSERT INTO watch (revision) VALUES (1)")
    dialect = op.get_bind().dialect.name
    for statement in SEARCH_POSTGRESQL if dialect == "postgresql" else SEARCH_SQLITE:
        op.execute(statement)
