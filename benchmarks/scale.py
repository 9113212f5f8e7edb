"""Work and questions with 10 million listings of three years, beside the same with 1,000, on both databases.

Both have 10,000 sources, 100 companies and 200,000 runs. A tenth of the listings is of one source, a
twentieth names a company, and a fortieth has an alert. The rows are written by SQL, without evidence.
SPILLWATCH_BENCH_LISTINGS sets another number of listings, SPILLWATCH_BENCH_DATABASES one of the databases. In
full it takes 10 GB of disk for each database, one after the other, in the folder where it is started.

Times are seconds on the clock, the shortest of several, because PostgreSQL's server is another process.
"Looks" are those of the daemon for all kinds of due work, once a second. In the lanes, 400 new listings are
stored, matched, judged and sent to a webhook on this machine, one after the other; the median counts.
"""

from __future__ import annotations

import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

import structlog
from aiohttp import web
from sqlalchemy.orm import Session

from alerts.sender import DeliveryService
from alerts.service import AlertService
from alerts.settings import AlertsSettings
from benchmarks.measure import ratio, report
from benchmarks.scale_rows import NOW, fill
from benchmarks.sites import site
from benchmarks.storage import empty_database, postgresql_url
from crawler.scheduling.run_schedule import RunSchedule
from crawler.scheduling.site_board import runs_to_begin
from daemon.coverage import all_source_coverage, source_coverage
from daemon.source_vitals import vitals_of
from daemon.work_assembly import recover_after_crash
from matching.service import MatchingService
from matching.settings import MatchingSettings
from storage import alerts, deliveries, dumps, listings, matches, sources, watch
from storage.alerts import AlertKind, Severity, TriageState
from storage.database.base import Database
from storage.deliveries import DeliveryState
from storage.evidence.warc import EvidenceStore
from storage.installation_trouble import due_installation_changes
from storage.listings import Life, ListingFilters, ListingRecord
from storage.schedule_keeping import due_schedule_changes
from storage.work import SilentDispatcher
from tests.alerts.samples import webhook_channel

LISTINGS = int(os.environ.get("SPILLWATCH_BENCH_LISTINGS", 10_000_000))
DATABASES = os.environ.get("SPILLWATCH_BENCH_DATABASES", "sqlite,postgresql").split(",")
FEW = 1_000
REPEATS = 5
BATCH = 200  # listings that the crawler's pipeline buffers
IN_LANES = 400
LARGEST, SMALL = "source-00000", "source-00005"
SERVER = {"shared_buffers": "512MB", "autovacuum": "on", "max_wal_size": "4GB"}
DUE: tuple[Callable[..., Sequence[int]], ...] = (
    runs_to_begin,
    listings.versions_due_for_matching,
    watch.due_rematches,
    dumps.due_units,
    matches.summaries_due_for_evaluation,
    sources.changes_due,
    due_installation_changes,
    due_schedule_changes,
    alerts.alerts_with_life_changes,
    alerts.digests_due,
    deliveries.due_deliveries,
)


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    for dialect in DATABASES:
        found: dict[int, dict[str, float]] = {}
        for size in (FEW, LISTINGS):
            with _database(dialect) as database, site(routes) as url:
                began = time.monotonic()
                fill(database, size)
                print(
                    f"{dialect}: {size:,} listings written in {time.monotonic() - began:,.0f} s", flush=True
                )
                found[size] = _Measurement(database, f"{url}/hook").all()
        few, many = found.values()
        print(flush=True)
        report(
            (dialect, f"{FEW:,} listings, ms", f"{LISTINGS:,} listings, ms", "ratio"),
            [(name, few[name], many[name], ratio(many[name], few[name])) for name in few],
        )


@contextmanager
def _database(dialect: str) -> Iterator[Database]:
    with ExitStack() as stack:
        if dialect == "postgresql":
            url = stack.enter_context(postgresql_url(SERVER))
        else:
            # Not in /tmp, which may be in memory.
            folder = stack.enter_context(
                tempfile.TemporaryDirectory(prefix="spillwatch-bench-", dir=Path.cwd())
            )
            url = f"sqlite:///{Path(folder) / 'bench.db'}"
        yield stack.enter_context(empty_database(url))


@dataclass
class _Measurement:
    """The measurements in one database, in milliseconds by name."""

    database: Database
    hook: str
    found: dict[str, float] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def all(self) -> dict[str, float]:
        self.read("looks for due work", self._looks)
        self.read("listings, newest 50", listings.search_listings)
        for name, query, filters in QUESTIONS:
            search = partial(listings.search_listings, query=query, filters=filters)
            self.read(f"listings {name}", search)
        for name, given in ALERT_QUESTIONS:
            self.read(f"alerts {name}", partial(alerts.recent_alerts, **given))
        self.read(
            "alerts deliveries --state failed",
            lambda session: deliveries.recent_deliveries(session, state=DeliveryState.FAILED),
        )
        self.read("coverage of the largest source", lambda session: self._coverage(session, LARGEST))
        self.read("coverage of a small source", lambda session: self._coverage(session, SMALL))
        self.read("source health of the largest", lambda session: self._vitals(session, LARGEST))
        self.read("coverage of all sources", self._all_coverage, repeats=1)
        self.measure("daemon's start: recovery", self._recover)
        self.measure("daemon's start: plan of all sources", self._plan, repeats=1)
        self._measure_intake()
        self._measure_lanes()
        return self.found

    def read(self, name: str, question: Callable[[Session], object], *, repeats: int = REPEATS) -> None:
        def ask() -> None:
            with self.database.reading() as session:
                question(session)

        self.measure(name, ask, repeats=repeats)

    def measure(self, name: str, work: Callable[[], object], *, repeats: int = REPEATS) -> None:
        times = []
        for _ in range(repeats):
            began = time.perf_counter()
            work()
            times.append(time.perf_counter() - began)
        self.found[name] = min(times) * 1000

    def _looks(self, session: Session) -> None:
        for look in DUE:
            look(session, now=NOW, limit=256)

    def _coverage(self, session: Session, name: str) -> None:
        source = sources.source_by_name(session, name)
        assert source is not None
        source_coverage(session, source, since=NOW - timedelta(days=30), now=NOW)

    def _vitals(self, session: Session, name: str) -> None:
        source = sources.source_by_name(session, name)
        assert source is not None
        vitals_of(session, source, now=NOW)

    def _all_coverage(self, session: Session) -> None:
        all_source_coverage(session, since=NOW - timedelta(days=30), now=NOW)

    def _recover(self) -> None:
        with self.database.transaction() as session:
            recover_after_crash(session, NOW)

    def _plan(self) -> None:
        schedule = RunSchedule(database=self.database, dispatcher=SilentDispatcher(), clock=lambda: NOW)
        with self.database.transaction() as session:
            schedule.plan(session)
            session.rollback()

    # --- work

    def _measure_intake(self) -> None:
        batches = [[self._record(next(self.numbers)) for _ in range(BATCH)] for _ in range(REPEATS)]
        new, again, changed = iter(batches), iter(batches), iter(batches)
        self.measure(f"intake of {BATCH} new listings", lambda: self._store(next(new)))
        self.measure(f"intake of {BATCH} known ones", lambda: self._store(next(again)))
        self.measure(
            f"intake of {BATCH} with another price",
            lambda: self._store([replace(each, price_amount=Decimal(7)) for each in next(changed)]),
        )

    def _store(self, records: Sequence[ListingRecord]) -> None:
        with self.database.transaction() as session:
            listings.upsert_many(session, 1, records, NOW)

    def _record(self, number: int) -> ListingRecord:
        named = "Quillmere clients" if number % 4 == 0 else "Fresh clients"
        return ListingRecord(
            key=f"new-{number}",
            url=f"https://market.example/new/{number}",
            title=f"{named}, part {number}",
            body=f"Fresh base, verified, part {number} of many.",
            content_digest=f"{number:064}",
            price_amount=Decimal(5),
            price_currency="USD",
        )

    def _measure_lanes(self) -> None:
        """Match, judge and deliver what intake has stored, as the lanes do it, in one thread each."""
        settings = AlertsSettings.model_validate(
            {"channels": {"hook": webhook_channel(self.hook, allow_private_addresses=["127.0.0.1"])}}
        )
        with tempfile.TemporaryDirectory() as folder:
            shared: dict[str, Any] = {
                "database": self.database,
                "dispatcher": SilentDispatcher(),
                "clock": lambda: NOW,
            }
            evidence = EvidenceStore(Path(folder) / "evidence")
            matching = MatchingService(
                evidence=evidence, settings=MatchingSettings(segments_dir=Path(folder) / "segments"), **shared
            )
            judging = AlertService(settings=settings, evidence=evidence, **shared)
            sending = DeliveryService(settings=settings, **shared)
            self._lane("match a version", listings.versions_due_for_matching, matching.match_version)
            self._lane("judge a finding", matches.summaries_due_for_evaluation, judging.evaluate)
            self._lane("deliver an alert", deliveries.due_deliveries, sending.deliver)

    def _lane(self, name: str, due: Callable[..., Sequence[int]], handler: Callable[[int], object]) -> None:
        with self.database.reading() as session:
            ids = list(due(session, now=NOW, limit=IN_LANES))
        handler(ids.pop())  # the first one loads the watch, and connects
        times = []
        for row_id in ids:
            began = time.perf_counter()
            handler(row_id)
            times.append(time.perf_counter() - began)
        self.found[f"{name}, each"] = median(times) * 1000


QUESTIONS: tuple[tuple[str, str | None, ListingFilters], ...] = (
    ("WORD, which 1 of 100,000 has", "k777", ListingFilters()),
    ("WORD, which 1 of 100 has", "w77", ListingFilters()),
    ("WORD, which all have", "base", ListingFilters()),
    ("WORD WORD, one of them in all", "base k777", ListingFilters()),
    ("WORD, which none has", "nowhere", ListingFilters()),
    ("--source, the largest", None, ListingFilters(source=LARGEST)),
    ("--source, a small one", None, ListingFilters(source=SMALL)),
    ("WORD --source", "w77", ListingFilters(source=SMALL)),
    ("--company, the most named", None, ListingFilters(company="company-00")),
    ("--company, another", None, ListingFilters(company="company-17")),
    ("--gone", None, ListingFilters(gone=True)),
    ("--life back, of which there is none", None, ListingFilters(life=Life.BACK)),
    ("--since 7d", None, ListingFilters(since=NOW - timedelta(days=7))),
    ("--since 1h --life back", None, ListingFilters(since=NOW - timedelta(hours=1), life=Life.BACK)),
    ("--seller", None, ListingFilters(seller="seller4711")),
    ("--currency XMR, 1 of 30,000", None, ListingFilters(currency="XMR")),
    ("--currency USD --min-price", None, ListingFilters(currency="USD", min_price=Decimal(4900))),
    ("--min-records, 1 of 5,000", None, ListingFilters(min_records=999_000)),
)
ALERT_QUESTIONS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("list, newest 50", {}),
    ("list --state new", {"state": TriageState.NEW}),
    ("list --min-severity critical", {"severity": Severity.CRITICAL}),
    ("list --min-severity high --state new", {"severity": Severity.HIGH, "state": TriageState.NEW}),
    ("list --kind source", {"kind": AlertKind.SOURCE}),
)


def routes() -> list[web.RouteDef]:
    async def hook(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(status=204)

    return [web.post("/hook", hook)]
