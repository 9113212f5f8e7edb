"""Rows for the benchmark of size, written by SQL: listings of three years, with their matches and alerts.

They are rows of our own schema, as intake, matching and alerting would write them, except that there is no
evidence. Indexes are dropped before and created again afterwards, as a restore does it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, create_engine, event, text

from alerts.message import MessageContent
from storage import companies, sources
from storage.alerts import Severity, priority_of
from storage.companies import DeclaredCompany, DeclaredTerm, TermKind
from storage.database.base import Database

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
YEARS = timedelta(days=3 * 365)
SOURCES = 10_000
COMPANIES = 100
RUNS = 20  # of each source, the last ones
LARGE = 10  # the first source has a tenth of all listings
MATCHED = 20  # a twentieth of all listings names a company, half of them the first one
ALERTED = 40  # the listings of the first company have an alert
CHUNK = 500_000  # listings per transaction
CACHE_KB = 1_000_000
CONTENT = MessageContent(title="Data of Quillmere is offered", summary="It is on a market.").model_dump_json()

LISTINGS = """
INSERT INTO listings (id, source_id, key, url, thread_key, life, row_digest, content_digest, version_number,
  first_seen_at, last_seen_at, checked_at, gone_at, told_gone, title, seller, price_amount, price_currency,
  claimed_records, posted_at, posted_at_uncertain, data_classes)
SELECT n, {source}, 'offer-' || n, 'https://market.example/offer/' || n, NULL,
  CASE WHEN n % 10 = 3 THEN 'gone' WHEN n % 25 = 1 THEN 'edited' ELSE 'new' END,
  {digest}, {digest}, 1, {seen}, {seen}, {seen}, CASE WHEN n % 10 = 3 THEN {seen} END,
  CASE WHEN n % {alerted} = 0 THEN n % 10 = 3 END,
  'Offer w' || (n % 100) || ' k' || (n % 100000), 'seller' || (n % 50000),
  CASE WHEN n % 3 = 0 THEN CAST(n % 5000 AS text) END,
  CASE WHEN n % 30000 = 0 THEN 'XMR' WHEN n % 3 = 0 THEN 'USD' END,
  CASE WHEN n % 5 = 0 THEN n % 1000003 END, {seen}, n = 0, '[]'
FROM {numbers}
"""
VERSIONS = """
INSERT INTO listing_versions (id, listing_id, source_id, number, seen_at, title, body, seller, price_amount,
  price_currency, claimed_records, posted_at, posted_at_uncertain, data_classes, sample, links, changes,
  match_state, match_attempts, matched_at)
SELECT n, n, {source}, 1, {seen}, 'Offer w' || (n % 100) || ' k' || (n % 100000), 'Fresh base, verified.',
  'seller' || (n % 50000), CASE WHEN n % 3 = 0 THEN CAST(n % 5000 AS text) END,
  CASE WHEN n % 30000 = 0 THEN 'XMR' WHEN n % 3 = 0 THEN 'USD' END,
  CASE WHEN n % 5 = 0 THEN n % 1000003 END, {seen}, n = 0, '[]', '', '[]', '[]', 'matched', 1, {seen}
FROM {numbers}
"""
SEARCH = """
INSERT INTO listing_search (rowid, terms) SELECT n, {terms} FROM {numbers}
"""
TERMS = (
    "'base fresh k' || (n % 100000) || ' offer seller' || (n % 50000) || ' verified w' || (n % 100)",
    "ARRAY['base', 'fresh', 'k' || (n % 100000), 'offer', 'seller' || (n % 50000), 'verified',"
    " 'w' || (n % 100)]",
)
SUMMARIES = """
INSERT INTO match_summaries (version_id, company_id, listing_id, mentions, mention_fields, terms, hits,
  single_hits, coherent_rows, customers, candidates, rows_scanned, found_at, digest, alert_state)
SELECT n, CASE WHEN n % {alerted} = 0 THEN 1 ELSE 2 + (n / 20) % 99 END, n, 1, '{{"title":1}}',
  '["quillmere"]', '{{}}', 0, 0, 0, 0, 0, {seen}, {digest}, 'done'
FROM {numbers} WHERE n % {matched} = 0
"""
ALERTS = """
INSERT INTO alerts (id, kind, dedupe_key, reference, company_id, source_id, listing_id, listing_gone,
  severity, score, priority, title, glance, state, opened_at, updated_at, revision, offers_told, held_changes)
SELECT n / {alerted}, 'finding', 'finding:' || n, 'R' || n, 1, {source}, n, n % 10 = 3,
  CASE WHEN n % 100000 = 0 THEN 'critical' WHEN n % 1000 = 0 THEN 'high' WHEN n % 400 = 0 THEN 'medium'
  ELSE 'low' END, 40, CASE WHEN n % 100000 = 0 THEN {critical} WHEN n % 1000 = 0 THEN {high}
  WHEN n % 400 = 0 THEN {medium} ELSE {low} END, 'Data of Quillmere is offered', '{{}}',
  CASE WHEN n % 100000 = 40 THEN 'new' WHEN n % 400 = 40 THEN 'acknowledged' ELSE 'resolved' END,
  {seen}, {seen}, 1, 1, 0
FROM {numbers} WHERE n % {alerted} = 0
"""
REVISIONS = """
INSERT INTO alert_revisions (alert_id, number, at, change, severity, score, signals, content)
SELECT n / {alerted}, 1, {seen}, 'opened', 'low', 40, '[]', '{content}' FROM {numbers} WHERE n % {alerted} = 0
"""
DELIVERIES = """
INSERT INTO deliveries (id, alert_id, revision, channel, transport, state, idempotency_key, attempts,
  next_attempt_at, epoch, created_at, sent_at)
SELECT n / {alerted}, n / {alerted}, 1, 'soc', 'webhook', 'sent', 'key-' || n, 1, {seen}, 1, {seen}, {seen}
FROM {numbers} WHERE n % {alerted} = 0
"""
ATTEMPTS = """
INSERT INTO delivery_attempts (delivery_id, number, started_at, finished_at, outcome)
SELECT n / {alerted}, 1, {seen}, {seen}, 'sent' FROM {numbers} WHERE n % {alerted} = 0
"""
RUN_ROWS = """
INSERT INTO runs (source_id, slot, trigger, state, epoch, queued_at, started_at, finished_at, outcome, pages,
  captures, bytes, listings_seen, listings_new, listings_changed)
SELECT 1 + n % {sources}, 'slot-' || (n / {sources}), 'schedule', 'finished', 1, {seen}, {seen}, {seen},
  'nothing_new', 1, 1, 1000, 20, 0, 0
FROM {numbers}
"""
PER_LISTING = (LISTINGS, VERSIONS, SEARCH, SUMMARIES, ALERTS, REVISIONS, DELIVERIES, ATTEMPTS)


def fill(database: Database, listings: int, *, matched: int = MATCHED, alerted: int = ALERTED) -> None:
    """Store so many listings, and the sources, companies and runs, which are the same for each size.

    Each `matched`th listing names a company, and each `alerted`th has an alert about the first one.
    """
    shares = {"matched": matched, "alerted": alerted}
    with database.transaction() as session:
        sources.sync_declared_sources(session, [_source(number) for number in range(SOURCES)], NOW - YEARS)
        companies.sync_declared_companies(
            session, [_company(number) for number in range(COMPANIES)], NOW - YEARS
        )
    with _bulk_engine(database).connect() as connection, _without_indexes(connection):
        for start in range(1, listings + 1, CHUNK):
            last = min(start + CHUNK - 1, listings)
            for statement in PER_LISTING:
                _run(connection, statement, start, last, of=listings, span=YEARS, shares=shares)
            connection.commit()
        visits = SOURCES * RUNS
        _run(connection, RUN_ROWS, 0, visits - 1, of=visits, span=timedelta(days=1), shares=shares)
        connection.commit()
    if database.dialect == "postgresql":
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for table in ("listings", "listing_versions", "match_summaries", "alerts", "deliveries", "runs"):
                last_id = f"(SELECT max(id) FROM {table})"
                connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {last_id})"))
            connection.execute(text("VACUUM ANALYZE"))


def _source(number: int) -> sources.DeclaredSource:
    definition = {
        "kind": "feed",
        "start": [f"https://host-{number}.example/feed"],
        "politeness": {"delay_s": 5},
    }
    return sources.DeclaredSource(f"source-{number:05}", "feed", definition, f"{number}.toml")


def _company(number: int) -> DeclaredCompany:
    name = "Quillmere" if number == 0 else f"Company {number:02} Invented"
    terms = [DeclaredTerm(name, TermKind.NAME), DeclaredTerm(f"company{number}.example", TermKind.DOMAIN)]
    return DeclaredCompany(f"company-{number:02}", name, terms, {}, f"{number}.toml")


def _run(
    connection: Connection,
    statement: str,
    start: int,
    last: int,
    *,
    of: int,
    span: timedelta,
    shares: Mapping[str, int],
) -> None:
    """Run a statement for the numbers from `start` to `last`; `of` numbers fill the span that ends now."""
    postgresql = connection.dialect.name == "postgresql"
    epoch = f"({(NOW - span).timestamp()} + n * {span.total_seconds() / of})"
    numbers = (
        f"generate_series({start}, {last}) AS numbers (n)"
        if postgresql
        else f"(WITH RECURSIVE numbers (n) AS (SELECT {start} UNION ALL SELECT n + 1 FROM numbers"
        f" WHERE n < {last}) SELECT n FROM numbers)"
    )
    seen = (
        f"to_timestamp({epoch})"
        if postgresql
        else f"strftime('%Y-%m-%d %H:%M:%S', {epoch}, 'unixepoch') || '.000000'"
    )
    wide = "n::bigint" if postgresql else "n"
    filled = statement.format(
        numbers=numbers,
        seen=seen,
        source=f"CASE WHEN n % {LARGE} = 0 THEN 1 ELSE 2 + n % {SOURCES - 1} END",
        digest=f"({wide} * 2654435761 % 4294967296) || '-0123456789abcdef0123456789abcdef0123456789-' || n",
        terms=f"array_to_tsvector({TERMS[1]})" if postgresql else TERMS[0],
        sources=SOURCES,
        content=CONTENT,
        **shares,
        **{severity.value: priority_of(severity, 40) for severity in Severity},
    )
    connection.exec_driver_sql(filled.replace("%", "%%") if postgresql else filled)


def _bulk_engine(database: Database) -> Engine:
    """Return an engine whose connections use more memory."""
    if database.dialect == "postgresql":
        return database.engine
    engine = create_engine(database.engine.url)

    @event.listens_for(engine, "connect")
    def _settings(connection: object, _: object) -> None:
        cursor = connection.cursor()  # type: ignore[attr-defined]  # of the driver
        for setting in ("synchronous = OFF", f"cache_size = -{CACHE_KB}", "temp_store = MEMORY"):
            cursor.execute(f"PRAGMA {setting}")

    return engine


@contextmanager
def _without_indexes(connection: Connection) -> Iterator[None]:
    """Drop the indexes, and create them again at the end. Those of constraints stay."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET session_replication_role = replica"))
        connection.execute(text("SET maintenance_work_mem = '512MB'"))
        query = (
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND indexname NOT IN"
            " (SELECT conname FROM pg_constraint)"
        )
    else:
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    indexes = [(row[0], row[1]) for row in connection.execute(text(query))]
    for name, _ in indexes:
        connection.exec_driver_sql(f"DROP INDEX {name}")
    yield
    for _, definition in indexes:
        connection.exec_driver_sql(definition.replace("%", "%%"))
    connection.commit()
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET session_replication_role = DEFAULT"))
        connection.commit()
