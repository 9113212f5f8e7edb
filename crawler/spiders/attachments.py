"""Text attachments, which are part of a listing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

from crawler.errors import FetchError
from crawler.listing import ParsedListing
from crawler.sources import Follow, PageRole
from crawler.sources.bare_links import bare_links
from crawler.sources.kinds.list_adapter import MAX_LINKS
from crawler.spiders.linked_pastes import read_linked_pastes
from crawler.spiders.page_spider import Origin, PageSpider
from crawler.spiders.text_download import download_text
from crawler.storing.capture import Captured
from crawler.storing.masked_listing import stored_key
from crawler.storing.spider_notes import FailedRecheck, FetchedText, FoundListing

MAX_ATTACHMENTS = 20


async def complete_listing(
    spider: PageSpider, listing: ParsedListing, origin: Origin | None, captured: Captured, *, known: bool
) -> AsyncIterator[FoundListing]:
    """Yield a listing with its text attachments, and then the pastes that it links to.

    If an attachment is missing that may still come, a new listing gets an empty digest, so that the next run
    follows it again. A known listing stays unchanged, or a slow site would seem to edit it.
    """
    run = spider.run
    addresses = bare_links((listing.title, listing.body, listing.sample))
    listing = replace(listing, links=tuple(dict.fromkeys((*listing.links, *addresses)))[:MAX_LINKS])
    urls = listing.attachments[:MAX_ATTACHMENTS]
    texts = [
        await download_text(spider, Follow(url, PageRole.ATTACHMENT, listing.key), origin) for url in urls
    ]
    problems = [each for each in texts if isinstance(each, FetchError)]
    not_requested = run.closed in problems
    for problem in problems:
        if problem is not run.closed:
            run.tally.items.failures.add(problem)
    if not_requested:
        spider.leave_unread(Follow(listing.url, PageRole.ATTACHMENT, listing.key), origin)
    if not_requested or not all(each.permanent for each in problems):
        if origin is None:
            spider.note(FailedRecheck(stored_key(run, listing.key)))
            return
        run.progress.require_full_list(origin.start)
        if known:
            spider.mark_incomplete(stored_key(run, listing.key))
            return
        listing = replace(listing, row_digest="")
    attachments = tuple(each for each in texts if isinstance(each, FetchedText))
    yield FoundListing(listing, captured, attachments)
    async for found in read_linked_pastes(spider, listing, origin):
        yield found
