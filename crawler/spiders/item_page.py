"""A listing's own page; of a thread, the first post on its first page."""

from __future__ import annotations

from collections.abc import AsyncIterator

from crawler.sources import Follow, Parsed, Role
from crawler.spiders.attachments import complete_listing
from crawler.spiders.page_spider import Origin, PageSpider
from crawler.storing.capture import Captured
from crawler.storing.masked_listing import stored_key
from crawler.storing.spider_notes import FailedRecheck, FoundListing


async def follow_item_page(
    spider: PageSpider, follow: Follow, origin: Origin | None, captured: Captured, parsed: Parsed
) -> AsyncIterator[FoundListing]:
    """Yield the listing with its texts; `origin` None: the page is read again."""
    firsts = [each for each in parsed.listings if each.thread is None and follow.role is not Role.REPLIES]
    if origin is None and not firsts:
        # The page exists but is hidden from guests: the listing has been checked all the same.
        spider.note(FailedRecheck(stored_key(spider.run, follow.key or "")))
    for listing in firsts[:1]:
        known = origin is None or not origin.fresh
        async for found in complete_listing(spider, listing, origin, captured, known=known):
            yield found
