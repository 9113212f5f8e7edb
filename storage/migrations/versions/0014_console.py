"""The console: who may sign in, the audit log, and what people did with findings."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.INTEGER(), "sqlite")
TIME = sa.DateTime(timezone=True)
WORD = sa.String(32)
REFERENCE_SIGNS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
BATCH = 500


def upgrade() -> None:
    _add_users()
    _add_audit_log()
    _add_to_alerts()
    _add_triage()


def _add_users() -> None:
    op.create_table(
        "users",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("preferences", sa.JSON(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("last_seen_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("name", name="uq_users_name"),
    )
    op.create_table(
        "grants",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("company_id", ID, nullable=True),
        sa.Column("role", WORD, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_grants_user_id_users"),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name="fk_grants_company_id_companies"),
        sa.PrimaryKeyConstraint("id", name="pk_grants"),
        sa.UniqueConstraint("user_id", "company_id", name="uq_grants_user_id_company_id"),
    )
    op.create_table(
        "user_sessions",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("token_digest", sa.Text(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("last_used_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("ended_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_user_sessions_user_id_users"),
        sa.PrimaryKeyConstraint("id", name="pk_user_sessions"),
        sa.UniqueConstraint("token_digest", name="uq_user_sessions_token_digest"),
    )
    op.create_index("ix_user_sessions_user_id", "user_sessions", ["user_id"])


def _add_audit_log() -> None:
    op.create_table(
        "audit_log",
        sa.Column("id", ID, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("company_id", ID, nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_log"),
    )
    op.create_index("ix_audit_log_company_id_id", "audit_log", ["company_id", "id"])


def _add_to_alerts() -> None:
    with op.batch_alter_table("alerts") as table:
        table.add_column(sa.Column("reference", sa.Text(), nullable=True))
        table.add_column(sa.Column("owner_id", ID, nullable=True))
        table.add_column(sa.Column("merged_into_id", ID, nullable=True))
    _name_alerts()
    with op.batch_alter_table("alerts") as table:
        table.alter_column("reference", existing_type=sa.Text(), nullable=False)
        table.create_unique_constraint("uq_alerts_reference", ["reference"])
        table.create_foreign_key("fk_alerts_owner_id_users", "users", ["owner_id"], ["id"])
        table.create_foreign_key("fk_alerts_merged_into_id_alerts", "alerts", ["merged_into_id"], ["id"])
    op.create_index("ix_alerts_owner_id", "alerts", ["owner_id"])
    op.create_index("ix_alerts_merged_into_id", "alerts", ["merged_into_id"])
    op.create_index("ix_alerts_company_id_state_id", "alerts", ["company_id", "state", "id"])


def _name_alerts() -> None:
    """Give each alert a random reference."""
    connection = op.get_bind()
    alerts = sa.table("alerts", sa.column("id", ID), sa.column("reference", sa.Text()))
    named = sa.update(alerts).where(alerts.c.id == sa.bindparam("row"))
    named = named.values(reference=sa.bindparam("name"))
    last = 0
    while True:
        ids = connection.scalars(
            sa.select(alerts.c.id).where(alerts.c.id > last).order_by(alerts.c.id).limit(BATCH)
        ).all()
        if not ids:
            return
        names = ["".join(secrets.choice(REFERENCE_SIGNS) for _ in range(9)) for _ in ids]
        connection.execute(named, [{"row": row, "name": name} for row, name in zip(ids, names, strict=True)])
        last = ids[-1]


def _add_triage() -> None:
    op.create_table(
        "triage_events",
        sa.Column("id", ID, nullable=False),
        sa.Column("alert_id", ID, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("before", WORD, nullable=False),
        sa.Column("after", WORD, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name="fk_triage_events_alert_id_alerts"),
        sa.PrimaryKeyConstraint("id", name="pk_triage_events"),
    )
    op.create_index("ix_triage_events_alert_id_id", "triage_events", ["alert_id", "id"])
    op.create_table(
        "finding_notes",
        sa.Column("id", ID, nullable=False),
        sa.Column("alert_id", ID, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name="fk_finding_notes_alert_id_alerts"),
        sa.PrimaryKeyConstraint("id", name="pk_finding_notes"),
    )
    op.create_index("ix_finding_notes_alert_id_id", "finding_notes", ["alert_id", "id"])
    op.create_table(
        "finding_labels",
        sa.Column("alert_id", ID, nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name="fk_finding_labels_alert_id_alerts"),
        sa.PrimaryKeyConstraint("alert_id", "label", name="pk_finding_labels"),
    )
    op.create_index("ix_finding_labels_label_alert_id", "finding_labels", ["label", "alert_id"])
    op.create_table(
        "finding_links",
        sa.Column("id", ID, nullable=False),
        sa.Column("alert_id", ID, nullable=False),
        sa.Column("other_id", ID, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name="fk_finding_links_alert_id_alerts"),
        sa.ForeignKeyConstraint(["other_id"], ["alerts.id"], name="fk_finding_links_other_id_alerts"),
        sa.PrimaryKeyConstraint("id", name="pk_finding_links"),
        sa.UniqueConstraint("alert_id", "other_id", name="uq_finding_links_alert_id_other_id"),
    )
    op.create_index("ix_finding_links_other_id", "finding_links", ["other_id"])
