"""The API: answers to repeated changes, and indexes in the order of its pages."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0019"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.INTEGER(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "api_answers",
        sa.Column("id", ID, nullable=False),
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_digest", sa.Text(), nullable=False),
        sa.Column("claimed_at", TIME, nullable=False),
        sa.Column("status", ID, nullable=True),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("alert_id", ID, nullable=True),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name="fk_api_answers_alert_id_alerts"),
        sa.PrimaryKeyConstraint("id", name="pk_api_answers"),
        sa.UniqueConstraint("caller", "key", name="uq_api_answers_caller_key"),
    )
    op.create_index("ix_api_answers_claimed_at", "api_answers", ["claimed_at"])
    op.create_index("ix_api_answers_alert_id", "api_answers", ["alert_id"])
    op.create_index("ix_alerts_opened_at_reference", "alerts", ["opened_at", "reference"])
    op.create_index("ix_alerts_updated_at_reference", "alerts", ["updated_at", "reference"])
    op.create_index(
        "ix_alerts_company_id_opened_at_reference", "alerts", ["company_id", "opened_at", "reference"]
    )
    op.create_index(
        "ix_deliveries_created_at_idempotency_key", "deliveries", ["created_at", "idempotency_key"]
    )
