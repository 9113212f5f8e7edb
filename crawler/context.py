"""Everything one run works with, handed to Scrapy's components through `spider.run`."""

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
from crawler.guard import Guard
from crawler.job import Job, Message, RunProgress
from crawler.paging import SourceReading
from crawler.presentation import Presentation
from crawler.sources import Adapter, SourceDefinition
from crawler.sources.linked import PasteLinks
from crawler.structure import PageStructure
from crawler.tally import RunTally
from crawler.traps import Patterns
from storage import runs
from storage.database.base import Database
from storage.evidence.digest import Digest
from storage.evidence.warc import EvidenceStore, EvidenceWriter
from storage.runs import RunCounts
from storage.work import Dispatcher

if TYPE_CHECKING:
    from scrapy.crawler import Crawler


#: Between two heartbeats of a run that stores nothing but captures.
BEAT_S = 0.5


@dataclass(slots=True)
class RunContext:
    """One run. The spider's thread owns it; `writes` is the one thread that writes rows and evidence."""

    job: Job
    definition: SourceDefinition
    adapter: Adapter
    guard: Guard
    database: Database
    evidence: EvidenceStore
    writer: EvidenceWriter
    mask: Callable[[str], str]
    mask_url: Callable[[str], str]
    digest: Digest
    dispatcher: Dispatcher
    report: Callable[[Message], None]
    clock: Callable[[], datetime]
    reading: SourceReading
    presentation: Presentation
    pastes: PasteLinks
    began: datetime
    tally: RunTally = field(default_factory=RunTally)
    patterns: Patterns = field(default_factory=Patterns)
    structure: PageStructure = field(default_factory=PageStructure)
    #: Keys whose own page answers "not there"; whether that is believed is decided at the end.
    gone: set[str] = field(default_factory=set)
    #: Keys whose own page leads to the front page, which says less.
    sent_away: set[str] = field(default_factory=set)
    writes: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "writes"))
    in_flight: set[asyncio.Timeout] = field(default_factory=set)
    closed: FetchError | None = None
    #: The site wants to be left alone until then.
    not_before: datetime | None = None
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    failure: BaseException | None = None
    _beaten: float = -math.inf

    @property
    def circuit(self) -> str:
        """Sources with different ones share no circuit of Tor's."""
        return f"source-{self.job.source_id}"

    def close(self, why: FetchError) -> None:
        """Ask the site for nothing more; the run ends by itself when what it holds is dealt with."""
        self.closed = self.tally.closed = self.closed or why
        self.closing.set()

    def closed_for(self, why: FetchError) -> FetchError:
        """Close the run, and return the one error that every request of a closed run meets.

        Its traceback is taken off: it would grow with each that raises it.
        """
        self.close(why)
        assert self.closed is not None
        return self.closed.with_traceback(None)

    def fail(self, error: BaseException) -> None:
        """The run cannot go on, through no fault of the site; the first such error is what it ends in."""
        self.failure = self.failure or error
        self.stop()

    def stop(self) -> None:
        """End as soon as can be: what is being fetched is given up, what was read is written."""
        self.close(RunStopped())
        for timeout in self.in_flight:
            timeout.reschedule(asyncio.get_running_loop().time())

    def beat(self, session: Session, counts: RunCounts, *, fence: bool = False) -> None:
        """Write and tell how far the run has come, now and then; `fence`: in any case.

        Raises `RunSuperseded`, which undoes the caller's transaction. It is the writing thread that calls
        this.
        """
        now = time.monotonic()
        if not fence and now - self._beaten < BEAT_S:
            return
        self._beaten = now
        if not runs.record_progress(
            session, self.job.run_id, self.job.epoch, now=self.clock(), counts=counts
        ):
            raise RunSuperseded()
        self.report(RunProgress(self.job.run_id, counts))

    def watched(self, future: asyncio.Future[Any]) -> None:
        """Let the run fail with this future, which nobody awaits."""
        future.add_done_callback(self._judge)

    def _judge(self, future: asyncio.Future[Any]) -> None:
        if not future.cancelled() and (error := future.exception()) is not None:
            self.fail(error)


def run_of(crawler: Crawler) -> RunContext:
    """The run that a component of Scrapy belongs to."""
    return cast("RunContext", cast(Any, crawler.spider).run)
