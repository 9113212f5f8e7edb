"""Pastes that a listing links to, read by one step as listings that belong to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from crawler.listing import ParsedListing
from crawler.sources import Follow, PageRole
from crawler.sources.paste_links import decode_paste_text
from crawler.spiders.page_spider import Origin, PageSpider
from crawler.spiders.text_download import download_text
from crawler.storing.masked_listing import stored_key
from crawler.storing.spider_notes import FetchedText, FoundListing

#: Number of pastes that one listing is followed to.
MAX_LINKED = 5
LINK_DIGEST_CHARS = 16


async def read_linked_pastes(
    spider: PageSpider, listing: ParsedListing, origin: Origin | None
) -> AsyncIterator[FoundListing]:
    """Yield the linked pastes, each once per thread; their own links are not followed.

    If a paste is missing that may still come, the next run tries again. One that does not exist (pastes
    expire) is left alone.
    """
    run = spider.run
    thread = listing.thread or listing.key
    urls = dict.fromkeys(url for link in listing.links if (url := run.pastes.text_url(link)))
    keys = {f"{thread}/l{run.digest(url)[:LINK_DIGEST_CHARS]}": url for url in urls}
    stored = [stored_key(run, key) for key in keys]
    known = await asyncio.to_thread(spider.known_listings, stored) if keys else {}
    new = [key for key in keys if stored_key(run, key) not in known and key not in spider.followed]
    run.tally.pastes_left += len(new[MAX_LINKED:])
    for key in new[:MAX_LINKED]:
        spider.followed.add(key)
        text = await download_text(spider, Follow(keys[key], PageRole.ATTACHMENT, key), origin)
        if isinstance(text, FetchedText):
            body = decode_paste_text(text.text, text.captured.content_type)
            digest = run.digest(body)
            paste = ParsedListing(key=key, url=keys[key], body=body, thread=thread, row_digest=digest)
            yield FoundListing(paste, text.captured)
        elif text is run.closed or not text.permanent:
            if text is not run.closed:
                run.tally.items.failures.add(text)
            for incomplete in {listing.key, thread}:
                spider.mark_incomplete(stored_key(run, incomplete))
            if origin is not None:
                run.progress.require_full_list(origin.start)
