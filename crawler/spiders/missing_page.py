"""A page that could not be read: how it counts, and what is stored of its listing all the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from scrapy import Request

from crawler.errors import Banned, Captcha, FetchError, NotThere, SentToTheFront, WaitingQueue
from crawler.running.run_context import RunContext
from crawler.sources import LISTING_ROLES, Follow, PageRole
from crawler.sources.definition import ListPage
from crawler.spiders.page_spider import Origin, PageSpider
from crawler.spiders.thread_page import request_next_page
from crawler.storing.masked_listing import stored_key
from crawler.storing.spider_notes import FailedRecheck, FoundListing

#: Walls in front of the whole site: the first one closes the run.
SITE_WALLS = (Banned, Captcha, WaitingQueue)


def account_for_missing(
    spider: PageSpider, follow: Follow, origin: Origin | None, error: FetchError
) -> Iterator[Request | FoundListing]:
    """Count a page that could not be fetched, and go on without it."""
    run = spider.run
    if error is run.closed or run.pauses.caused(error):
        spider.leave_unread(follow, origin)
        run.tally.unread += _unread_behind(follow, origin)
        _mark_thread_incomplete(spider, follow)
        return
    if isinstance(error, SITE_WALLS):
        run.close(type(error)(str(error)))
    if origin is not None and _ends_before(run, follow, origin, error):
        return
    if origin is not None and origin.again and follow.role in LISTING_ROLES and isinstance(error, NotThere):
        if not run.progress.leave_known_pages(origin.start):
            run.tally.known_lists.failures.add(error)
        return  # else the list has become shorter since the run that saved the page
    of_listing = follow.key is not None and follow.role is not PageRole.REPLIES
    is_known = of_listing and (origin is None or not origin.fresh)
    if is_known and isinstance(error, NotThere):
        missing = run.sent_away if isinstance(error, SentToTheFront) else run.gone
        missing.add(stored_key(run, follow.key or ""))
    else:
        spider.page_counts(follow, origin).failures.add(error)
    if origin is None:
        spider.note(FailedRecheck(stored_key(run, follow.key or "")))
        return
    if follow.role in LISTING_ROLES:
        spider.mark_list_broken(origin, origin.page, permanent=error.permanent)
    yield from store_from_row(spider, follow, origin)


def _ends_before(run: RunContext, follow: Follow, origin: Origin, error: FetchError) -> bool:
    """Return whether a missing list page is the end of a list whose pages are counted up."""
    pages = getattr(run.definition, "list", None)
    counted = isinstance(pages, ListPage) and pages.page_url is not None and "{page}" in pages.page_url
    missing = follow.role in LISTING_ROLES and isinstance(error, NotThere)
    return counted and missing and run.progress.end_before(origin.start, origin.page, again=origin.again)


def store_from_row(
    spider: PageSpider, follow: Follow, origin: Origin | None
) -> Iterator[Request | FoundListing]:
    """Yield a new listing with what its row says: it is worth an alert even if its own page cannot be read.

    Its digest is empty, so the next run follows it again. Of a thread, yield the request for its next page.
    """
    if origin is None:
        spider.note(FailedRecheck(stored_key(spider.run, follow.key or "")))
        return
    spider.run.progress.require_full_list(origin.start)
    _mark_thread_incomplete(spider, follow)
    if follow.role is PageRole.REPLIES and follow.rest and spider.run.closed is None:
        yield from request_next_page(spider, follow, origin)
        return
    spider.run.tally.unread += _unread_behind(follow, origin)
    if origin.fresh and origin.captured is not None and follow.partial is not None:
        yield FoundListing(replace(follow.partial, row_digest=""), origin.captured)


def _mark_thread_incomplete(spider: PageSpider, follow: Follow) -> None:
    """Let the next run follow a thread again if a further page of it could not be read."""
    if follow.role is PageRole.REPLIES and follow.key is not None:
        spider.mark_incomplete(stored_key(spider.run, follow.key))


def _unread_behind(follow: Follow, origin: Origin | None) -> int:
    """Return the number of a thread's pages behind a missing one that no run has read."""
    unread = origin is not None and (origin.fresh or origin.incomplete)
    return len(follow.rest) + follow.beyond if unread else 0
