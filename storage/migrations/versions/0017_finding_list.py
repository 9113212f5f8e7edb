"""The list of findings: what it shows and sorts by, in the alerts' own rows; and saved searches."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.INTEGER(), "sqlite")
TIME = sa.DateTime(timezone=True)
BATCH = 500
OPEN_FINDING = sa.text(
    "kind = 'finding' AND merged_into_id IS NULL AND state NOT IN ('resolved', 'false_positive')"
)
CLOSED_FINDING = sa.text(
    "kind = 'finding' AND merged_into_id IS NULL "
    "AND state NOT IN ('new', 'acknowledged', 'investigating', 'confirmed')"
)
OPEN_INDEXES = {
    "ix_alerts_open_company": [
        "company_id",
        "priority",
        "id",
        "severity",
        "state",
        "owner_id",
        "source_id",
        "updated_at",
    ],
    "ix_alerts_open_priority": ["priority", "id"],
    "ix_alerts_open_score": ["score", "id"],
    "ix_alerts_open_id": ["id"],
}
RANKS = ("low", "medium", "high", "critical")
PRIORITY_OF_RANK = 1_000_000
ANSWERS = (
    "ours",
    "partly_ours",
    "pairing_broken",
    "tests_disagree",
    "shared_clients_only",
    "not_ours",
    "too_little",
)


def upgrade() -> None:
    with op.batch_alter_table("alerts") as table:
        table.add_column(sa.Column("priority", ID, nullable=True))
        table.add_column(sa.Column("verdict", sa.Text(), nullable=True))
        table.add_column(sa.Column("glance", sa.JSON(), nullable=True))
    _fill()
    with op.batch_alter_table("alerts") as table:
        table.alter_column("priority", existing_type=ID, nullable=False)
        table.alter_column("glance", existing_type=sa.JSON(), nullable=False)
    for column in ("owner_id", "merged_into_id"):
        op.drop_index(f"ix_alerts_{column}", "alerts")
        has_one = sa.text(f"{column} IS NOT NULL")
        op.create_index(
            f"ix_alerts_{column}", "alerts", [column], sqlite_where=has_one, postgresql_where=has_one
        )
    op.create_index("ix_alerts_opened_at", "alerts", ["opened_at"])
    op.create_index("ix_alerts_updated_at", "alerts", ["updated_at"])
    for name, columns in OPEN_INDEXES.items():
        op.create_index(name, "alerts", columns, sqlite_where=OPEN_FINDING, postgresql_where=OPEN_FINDING)
    op.create_index(
        "ix_alerts_closed_priority",
        "alerts",
        ["priority", "id"],
        sqlite_where=CLOSED_FINDING,
        postgresql_where=CLOSED_FINDING,
    )
    _add_saved_searches()


def _add_saved_searches() -> None:
    op.create_table(
        "saved_searches",
        sa.Column("id", ID, nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("company_id", ID, nullable=True),
        sa.Column("shared_with_all", sa.Boolean(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name="fk_saved_searches_owner_id_users"),
        sa.ForeignKeyConstraint(
            ["company_id"], ["companies.id"], name="fk_saved_searches_company_id_companies"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_saved_searches"),
        sa.UniqueConstraint("owner_id", "name", name="uq_saved_searches_owner_id_name"),
    )
    op.create_index("ix_saved_searches_company_id", "saved_searches", ["company_id"])


def _fill() -> None:
    """Fill the columns from each alert's last revision."""
    connection = op.get_bind()
    query = sa.text(
        "SELECT a.id, a.severity, a.score, r.content, r.signals FROM alerts a LEFT JOIN alert_revisions r "
        "ON r.alert_id = a.id AND r.number = a.revision WHERE a.id > :last ORDER BY a.id LIMIT :batch"
    )
    alerts = sa.table(
        "alerts",
        sa.column("id", ID),
        sa.column("priority", ID),
        sa.column("verdict", sa.Text()),
        sa.column("glance", sa.JSON()),
    )
    change = sa.update(alerts).where(alerts.c.id == sa.bindparam("row"))
    change = change.values(
        priority=sa.bindparam("new_priority"),
        verdict=sa.bindparam("new_verdict"),
        glance=sa.bindparam("new_glance"),
    )
    last = 0
    while rows := connection.execute(query, {"last": last, "batch": BATCH}).all():
        filled = []
        for row, severity, score, content, signals in rows:
            told, reasons = _parsed(content), _parsed(signals)
            verdict, glance = _glance(
                told if isinstance(told, dict) else {}, reasons if isinstance(reasons, list) else []
            )
            rank = RANKS.index(severity) if severity in RANKS else 0
            priority = rank * PRIORITY_OF_RANK + min(max(score, 0), PRIORITY_OF_RANK - 1)
            filled.append(
                {"row": row, "new_priority": priority, "new_verdict": verdict, "new_glance": glance}
            )
        connection.execute(change, filled)
        last = rows[-1].id


def _parsed(value: object) -> object:
    """Return JSON as PostgreSQL gives it; SQLite gives its text."""
    return json.loads(value) if isinstance(value, str) else value


def _glance(
    content: Mapping[str, Any], signals: Sequence[Mapping[str, Any]]
) -> tuple[str | None, dict[str, Any]]:
    """Return what alerts.glance wrote of such a content when this migration was written."""
    listing, matches = content.get("listing"), content.get("matches")
    if not listing or not matches:
        return None, {}
    sample = content.get("sample") or {}
    offer = listing.get("offer_number") or 1
    figures = {
        "rows": matches.get("coherent_rows") or None,
        "customers": matches.get("customers") or None,
        "low": sample.get("share_low"),
        "middle": sample.get("share_middle"),
        "high": sample.get("share_high"),
        "claimed": listing.get("claimed_records"),
        "offer": offer if offer > 1 else None,
        "old": any(signal.get("name") == "known_breach" for signal in signals) or None,
        "gone": listing.get("gone_at") is not None or None,
    }
    return _verdict(content, matches, sample), {
        name: value for name, value in figures.items() if value is not None
    }


def _verdict(content: Mapping[str, Any], matches: Mapping[str, Any], sample: Mapping[str, Any]) -> str:
    evidence = {canary.get("evidence") for canary in content.get("canaries") or ()}
    if "certain" in evidence:
        return "canary"
    if matches.get("coherent_rows"):
        return "rows_agree"
    if sample.get("verdict") in ANSWERS:
        return str(sample["verdict"])
    if evidence:
        return "canary_hint"
    if matches.get("single_hits"):
        return "single_hits"
    coverage = content.get("coverage")
    return "not_enrolled" if coverage and not coverage.get("enrolled_customers") else "named"
