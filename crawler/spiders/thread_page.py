"""A page of a thread: its new replies, and the thread's next page.

The first page of a thread leads to the newest one, and the reading goes back from there to the first page
that holds nothing new. Where each page leads to its next one only, the pages are read from the first on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace

from scrapy import Request

from crawler.sources import Follow, PageRole, Parsed
from crawler.spiders.attachments import complete_listing
from crawler.spiders.page_spider import Origin, PageSpider
from crawler.storing.capture import Captured
from crawler.storing.masked_listing import stored_key
from crawler.storing.spider_notes import CompleteThread, FoundListing, IncompleteThread, SeenKeys


async def follow_replies(
    spider: PageSpider, follow: Follow, origin: Origin | None, captured: Captured, parsed: Parsed
) -> AsyncIterator[Request | FoundListing]:
    """Yield the replies of a page that are new or changed, and the request for the thread's next page."""
    run = spider.run
    replies = {stored_key(run, each.key): each for each in parsed.listings if each.thread is not None}
    known = await asyncio.to_thread(spider.known_listings, list(replies)) if replies else {}
    same = tuple(
        key for key, each in known.items() if each.erased or each.row_digest == replies[key].row_digest
    )
    if same:
        spider.note(SeenKeys(same))
    news = [reply for key, reply in replies.items() if key not in same]
    for reply in news:
        key = stored_key(run, reply.key)
        async for found in complete_listing(spider, reply, origin, captured, known=key in known):
            yield found
    finished = bool(replies) and not news
    for request in _follow_thread(
        spider, follow, origin, parsed, finished=finished, has_known_replies=bool(same)
    ):
        yield request


def _follow_thread(
    spider: PageSpider,
    follow: Follow,
    origin: Origin | None,
    parsed: Parsed,
    *,
    finished: bool,
    has_known_replies: bool,
) -> Iterator[Request]:
    """Yield the request for a thread's next page, unless the thread is `finished`: a page held nothing new.

    If an earlier run left something unread, there may be more behind a page without anything new. If the
    budget ends the thread before a page with known replies, the remaining pages count as unread. The thread
    counts as incomplete from its first page to its last, so that the next run follows it again after a kill.
    A page that is read again does not lead to the others.
    """
    if origin is None or follow.key is None:
        return
    key, first = stored_key(spider.run, follow.key), follow.role is not PageRole.REPLIES
    if first:
        follow = _within_budget(spider, follow, parsed.rest)
    elif parsed.rest and not follow.rest:
        follow, finished = _turned(spider, follow, parsed.rest[0]), False
        spider.run.tally.unread += not follow.rest
    more = first or origin.incomplete or not finished
    if more and follow.rest:
        if first:
            spider.note(IncompleteThread(key))
        yield from request_next_page(spider, follow, origin)
        return
    if first or origin.incomplete or not has_known_replies:
        spider.run.tally.unread += follow.beyond
    if not first and not spider.is_incomplete(key) and follow.partial is not None:
        spider.note(CompleteThread(key, follow.partial.row_digest))


def _turned(spider: PageSpider, follow: Follow, url: str) -> Follow:
    """Return a page of a thread with the next one, to which it alone leads, if the budget allows it.

    All pages are read again: only the last one leads to what is new.
    """
    turned = follow.turned + 1
    if turned + 1 < spider.run.definition.budget.thread_pages:
        return replace(follow, rest=(url,), turned=turned)
    return follow


def _within_budget(spider: PageSpider, follow: Follow, rest: Sequence[str]) -> Follow:
    """Return a thread's first page with those of its other pages that the budget allows."""
    allowed = spider.run.definition.budget.thread_pages - 1
    return replace(follow, rest=tuple(rest[:allowed]), beyond=len(rest[allowed:]))


def request_next_page(spider: PageSpider, follow: Follow, origin: Origin) -> Iterator[Request]:
    """Yield the request for the next of a thread's pages, which leads to the others."""
    url, *rest = follow.rest
    return spider.requests_for(replace(follow, url=url, role=PageRole.REPLIES, rest=tuple(rest)), origin)
