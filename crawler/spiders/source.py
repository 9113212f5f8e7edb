"""The spider of a run: it starts with a source's lists, and gives each page to the module for its kind.

On a list page, rows are compared with the database; only new and changed ones are followed, and list pages
are requested until one holds only settled rows (`crawler.progress.list_progress`). Bytes are parsed after
they are captured, and every capture ends in an outcome.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from typing import Any, Self
from urllib.parse import urlsplit

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import DontCloseSpider
from scrapy.http import Response
from sqlalchemy.orm import Session
from twisted.python.failure import Failure

from crawler.errors import FetchError, Truncated
from crawler.fetching.decompression import CUT
from crawler.fetching.http_status import NOT_MODIFIED, has_condition, request_of
from crawler.parsing.page_parsing import PageResult, parse_page
from crawler.running.run_context import RunContext
from crawler.sources import LISTING_ROLES, Follow, PageRole, Parsed
from crawler.sources.unrecognised_page import describe_page
from crawler.spiders.absent_page import note_answer
from crawler.spiders.item_page import follow_item_page
from crawler.spiders.left_pages import LeftRun, choose_left_pages, read_left_pages
from crawler.spiders.list_page import follow_list_page
from crawler.spiders.missing_page import account_for_missing, store_from_row
from crawler.spiders.page_spider import ORIGIN, RECHECK_PRIORITY, Origin, PageSpider
from crawler.spiders.rechecks import due_rechecks
from crawler.spiders.refreshed_page import follow_refresh
from crawler.spiders.thread_page import follow_replies
from crawler.storing.capture import CAPTURED, FOLLOW, Captured
from crawler.storing.masked_listing import stored_key
from crawler.storing.spider_notes import FailedRecheck, FoundListing
from storage import sources
from storage.captures import CaptureConclusion, CaptureOutcome

#: Roles of a listing's own page.
OWN_PAGES = frozenset({PageRole.ITEM, PageRole.RAW})


class SourceSpider(PageSpider):
    """Reads one source, as `run` says."""

    name = "source"

    def __init__(self, run: RunContext) -> None:
        super().__init__(run)
        self._left_runs: Sequence[LeftRun] = ()
        self._reading_left: asyncio.Future[None] | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:  # noqa: ANN401 - Scrapy's signature
        spider = super().from_crawler(crawler, *args, **kwargs)
        crawler.signals.connect(spider._read_left_when_idle, signals.spider_idle)
        return spider

    def _read_left_when_idle(self) -> None:
        """When all pages have been read, read what an earlier run left, once; only then the spider ends."""
        if self._left_runs:
            self._reading_left = asyncio.ensure_future(read_left_pages(self, self._left_runs))
            self.run.fail_with(self._reading_left)
            self._left_runs = ()
        if self._reading_left is not None and not self._reading_left.done():
            raise DontCloseSpider  # Scrapy looks again after five seconds

    async def start(self) -> AsyncIterator[Request]:
        """Yield the first requests: 1. write the cursor, so that a kill from here on is known; 2. the lists;
        3. pages that are read again.
        """
        run = self.run
        await asyncio.to_thread(self._write_opening_cursor)
        self._left_runs = await asyncio.to_thread(choose_left_pages, self)
        for follow in run.adapter.start(run.job.cursor):
            run.progress.begin_list(follow.url)
            origin = Origin(follow.url, follow.url)
            conditions = run.progress.request_conditions(follow.url)
            for request in self.requests_for(follow, origin, headers=conditions):
                yield request
        for start, page in run.progress.pages_again().items():
            known = Follow(page.url, PageRole(page.role))
            origin = Origin(start, page.url, again=True)
            for request in self.requests_for(known, origin, priority=RECHECK_PRIORITY):
                yield request
        due, again = await asyncio.to_thread(due_rechecks, run)
        for key in due - {stored_key(run, follow.key or "") for follow in again}:
            # It has no page to request. Noted as checked, so that other listings have their turn.
            self.note(FailedRecheck(key))
        for follow in again:
            for request in self.requests_for(follow, None, priority=RECHECK_PRIORITY):
                yield request

    def _write_opening_cursor(self) -> None:
        run = self.run

        def write_rows(session: Session) -> None:
            run.beat(session, run.tally.counts(), fence=True)
            sources.save_cursor(session, run.job.source_id, run.progress.opening_cursor())

        run.database.write(write_rows)

    async def read(self, response: Response) -> AsyncIterator[Request | FoundListing]:
        """Parse a captured page, and go on by its kind."""
        follow: Follow = response.meta[FOLLOW]
        origin: Origin | None = response.meta[ORIGIN]
        captured: Captured = response.meta[CAPTURED]
        if response.status == NOT_MODIFIED and has_condition(request_of(response)):
            self.page_counts(follow, origin).read += 1
            if origin is not None:
                self.run.progress.mark_not_modified(origin.start)
            return
        cut = CUT in response.meta
        if cut and follow.role not in LISTING_ROLES:
            lost = _truncated(response)
            self.note(CaptureConclusion(captured.id, CaptureOutcome.FAILED, lost.reason))
            for each in account_for_missing(self, follow, origin, lost):
                yield each
            return
        result = parse_page(self.run, response, follow, captured)
        result, onward = follow_refresh(self, response, result)
        if onward is None and _is_known_listing(follow, origin):
            result = await note_answer(self, response, follow, result)
        if result.conclusion is not None:
            self.note(result.conclusion)
        if onward is not None:
            yield onward
        elif result.problem is not None:
            for each in account_for_missing(self, follow, origin, result.problem):
                yield each
        elif result.parsed is None:
            self._count_unrecognised(response, follow, origin, result)
            for each in store_from_row(self, follow, origin):
                yield each
        else:
            self.page_counts(follow, origin).read += 1
            parsed = replace(result.parsed, whole=False, end=False) if cut else result.parsed
            self.run.structure.note(parsed)
            async for each in self._follow_page(response, follow, origin, parsed):
                yield each
            if cut and origin is not None:
                # What came of the list is used; the next run tries again.
                self.page_counts(follow, origin).failures.add(_truncated(response))
                self.mark_list_broken(origin, origin.page, permanent=False)

    async def _follow_page(
        self, response: Response, follow: Follow, origin: Origin | None, parsed: Parsed
    ) -> AsyncIterator[Request | FoundListing]:
        if origin is not None and follow.role in LISTING_ROLES:
            async for each in follow_list_page(self, response, origin, parsed):
                yield each
        elif origin is not None or stored_key(self.run, follow.key or "") not in self.followed:
            # A page that is read again only knows what the stored row said. If a list of this run has led to
            # the page too, that reading counts.
            captured: Captured = response.meta[CAPTURED]
            async for found in follow_item_page(self, follow, origin, captured, parsed):
                yield found
            async for each in follow_replies(self, follow, origin, captured, parsed):
                yield each

    def _count_unrecognised(
        self, response: Response, follow: Follow, origin: Origin | None, result: PageResult
    ) -> None:
        if origin is not None and origin.again and follow.role in LISTING_ROLES:
            if not self.run.progress.leave_known_pages(origin.start):
                self.page_counts(follow, origin).unrecognised += 1
            return  # else the list has become shorter since the run that saved the page
        self.page_counts(follow, origin).unrecognised += 1
        if origin is not None and follow.role in LISTING_ROLES:
            self.run.progress.mark_broken(origin.start, follow.url, permanent=True)
            tally = self.run.tally
            tally.refused = tally.refused or result.refused
            charset = response.meta[CAPTURED].charset
            described = describe_page(response.body, role=follow.role, charset=charset)
            tally.stranger = tally.stranger or f"{described} {result.instead}".strip()

    def failed(self, failure: Failure) -> Iterator[Request | FoundListing]:
        error = failure.value or RuntimeError("Scrapy gave no error")
        meta = failure.request.meta  # type: ignore[attr-defined]  # Scrapy sets it
        if not isinstance(error, FetchError):
            self.run.fail(error)
            return
        if (captured := meta.get(CAPTURED)) is not None:
            # The response came, but could not be decompressed.
            self.note(CaptureConclusion(captured.id, CaptureOutcome.FAILED, error.reason))
        yield from account_for_missing(self, meta[FOLLOW], meta[ORIGIN], error)


def _is_known_listing(follow: Follow, origin: Origin | None) -> bool:
    """Return whether a page is that of a listing that was known before its row was read."""
    return follow.key is not None and follow.role in OWN_PAGES and (origin is None or not origin.fresh)


def _truncated(response: Response) -> Truncated:
    host = urlsplit(response.url).hostname
    return Truncated(f"{host} ended its compressed response before it was complete.")
