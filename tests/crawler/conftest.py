"""A hostile site and runs against it: real child processes, on each kind of database or on SQLite alone."""

from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from crawler.running.child_protocol import RunProgress
from crawler.running.run_processes import NewProcesses, RunProcesses
from crawler.running.supervisor import Supervisor, utc_now
from crawler.running.warm_process import WarmProcesses
from crawler.settings import CrawlerSettings
from crawler.sources import holds_keys, read_definition, stored_definition
from crawler.storing.capture import NOT_PAGES
from matching.masks import mask_text
from storage import captures, listings, runs, sources
from storage.captures import Capture
from storage.database.base import Database
from storage.listings import Listing, ListingVersion
from storage.runs import Run, RunTrigger
from storage.settings import SEAL_AFTER_S
from storage.stores.settings import S3Settings
from storage.work import Work
from tests.peers.web import Site

CHILD = (sys.executable, "-m", "tests.crawler.child")
WARM = (sys.executable, "-m", "tests.crawler.warm_child")
#: The same child, forked. One warm process serves all tests, and ends with the tests' own process.
FORKED = WarmProcesses(
    mask=mask_text,
    command=WARM,
    otherwise=NewProcesses(("/nowhere/instead-of-the-warm-process",)),
)
#: Our pages come at once, except on a machine that is busy for some seconds. Tests of time limits set shorter
#: ones.
SETTINGS: dict[str, Any] = {
    "request_timeout_s": 30,
    "deadline_s": 60,
    "stop_grace_s": 2,
    "retries": 0,
    "response_limit_mb": 2,
}
MARKET = {
    "kind": "html",
    "list": {"rows": "tr.row", "link": "a", "next": "a[rel=next]"},
    "row": {"title": "a", "price": "td.price"},
    "item": {
        "title": "h1",
        "body": "div.description",
        "seller": "span.seller",
        "attachments": "a.attachment",
    },
    "allow_private_addresses": ["127.0.0.1"],
    "politeness": {"delay_s": 0, "concurrency": 4},
}


class RunDispatcher:
    """A dispatcher and a relay that remember the work they were given."""

    def __init__(self) -> None:
        self.work: list[Work] = []

    def announce(self, session: Session, work: Work) -> None:
        self.work.append(work)


@dataclass
class Runs:
    """Declares sources and runs them, each in a child process, as the daemon would."""

    database: Database
    url: str
    evidence_dir: Path
    settings: CrawlerSettings = field(default_factory=lambda: CrawlerSettings(**SETTINGS))
    dispatcher: RunDispatcher = field(default_factory=RunDispatcher)
    progress: list[RunProgress] = field(default_factory=list)
    slots: Iterator[int] = field(default_factory=itertools.count)
    with_keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    processes: RunProcesses = FORKED
    evidence: str | None = None
    s3: S3Settings | None = None
    seal_after_s: float = SEAL_AFTER_S

    def supervisor(
        self, child: Sequence[str] | None = None, *, clock: Callable[[], datetime] = utc_now
    ) -> Supervisor:
        return Supervisor(
            database=self.database,
            database_url=self.url,
            evidence_dir=self.evidence_dir,
            settings=self.settings,
            mask=mask_text,
            dispatcher=self.dispatcher,
            relay=self.dispatcher.work.append,
            on_progress=self.progress.append,
            clock=clock,
            processes=NewProcesses(child) if child else self.processes,
            with_keys=self.with_keys,
            evidence=self.evidence,
            s3=self.s3,
            seal_after_s=self.seal_after_s,
        )

    def set(self, **values: object) -> None:
        self.settings = CrawlerSettings(**{**SETTINGS, **values})

    def declare(self, name: str, start: str | list[str], **changes: object) -> int:
        """Return the source's id; `changes` replace keys of a market's definition."""
        definition = {**MARKET, "start": start, **changes}
        definition = {key: value for key, value in definition.items() if value is not None}
        whole = read_definition(definition)
        if holds_keys(whole):
            self.with_keys[name] = whole.model_dump(mode="json")
        with self.database.transaction() as session:
            declared = sources.DeclaredSource(name, str(definition["kind"]), stored_definition(whole), None)
            known = [
                sources.DeclaredSource(each.name, each.kind, each.definition, each.declared_in)
                for each in sources.all_sources(session)
                if each.name != name
            ]
            sources.sync_declared_sources(session, [*known, declared], datetime.now(UTC))
            source = sources.source_by_name(session, name)
            assert source is not None
            return source.id

    def enqueue(self, source_id: int) -> int:
        with self.database.transaction() as session:
            run_id = runs.enqueue_run(
                session,
                source_id,
                slot=f"test-{next(self.slots)}",
                trigger=RunTrigger.MANUAL,
                now=datetime.now(UTC),
            )
        assert run_id is not None
        return run_id

    def run(self, source_id: int, *, child: Sequence[str] | None = None) -> Run:
        """Run a source once and return the row, with its source."""
        run_id = self.enqueue(source_id)
        self.supervisor(child).run(run_id)
        return self.row(run_id)

    def start(self, source_id: int, supervisor: Supervisor) -> tuple[int, threading.Thread]:
        """Run a source in a thread."""
        run_id = self.enqueue(source_id)
        thread = threading.Thread(target=supervisor.run, args=(run_id,))
        thread.start()
        return run_id, thread

    def row(self, run_id: int) -> Run:
        with self.database.reading() as session:
            run = runs.run_by_id(session, run_id)
        assert run is not None
        return run

    def captures(self, run: Run) -> Sequence[Capture]:
        """The run's pages."""
        return [each for each in self.everything_captured(run) if each.role not in NOT_PAGES]

    def everything_captured(self, run: Run) -> Sequence[Capture]:
        """The run's pages, robots.txt and redirects."""
        with self.database.reading() as session:
            return captures.captures_of_run(session, run.id)

    def listings(self) -> dict[str, Listing]:
        with self.database.reading() as session:
            return {listing.key: listing for listing in session.scalars(select(Listing).order_by(Listing.id))}

    def offer(self, key: str) -> Listing:
        """The listing of the site's offer with this key."""
        [found] = [each for each in self.listings().values() if each.url.endswith(f"/offer/{key}")]
        return found

    def versions(self, listing: Listing) -> Sequence[ListingVersion]:
        with self.database.reading() as session:
            return listings.versions_of(session, listing.id)


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as running:
        yield running


@pytest.fixture
def sites() -> Iterator[tuple[Site, Site, Site]]:
    """Three sites for simultaneous runs, because runs of one site take turns."""
    with Site() as one, Site() as two, Site() as three:
        yield one, two, three


@pytest.fixture
def crawl(sqlite_database: Database, sqlite_url: str, tmp_path: Path) -> Runs:
    return Runs(sqlite_database, sqlite_url, tmp_path / "evidence")


@pytest.fixture
def crawl_both(database: Database, database_url: str, tmp_path: Path) -> Runs:
    """Runs on each kind of database."""
    return Runs(database, database_url, tmp_path / "evidence")
