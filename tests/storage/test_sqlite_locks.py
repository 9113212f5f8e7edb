"""What SQLite's locks protect while several connections and several processes use one file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from sqlalchemy import text

from storage.base import Database

VISIT = """
import sys
from sqlalchemy import text
from storage.base import Database
database = Database.open(sys.argv[1])
with database.transaction() as session:
    session.execute(text("INSERT INTO watch (revision) VALUES (77)"))
database.close()
"""


def test_a_visitor_does_not_delete_the_wal_under_a_daemon(sqlite_url: str) -> None:
    """While we hold connections, a process that comes and goes leaves the WAL and our next write in place."""
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
