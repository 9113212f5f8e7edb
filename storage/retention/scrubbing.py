"""Removes what deleted rows leave in the files of the database, after an erasure.

SQLite overwrites deleted rows (`secure_delete`). Beyond that: the search index is merged, because a deleted
entry stays in it until then; the file is compacted (VACUUM) if it was made by an earlier version, or if a
piece of what was erased is still found in its bytes; and the write-ahead log is emptied.

PostgreSQL marks deleted rows and leaves their bytes. So the tables and their indexes are written anew (VACUUM
FULL), once no transaction from before the erasure is open. Its own log (pg_wal) keeps what was written until
it is recycled, and backups keep what they have: neither is in our reach.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from storage.database.base import Database
from storage.database.faults import translate_faults
from storage.errors import StorageError

WAIT_S = 30.0  # for other transactions to end
PAUSE_S = 0.1
CHUNK = 4 * 1024 * 1024
#: All tables that may hold something of a listing or of a company.
TABLES = (
    "listings",
    "listing_versions",
    "listing_search",
    "listing_signs",
    "attachments",
    "captures",
    "matches",
    "match_summaries",
    "alerts",
    "alert_revisions",
    "alert_listings",
    "deliveries",
    "delivery_attempts",
    "companies",
    "terms",
    "segments",
    "segment_deltas",
    "rematches",
    "dumps",
    "dump_units",
    "sources",
    "evidence_removals",
)
OLDER = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND backend_xmin IS NOT NULL AND age(backend_xmin) >= age(CAST('{before}' AS xid))"
)


@dataclass(frozen=True, slots=True)
class ScrubbedDatabase:
    """`rewritten`: the whole file or table was written anew. `left`: why something may remain; None: nothing
    does.
    """

    rewritten: bool
    left: str | None


def scrub(database: Database, traces: Sequence[str] = (), *, wait_s: float = WAIT_S) -> ScrubbedDatabase:
    """Remove what deleted rows have left; `traces` are pieces of what was deleted. Raises StorageError.

    `wait_s`: how long to wait for other transactions to end.
    """
    if database.dialect == "postgresql":
        return _scrub_postgresql(database, wait_s)
    return _scrub_sqlite(database, traces, wait_s)


def _scrub_sqlite(database: Database, traces: Sequence[str], wait_s: float) -> ScrubbedDatabase:
    with database.transaction() as session:
        session.execute(text("INSERT INTO listing_search (listing_search) VALUES ('optimize')"))
    path = Path(str(database.engine.url.database))
    with _statements(database) as execute:
        emptied = _empty_log(execute, wait_s)
        rewritten = execute("PRAGMA user_version")[0][0] == 0
    # Closing another handle on the file drops the locks of our connections: see connect.make_private.
    database.engine.dispose()
    rewritten = rewritten or _holds_any(path, traces)
    if rewritten:
        with _statements(database) as execute:
            execute("VACUUM")
            execute("PRAGMA user_version = 1")
            emptied = _empty_log(execute, wait_s)
    return ScrubbedDatabase(rewritten, None if emptied else "log_in_use")


def _empty_log(execute: Any, wait_s: float) -> bool:  # noqa: ANN401
    """Write the log into the file and cut it to nothing. False: another process read it all the time."""
    until = time.monotonic() + wait_s
    while execute("PRAGMA wal_checkpoint(TRUNCATE)")[0][0]:
        if time.monotonic() > until:
            return False
        time.sleep(PAUSE_S)
    return True


def _holds_any(path: Path, traces: Iterable[str]) -> bool:
    """Return whether a file holds any of these texts."""
    wanted = [each.encode() for each in traces]
    longest = max(map(len, wanted), default=0)
    if not longest:
        return False
    before = b""
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            here = before + piece
            if any(each in here for each in wanted):
                return True
            before = here[-longest:]
    return False


def _scrub_postgresql(database: Database, wait_s: float) -> ScrubbedDatabase:
    with _statements(database) as execute:
        before = execute("SELECT CAST(pg_current_xact_id() AS xid)")[0][0]
        waited = _wait_for_older(execute, str(before), wait_s)
        for table in TABLES:
            execute(f"VACUUM (FULL, ANALYZE) {table}")
        statistics = _rewrite_statistics(execute)
    left = "old_transaction" if not waited else None if statistics else "statistics"
    return ScrubbedDatabase(True, left)


def _wait_for_older(execute: Any, before: str, wait_s: float) -> bool:  # noqa: ANN401
    """Wait until no transaction from before is open, which would keep deleted rows alive."""
    until = time.monotonic() + wait_s
    while execute(OLDER.format(before=int(before)))[0][0]:
        if time.monotonic() > until:
            return False
        time.sleep(PAUSE_S)
    return True


def _rewrite_statistics(execute: Any) -> bool:  # noqa: ANN401
    """Write the planner's statistics anew, which hold examples of values. False: our role may not."""
    try:
        execute("VACUUM (FULL) pg_catalog.pg_statistic")
    except StorageError:
        return False
    return True


@contextmanager
def _statements(database: Database) -> Iterator[Any]:
    """Give a function that executes a statement outside of any transaction and returns its rows."""
    with translate_faults(database.place):
        raw = database.engine.raw_connection()
        try:
            driver: Any = raw.driver_connection
            if database.dialect == "postgresql":
                driver.autocommit = True

            def execute(statement: str) -> list[Any]:
                with translate_faults(database.place):
                    cursor = driver.cursor()
                    try:
                        cursor.execute(statement)
                        return list(cursor.fetchall()) if cursor.description else []
                    except database.engine.dialect.loaded_dbapi.Error as error:
                        raise DBAPIError(None, None, error) from None
                    finally:
                        cursor.close()

            yield execute
        finally:
            if database.dialect == "postgresql":
                raw.invalidate()  # it is in another mode than the others of the pool
            raw.close()
