"""The benchmark of size, in small: its rows are such as intake, matching and alerting write."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, func, select, text

from benchmarks import scale_rows
from storage import alerts, listings
from storage.database.base import Database
from storage.listings import Listing, ListingFilters, ListingVersion


def test_the_rows_are_complete(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each listing has its version, is found by its words, and refers to existing rows; indexes are back."""
    monkeypatch.setattr(scale_rows, "SOURCES", 50)
    with database.reading() as session:
        before = index_names(database, session.connection())
    scale_rows.fill(database, 2_000)

    with database.reading() as session:
        counts = [
            session.scalar(select(func.count()).select_from(each)) for each in (Listing, ListingVersion)
        ]
        found = listings.search_listings(session, "base k77", limit=5)
        named = listings.search_listings(session, filters=ListingFilters(company="company-00"), limit=2_000)
        told = alerts.recent_alerts(session, limit=2_000)
        changed = alerts.alerts_with_life_changes(session, now=scale_rows.NOW, limit=10)
        after = index_names(database, session.connection())
        if database.dialect == "sqlite":
            assert session.execute(text("PRAGMA foreign_key_check")).all() == []

    assert counts == [2_000, 2_000]
    assert [each.title for each in found] == ["Offer w77 k77"]
    assert [each.id for each in named] == [each.listing_id for each in told] == list(range(2_000, 0, -40))
    assert (list(changed), after) == ([], before)


def index_names(database: Database, connection: Connection) -> set[str]:
    query = {
        "sqlite": "SELECT name FROM sqlite_master",
        "postgresql": "SELECT indexname FROM pg_indexes WHERE schemaname = 'public'",
    }[database.dialect]
    return {row[0] for row in connection.execute(text(query))}
