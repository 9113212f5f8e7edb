"""A rehearsal in the warm process: visits of invented sites, whose pages come from memory.

Its forks then find what libraries make at first use, above all SQLAlchemy's compiled statements. The visits
are those of `execute_run`, with a database and evidence in a temporary folder; nothing leaves this machine.
Afterwards the process has no other thread and no open file, as before.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr
from sqlalchemy import text

from crawler.fetching.routes.page_route import AiohttpRoute
from crawler.fetching.routes.route import Exchange, Received
from crawler.running.child_protocol import ChildExit, Job
from crawler.settings import CrawlerSettings
from crawler.sources import read_definition
from crawler.visits.run import execute_run
from matching.masks import mask_text, mask_url
from storage import runs, sources, tables
from storage.database.base import Base, Database
from storage.database.connect import prepare_for_forks
from storage.evidence.warc import EvidenceStore
from storage.runs import RunTrigger
from storage.search import ENTRIES
from storage.sources import DeclaredSource, Source
from storage.work import SilentDispatcher

if TYPE_CHECKING:
    from scrapy import Request

ROUTE = "daemon.rehearsal.InventedSite"
SITE = "https://rehearsal.example"
#: The first visit of a site finds a listing, the second one finds nothing new.
VISITS = 2
PREFIX = "spillwatch-rehearsal-"
#: A rehearsal takes seconds; its folder is left if it is older.
LEFT_AFTER_S = 3600.0
#: How long a thread may still be listed that has ended.
THREAD_END_S = 5.0
COMMON: Mapping[str, object] = {"politeness": {"delay_s": 0}}
DEFINITIONS: Mapping[str, Mapping[str, object]] = {
    "feed": {"kind": "feed", "start": f"{SITE}/feed", **COMMON},
    "html": {
        "kind": "html",
        "start": f"{SITE}/list",
        "list": {"rows": "li", "link": "a"},
        "row": {"title": "a"},
        "item": {"title": "h1", "body": "p"},
        **COMMON,
    },
}
PAGES = {
    "/feed": (
        "application/rss+xml; charset=utf-8",
        "<?xml version='1.0'?><rss version='2.0'><channel><title>Notices</title><item><title>A base</title>"
        "<link>/notice/1</link><guid>1</guid><description>Rows, fresh</description></item></channel></rss>",
    ),
    "/list": (
        "text/html; charset=utf-8",
        "<html><body><ul><li><a href='/offer/1'>An invented offer</a></li></ul></body></html>",
    ),
    "/offer/1": (
        "text/html; charset=utf-8",
        "<html><body><h1>An invented offer</h1><p>Rows</p></body></html>",
    ),
}


class RehearsalFailed(Exception):
    """A rehearsed visit did not end as it should."""


class InventedSite(AiohttpRoute):
    """The way out of a rehearsal, which leads nowhere."""

    @asynccontextmanager
    async def exchange(self, request: Request) -> AsyncIterator[Exchange]:
        content_type, page = PAGES.get(request.url.removeprefix(SITE), ("text/plain", ""))

        async def chunks() -> AsyncIterator[bytes]:
            yield page.encode()

        headers = [(b"Content-Type", content_type.encode()), (b"Content-Length", str(len(page)).encode())]
        yield Exchange(Received(200 if page else 404, headers, datetime.now(UTC)), chunks())


def rehearse() -> None:
    """Visit the invented sites. Raises RehearsalFailed, or whatever else is in the way."""
    remove_left_folders(Path(tempfile.gettempdir()))
    # SQLite deletes its files when it closes them; the temporary folder must be there until then.
    with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        url = f"sqlite:///{home / 'spillwatch.db'}"
        database = Database.open(url)
        try:
            for source in _declare_sources(database):
                for visit in range(VISITS):
                    _visit(home, url, database, source, slot=str(visit))
        finally:
            database.close()
    prepare_for_forks()  # again: the visits used the first engine
    _await_single_thread()


def remove_left_folders(place: Path) -> None:
    """Remove what rehearsals left that were killed."""
    for each in place.glob(f"{PREFIX}*"):
        with suppress(OSError):
            found = each.lstat()
            if found.st_uid == os.geteuid() and found.st_mtime < time.time() - LEFT_AFTER_S:
                shutil.rmtree(each)


def _declare_sources(database: Database) -> list[Source]:
    assert tables.MODULES
    Base.metadata.create_all(database.engine)
    declared = [
        DeclaredSource(name, name, read_definition(each).model_dump(mode="json"), None)
        for name, each in DEFINITIONS.items()
    ]
    with database.transaction() as session:
        # The rowid of SQLite's table stands for the first column.
        session.execute(text(f"CREATE TABLE {ENTRIES.name} (terms TEXT)"))
        sources.sync_declared_sources(session, declared, datetime.now(UTC))
        return list(sources.active_sources(session))


def _visit(home: Path, url: str, database: Database, source: Source, *, slot: str) -> None:
    now = datetime.now(UTC)
    with database.transaction() as session:
        run_id = runs.enqueue_run(session, source.id, slot=slot, trigger=RunTrigger.MANUAL, now=now)
        assert run_id is not None
        epoch = runs.claim_run(session, run_id, now=now)
        assert epoch is not None
    with database.reading() as session:
        row = runs.run_by_id(session, run_id)
        assert row is not None
    job = Job(
        run_id=run_id,
        epoch=epoch,
        source_id=source.id,
        source_name=source.name,
        definition=row.source.definition,
        cursor=row.source.cursor,
        database_url=SecretStr(url),
        busy_timeout_s=1.0,
        evidence_dir=home / "evidence",
        settings=CrawlerSettings(),
        parent_pid=os.getpid(),
    )
    own = Database.open(url, busy_timeout_s=job.busy_timeout_s)
    try:
        ended = execute_run(
            Job.read(job.model_dump_json()),
            database=own,
            evidence=EvidenceStore(job.evidence_dir),
            mask=mask_text,
            mask_url=mask_url,
            dispatcher=SilentDispatcher(),
            report=lambda _: None,
            route=ROUTE,
        )
    finally:
        own.close()
    if ended is not ChildExit.CONCLUDED:
        raise RehearsalFailed(f"the visit of {source.name} ended as {ended.name}")


def _await_single_thread() -> None:
    """Return when the kernel no longer lists the threads of the visits, which have ended."""
    until = time.monotonic() + THREAD_END_S
    while len(list(Path("/proc/self/task").iterdir())) > 1:
        if time.monotonic() > until:
            raise RehearsalFailed("a thread goes on")
        time.sleep(0.001)
