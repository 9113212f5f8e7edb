"""Store listings in both databases: in the crawler's batches, one by one, and beside a bare upsert.

A fifth of the listings comes twice. Ours writes a listing, its version and its search entry. The bare upsert
writes one table with a unique key through SQLAlchemy: the least that any program has to do.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from random import Random

from sqlalchemy import Column, Integer, MetaData, String, Table
from sqlalchemy.dialects import postgresql, sqlite

from benchmarks.measure import cost, ratio, report
from storage.database.base import Database
from storage.database.schema import upgrade_schema
from storage.listings import ListingRecord, upsert_many
from storage.sources import DeclaredSource, source_by_name, sync_declared_sources
from tests.peers.postgres import MISSING, PostgresServer, find_binaries

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LISTINGS = 10_000
ONE_BY_ONE = 1_000
BATCH = 200  # listings that the crawler's pipeline buffers
BODY_WORDS = 60
WORDS = ("fresh", "base", "clients", "loans", "escrow", "sample", "出售", "客户", "资料", "数据", "一手")

BARE = Table(
    "bare_listings",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("key", String, nullable=False, unique=True),
    Column("title", String, nullable=False),
    Column("body", String, nullable=False),
)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, postgresql_url() as url:
        urls = (f"sqlite:///{Path(folder) / 'bench.db'}", url)
        rows = [row for url in urls for row in _measure_database(url)]
    report(("database", "way", "listings", "listings/s", "CPU ms each", "CPU, x bare"), rows)


@contextmanager
def postgresql_url(settings: Mapping[str, str] | None = None) -> Iterator[str]:
    """Start a server of our own and yield a database on it; as in the tests, it never waits for the disk."""
    binaries = find_binaries()
    if binaries is None:
        raise SystemExit(MISSING)
    server = PostgresServer(binaries, settings=settings)
    try:
        yield server.start().create("bench")
    finally:
        server.stop()


def _measure_database(url: str) -> Iterator[tuple[object, ...]]:
    """Yield a row per way. CPU time is this process's; that of PostgreSQL's server is not counted."""
    with empty_database(url) as database:
        source_id = _add_source(database)
        ways: dict[str, Callable[[], int]] = {
            f"bare upsert, batches of {BATCH}": lambda: _store_bare(
                database, _make_records("bare", LISTINGS)
            ),
            f"ours, batches of {BATCH}": lambda: _store_ours(
                database, source_id, _make_records("m", LISTINGS), BATCH
            ),
            "ours, one by one": lambda: _store_ours(database, source_id, _make_records("s", ONE_BY_ONE), 1),
        }
        floor = 0.0
        for way, store in ways.items():
            stored, spent = cost(store)
            cpu_ms = spent.cpu_s / stored * 1000
            floor = floor or cpu_ms
            yield database.dialect, way, stored, stored / spent.wall_s, cpu_ms, ratio(cpu_ms, floor)


@contextmanager
def empty_database(url: str) -> Iterator[Database]:
    database = Database.open(url)
    try:
        upgrade_schema(database)
        BARE.create(database.engine)
        yield database
    finally:
        database.close()


def _add_source(database: Database) -> int:
    declared = DeclaredSource(name="market", kind="html", definition={}, declared_in="sources/market.toml")
    with database.transaction() as session:
        sync_declared_sources(session, [declared], NOW)
        source = source_by_name(session, "market")
        assert source
        return source.id


def _make_records(prefix: str, count: int) -> list[ListingRecord]:
    """Return listings as the crawler hands them over; the last fifth repeats the first."""
    random = Random(7)
    fresh = [_make_record(f"{prefix}-{number}", random) for number in range(count * 4 // 5)]
    return fresh + fresh[: count - len(fresh)]


def _make_record(key: str, random: Random) -> ListingRecord:
    body = " ".join(random.choices(WORDS, k=BODY_WORDS))
    return ListingRecord(
        key=key,
        url=f"https://market.example/offer/{key}",
        title=f"{random.choice(WORDS)} {key}",
        body=body,
        content_digest=sha256(f"{key} {body}".encode()).hexdigest(),
    )


def _store_ours(database: Database, source_id: int, records: Sequence[ListingRecord], size: int) -> int:
    for start in range(0, len(records), size):
        with database.transaction() as session:
            upsert_many(session, source_id, records[start : start + size], NOW)
    return len(records)


def _store_bare(database: Database, records: Sequence[ListingRecord]) -> int:
    insert = sqlite.insert(BARE) if database.dialect == "sqlite" else postgresql.insert(BARE)
    new = {"title": insert.excluded.title, "body": insert.excluded.body}
    statement = insert.on_conflict_do_update(index_elements=[BARE.c.key], set_=new)
    for start in range(0, len(records), BATCH):
        batch = records[start : start + BATCH]
        rows = [{"key": record.key, "title": record.title, "body": record.body} for record in batch]
        with database.transaction() as session:
            session.execute(statement, rows)
    return len(records)
