"""SQLite's locks while several connections and processes use one file."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from storage.database.base import Database
from storage.errors import DatabaseBusy, StorageError

VISIT = """
import sys
from sqlalchemy import text
from storage.database.base import Database
database = Database.open(sys.argv[1])
with database.transaction() as session:
    session.execute(text("INSERT INTO watch (revision) VALUES (77)"))
database.close()
"""


def test_a_visitor_does_not_delete_the_wal_under_a_daemon(sqlite_url: str) -> None:
    """While we have connections, a process that opens and closes the file does not delete the WAL."""
    database = Database.open(sqlite_url)
    wal = Path(f"{sqlite_url.removeprefix('sqlite:///')}-wal")
    with database.transaction() as session, database.reading() as second:
        second.execute(text("SELECT 1"))
        session.execute(text("INSERT INTO watch (revision) VALUES (55)"))
    before = wal.stat().st_ino
    subprocess.run([sys.executable, "-c", VISIT, sqlite_url], check=True, timeout=60)
    after = wal.stat().st_ino
    with database.transaction() as session:
        session.execute(text("INSERT INTO watch (revision) VALUES (66)"))
    database.close()
    again = Database.open(sqlite_url)
    with again.reading() as session:
        kept = set(session.scalars(text("SELECT revision FROM watch")))
    again.close()

    assert before == after
    assert {55, 66, 77} <= kept


def test_first_connections_to_a_new_file_do_not_refuse_each_other(tmp_path: Path) -> None:
    """All first connections switch the file to write-ahead logging; without the wait one in forty was
    refused.
    """
    failures: list[StorageError] = []

    def visit(url: str, barrier: threading.Barrier) -> None:
        with closing(Database.open(url)) as database:
            barrier.wait()
            try:
                with database.transaction() as session:
                    session.execute(text("SELECT 1"))
            except StorageError as error:
                failures.append(error)

    for number in range(100):
        arguments = (f"sqlite:///{tmp_path}/{number}.db", threading.Barrier(4))
        threads = [threading.Thread(target=visit, args=arguments) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert failures == []


def test_a_new_file_that_somebody_keeps_is_busy(tmp_path: Path) -> None:
    """A file that stays locked is an error after the configured wait."""
    path = tmp_path / "kept.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as keeper:
        keeper.execute("BEGIN EXCLUSIVE")
        with (
            closing(Database.open(f"sqlite:///{path}", busy_timeout_s=0.2)) as database,
            pytest.raises(DatabaseBusy),
            database.transaction() as session,
        ):
            session.execute(text("SELECT 1"))
