"""storage.database.transfer: copying a database, from SQLite to PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, text

from storage import listings
from storage.database import schema
from storage.database.base import Database
from storage.database.transfer import REVISIONS, TABLES, transfer_rows
from storage.errors import SchemaOutdated, TargetNotEmpty
from tests.storage import given
from tests.storage.released.__main__ import fill


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[Database]:
    """An SQLite database with rows in every table."""
    opened = Database.open(f"sqlite:///{tmp_path / 'old.db'}")
    schema.upgrade_schema(opened)
    with opened.transaction() as session:
        fill(session)
    yield opened
    opened.close()


def everything(database: Database) -> dict[str, list[dict[str, object]]]:
    with database.reading() as session:
        return {
            table.name: [
                dict(row) for row in session.execute(select(table).order_by(*table.primary_key)).mappings()
            ]
            for table in TABLES
        }


def test_every_row_arrives(origin: Database, database: Database) -> None:
    """Each table has the same values, the search finds the same listings, and new rows get new ids."""
    counts = transfer_rows(origin, database)
    arrived = everything(database)
    with database.transaction() as session:
        given.version(session, "later")

    with database.reading() as session:
        found = [listing.key for listing in listings.search_listings(session, "趣店")]
        newest = [listing.key for listing in listings.recent_listings(session)]
    assert arrived == everything(origin)
    assert counts == {table: len(rows) for table, rows in arrived.items()}
    assert (found, newest) == (["1"], ["later", "1"])


def test_a_database_with_rows_is_not_written_to(origin: Database, database: Database) -> None:
    """A target with rows is refused; the error names the table."""
    with database.transaction() as session:
        given.source(session)

    with pytest.raises(TargetNotEmpty, match="sources"):
        transfer_rows(origin, database)


def test_a_transfer_that_fails_leaves_an_empty_database(origin: Database, database: Database) -> None:
    """If the copy is stopped after the last table, the target is empty, and the copy can be repeated."""
    seen: list[str] = []

    def stop_late(table: str, _: int) -> None:
        seen.append(table)
        if len(seen) == len(TABLES):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        transfer_rows(origin, database, progress=stop_late)
    filled = {each.__tablename__ for each in REVISIONS}
    left = {table: rows for table, rows in everything(database).items() if rows and table not in filled}

    assert left == {}
    transfer_rows(origin, database)


def test_both_need_the_schema_of_this_program(origin: Database, empty_url: str) -> None:
    """A target without a schema is refused as outdated."""
    empty = Database.open(empty_url)
    with pytest.raises(SchemaOutdated):
        transfer_rows(origin, empty)
    empty.close()


def test_the_origin_is_not_changed(origin: Database, database: Database) -> None:
    """The origin is only read."""
    before = everything(origin)
    transfer_rows(origin, database)

    with origin.reading() as session:
        assert session.scalar(text("PRAGMA query_only")) == 1
    assert everything(origin) == before
