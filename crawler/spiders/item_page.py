"""A listing's own page; of a thread, the first post on its first page."""

from __future__ import annotations

from collections.abc import AsyncIterator

from crawler.sources import FamilySource, Follow, PageRole, Parsed
from crawler.spiders.attachments import complete_listing
from crawler.spiders.page_spider import Origin, PageSpider
from crawler.storing.capture import Captured
from crawler.storing.masked_listing import stored_key
from crawler.storing.spider_notes import FailedRecheck, FoundListing


async def follow_item_page(
    spider: PageSpider, follow: Follow, origin: Origin | None, captured: Captured, parsed: Parsed
) -> AsyncIterator[FoundListing]:
    """Yield the listing with its texts; `origin` None: the page is read again."""
    firsts = [each for each in parsed.listings if each.thread is None and follow.role is not PageRole.REPLIES]
    if origin is None and not firsts:
        # The page exists but is hidden from guests: the listing has been checked all the same.
        spider.note(FailedRecheck(stored_key(spider.run, follow.key or "")))
    # A family reads its own pages, and knows what they lack.
    judged = follow.role is not PageRole.REPLIES and not isinstance(spider.run.definition, FamilySource)
    fields = spider.run.missing_fields
    lacked = fields.note(parsed.findings if judged else ())
    for listing in firsts[:1]:
        known = origin is None or not origin.fresh
        async for found in complete_listing(spider, listing, origin, captured, known=known):
            if known and lacked and found.listing.key == listing.key:
                for decided in fields.hold(found, lacked):
                    yield decided
            else:
                yield found
