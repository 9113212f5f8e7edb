"""Counting the listings of a run that repeat earlier text of their source, and its cost."""

from datetime import timedelta
from itertools import count

from storage import listings
from storage.database.base import Database
from tests.storage import given
from tests.storage.given import NOW, record

LATER = NOW + timedelta(hours=1)
# Steps of SQLite's virtual machine between two calls of the progress handler.
STEPS = 100


def store(database: Database, source_id: int, texts: list[str], *, keys: str, later: bool = False) -> None:
    records = [record(f"{keys}{number}", content_digest=text) for number, text in enumerate(texts)]
    with database.transaction() as session:
        listings.upsert_many(session, source_id, records, LATER if later else NOW)


def test_a_copy_is_new_and_says_what_was_there_before(database: Database) -> None:
    """Only text of the same source counts; listings without text, or new twice, are no copies."""
    with database.transaction() as session:
        source_id, elsewhere = given.source(session), given.source(session, "forum")
    store(database, source_id, ["lamps", "shades", ""], keys="old")
    store(database, elsewhere, ["tables"], keys="there")
    store(database, source_id, ["lamps", "lamps", "shades", "", "tables", "new", "new"], keys="n", later=True)

    with database.reading() as session:
        found = listings.copied_listings(session, source_id, since=LATER)

    assert found == 3


def steps_for(database: Database, source_id: int) -> int:
    ticks = count()
    with database.reading() as session:
        driver = session.connection().connection.driver_connection
        assert driver is not None
        driver.set_progress_handler(lambda: next(ticks) and 0, STEPS)
        listings.copied_listings(session, source_id, since=LATER)
        driver.set_progress_handler(None, STEPS)
    return next(ticks)


def test_twice_as_many_listings_cost_hardly_more_than_twice_as_much(sqlite_database: Database) -> None:
    """Twice as many listings cost less than 2.5 times as much: a first run may store 100,000."""
    with sqlite_database.transaction() as session:
        source_id = given.source(session)
    store(sqlite_database, source_id, [f"old {number}" for number in range(300)], keys="old")
    costs = []
    for part in "ab":
        store(sqlite_database, source_id, [f"{part} {each}" for each in range(300)], keys=part, later=True)
        costs.append(steps_for(sqlite_database, source_id))

    assert costs[1] < 2.5 * costs[0]
