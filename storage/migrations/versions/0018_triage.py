"""Triage: acts of people with findings, and an event for each state that was set before."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.INTEGER(), "sqlite")
TIME = sa.DateTime(timezone=True)
WORD = sa.String(32)


def upgrade() -> None:
    op.create_table(
        "finding_acts",
        sa.Column("id", ID, nullable=False),
        sa.Column("alert_id", ID, nullable=False),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("written_at", TIME, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("other", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name="fk_finding_acts_alert_id_alerts"),
        sa.PrimaryKeyConstraint("id", name="pk_finding_acts"),
    )
    op.create_index("ix_finding_acts_alert_id_id", "finding_acts", ["alert_id", "id"])
    _write_events()


def _write_events() -> None:
    """Write the last state that somebody gave an alert as its first event; those before are not known."""
    alerts = sa.table(
        "alerts",
        *(sa.column(name) for name in ("id", "kind", "state", "acknowledged_at", "acknowledged_by", "note")),
    )
    events = sa.table(
        "triage_events",
        *(sa.column(name) for name in ("alert_id", "at", "by", "before", "after", "reason")),
    )
    known = sa.select(
        alerts.c.id,
        alerts.c.acknowledged_at,
        sa.func.coalesce(alerts.c.acknowledged_by, ""),
        sa.literal("new"),
        alerts.c.state,
        sa.func.coalesce(alerts.c.note, ""),
    ).where(
        alerts.c.acknowledged_at.is_not(None),
        alerts.c.state != "new",
        # Other alerts are resolved by Spillwatch itself, whoever acknowledged them before.
        sa.or_(alerts.c.kind == "finding", alerts.c.state != "resolved"),
        alerts.c.id.not_in(sa.select(events.c.alert_id)),
    )
    names = ["alert_id", "at", "by", "before", "after", "reason"]
    op.execute(sa.insert(events).from_select(names, known.order_by(alerts.c.id)))
