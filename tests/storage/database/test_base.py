"""storage.database.base: one database behind one URL."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import event, text

from storage import companies, sources
from storage.database.base import Database, new_ids
from storage.errors import DatabaseConflict, DatabaseFailed
from storage.sources import SourceChange, SourceHealth
from storage.watch import WatchRevision, raise_watch_revision
from tests.storage import given


def test_commits_a_block_that_ends(database: Database) -> None:
    """The next block reads what a block wrote."""
    with database.transaction() as session:
        given.source(session, "market")

    with database.reading() as session:
        assert [source.name for source in sources.active_sources(session)] == ["market"]


def test_rolls_back_a_block_that_raises(database: Database) -> None:
    """A block that raises stores nothing, and its exception is passed on."""
    with pytest.raises(ZeroDivisionError), database.transaction() as session:
        given.source(session)
        raise ZeroDivisionError

    with database.reading() as session:
        assert sources.active_sources(session) == []


def test_reading_cannot_write(database: Database) -> None:
    """The database refuses a write in a block for reading, and accepts one in the next transaction."""
    with database.transaction() as session:
        source_id = given.source(session)
    with pytest.raises(DatabaseFailed), database.reading() as session:
        sources.save_cursor(session, source_id, {"page": 2})
    with database.transaction() as session:
        sources.save_cursor(session, source_id, {"page": 3})

    with database.reading() as session:
        assert sources.active_sources(session)[0].cursor == {"page": 3}


def test_connects_at_the_first_statement(tmp_path: Path) -> None:
    """Opening a database does nothing; a wrong address is an error at the first statement."""
    path = tmp_path / "none" / "spillwatch.db"
    Database.open(f"sqlite:///{path}").close()
    Database.open("postgresql://nobody@db.example:1/none").close()

    assert not path.parent.exists()


def test_writers_wait_for_each_other(database: Database) -> None:
    """Eight threads that read and then write the same row lose no write and are never refused."""

    def raise_often() -> None:
        for _ in range(25):
            with database.transaction() as session:
                companies.watch_revision(session)
                raise_watch_revision(session)

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(raise_often) for _ in range(8)]:
            done.result()

    with database.reading() as session:
        assert companies.watch_revision(session) == str(1 + 8 * 25)


def test_readers_do_not_wait_for_a_writer(database: Database) -> None:
    """While one transaction has not committed, another one reads the state before it."""
    with database.transaction() as writing:
        raise_watch_revision(writing)
        with database.reading() as reading:
            seen = companies.watch_revision(reading)

    assert seen == "1"


def test_sqlite_is_set_up_for_several_processes(sqlite_database: Database) -> None:
    """SQLite uses a write-ahead log, foreign keys, NORMAL synchronous and a busy timeout."""
    with sqlite_database.reading() as session:
        found = {
            name: session.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
        }

    assert found == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 1, "busy_timeout": 30_000}


def test_sqlite_begins_to_write_at_once(sqlite_database: Database) -> None:
    """A transaction takes the write lock with its first statement, even if that only reads."""
    statements: list[str] = []
    event.listen(
        sqlite_database.engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, *_: statements.append(statement),
    )
    with sqlite_database.transaction() as session:
        companies.watch_revision(session)

    assert "BEGIN IMMEDIATE" in statements


def test_sqlite_files_are_private(sqlite_database: Database) -> None:
    """The database, its log and its shared memory can only be read by their owner."""
    with sqlite_database.transaction() as session:
        given.source(session)
        path = Path(str(sqlite_database.engine.url.database))
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.glob("spillwatch.db*")}

    assert modes == dict.fromkeys(("spillwatch.db", "spillwatch.db-wal", "spillwatch.db-shm"), 0o600)


def test_foreign_keys_are_kept(database: Database) -> None:
    """A row that refers to a missing row is refused."""
    with pytest.raises(DatabaseConflict), database.transaction() as session:
        session.add(
            SourceChange(source_id=99, before=SourceHealth.OK, after=SourceHealth.REFUSED, at=given.NOW)
        )


def test_new_ids_are_never_given_twice(database: Database) -> None:
    """Two threads that ask for ids and insert rows with them never collide."""

    def insert(name: str) -> None:
        for number in range(20):
            with database.transaction() as session:
                for watch_id in new_ids(session, WatchRevision, 3):
                    session.add(WatchRevision(id=watch_id, revision=number))

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(insert, name) for name in ("a", "b")]:
            done.result()

    with database.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM watch")) == 1 + 2 * 20 * 3
