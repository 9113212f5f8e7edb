"""Everything that one run works with; Scrapy's components get it as `spider.run`."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy.orm import Session

from crawler.errors import FetchError, RunStopped, RunSuperseded
from crawler.fetching.guard import Guard
from crawler.fetching.request_headers import RequestHeaders
from crawler.fetching.site_pauses import SitePauses
from crawler.progress.list_progress import SourceProgress
from crawler.progress.missing_fields import MissingFields
from crawler.progress.page_structure import PageStructure
from crawler.progress.traps import UrlPatterns
from crawler.running.child_protocol import Job, Message, RunProgress
from crawler.running.run_tally import RunTally
from crawler.settings import CrawlerSettings
from crawler.sources import Adapter, SourceDefinition
from crawler.sources.paste_links import PasteLinks
from storage import runs
from storage.database.base import Database
from storage.evidence.digest import Digest
from storage.evidence.sealing import PartWriter
from storage.evidence.warc import EvidenceStore, EvidenceWriter
from storage.listings import MatchState
from storage.runs import RunCounts
from storage.work import Dispatcher

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from crawler.storing.spider_notes import FoundListing


#: Seconds between two heartbeats of a run that stores only captures.
BEAT_S = 0.5


@dataclass(slots=True)
class RunContext:
    """One run. It belongs to the spider's thread; only the thread `writes` writes rows and evidence."""

    job: Job
    definition: SourceDefinition
    adapter: Adapter
    guard: Guard
    database: Database
    evidence: EvidenceStore
    writer: EvidenceWriter | PartWriter
    mask: Callable[[str], str]
    mask_url: Callable[[str], str]
    digest: Digest
    dispatcher: Dispatcher
    report: Callable[[Message], None]
    clock: Callable[[], datetime]
    progress: SourceProgress
    request_headers: RequestHeaders
    pastes: PasteLinks
    began: datetime
    tally: RunTally = field(default_factory=RunTally)
    patterns: UrlPatterns = field(default_factory=UrlPatterns)
    structure: PageStructure = field(default_factory=PageStructure)
    #: Keys whose own page answers "not there"; the end of the run decides whether that is believed.
    gone: set[str] = field(default_factory=set)
    #: Keys whose own page redirects to the front page, which is weaker evidence.
    sent_away: set[str] = field(default_factory=set)
    #: Fields that pages of listings lack in this run, and the listings that wait for what other pages have.
    missing_fields: MissingFields[FoundListing] = field(default_factory=MissingFields)
    writes: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "writes"))
    in_flight: set[asyncio.Timeout] = field(default_factory=set)
    #: Why nothing more is requested; None while the run goes on.
    closed: FetchError | None = None
    pauses: SitePauses = field(default_factory=SitePauses)
    #: Until when the site wants to be left alone.
    not_before: datetime | None = None
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    failure: BaseException | None = None
    _last_beat: float = -math.inf

    @property
    def settings(self) -> CrawlerSettings:
        return self.job.settings

    @property
    def circuit(self) -> str:
        """The SOCKS user name; sources with different ones share no Tor circuit."""
        return f"source-{self.job.source_id}"

    @property
    def first_match_state(self) -> MatchState:
        """The state of a version when its row is written: every node has to be able to read its text."""
        return MatchState.UNSEALED if isinstance(self.writer, PartWriter) else MatchState.PENDING

    def note_commit(self, *, versions: int = 0) -> None:
        """Note that rows were written; `versions` of them wait for their evidence to be sealed.

        Called by the writing thread.
        """
        if isinstance(self.writer, PartWriter):
            self.writer.note_commit(versions=versions)

    def close(self, why: FetchError) -> None:
        """Request nothing more; the run ends when everything that it holds is processed."""
        self.closed = self.tally.closed = self.closed or why
        self.closing.set()

    def closed_for(self, why: FetchError) -> FetchError:
        """Close the run, and return the one error that every request of a closed run gets.

        Its traceback is removed: it would grow with each `raise`.
        """
        self.close(why)
        assert self.closed is not None
        return self.closed.with_traceback(None)

    def fail(self, error: BaseException) -> None:
        """End the run with an error that the site did not cause; the first such error decides the outcome."""
        self.failure = self.failure or error
        self.stop()

    def stop(self) -> None:
        """End as soon as possible: requests in flight are cancelled, what was read is written."""
        self.close(RunStopped())
        for timeout in self.in_flight:
            timeout.reschedule(asyncio.get_running_loop().time())

    def beat(self, session: Session, counts: RunCounts, *, fence: bool = False) -> None:
        """Write and report the counts so far, at most once per `BEAT_S`; with `fence`, in any case.

        In any case it locks the run's row, so that nobody can release it before the commit. Raises
        `RunSuperseded`, which rolls back the caller's transaction, if the run belongs to another worker by
        now. Called by the writing thread.
        """
        now = time.monotonic()
        if not fence and now - self._last_beat < BEAT_S:
            if not runs.lock_if_current(session, self.job.run_id, self.job.epoch):
                raise RunSuperseded()
            return
        self._last_beat = now
        if not runs.record_progress(
            session, self.job.run_id, self.job.epoch, now=self.clock(), counts=counts
        ):
            raise RunSuperseded()
        self.report(RunProgress(self.job.run_id, counts))

    def fail_with(self, future: asyncio.Future[Any]) -> None:
        """Let the run fail if this future does, because nobody awaits it."""
        future.add_done_callback(self._check_future)

    def _check_future(self, future: asyncio.Future[Any]) -> None:
        if not future.cancelled() and (error := future.exception()) is not None:
            self.fail(error)


def run_of(crawler: Crawler) -> RunContext:
    """Return the run that a component of Scrapy belongs to."""
    return cast("RunContext", cast(Any, crawler.spider).run)
