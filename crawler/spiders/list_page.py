"""A list page: which of its rows to follow, and whether to request the next page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import replace

from scrapy import Request
from scrapy.http import Response

from crawler.listing import ParsedListing
from crawler.progress.list_progress import ListRow, PageDecision
from crawler.sources import Follow, PageRole, Parsed
from crawler.spiders.attachments import complete_listing
from crawler.spiders.missing_page import store_from_row
from crawler.spiders.page_spider import RECHECK_PRIORITY, Origin, PageSpider
from crawler.storing.capture import CAPTURED, FOLLOW
from crawler.storing.masked_listing import stored_key
from crawler.storing.spider_notes import FoundListing, SeenKeys
from storage.listings import KnownListing


async def follow_list_page(
    spider: PageSpider, response: Response, origin: Origin, parsed: Parsed
) -> AsyncIterator[Request | FoundListing]:
    """Yield what is new on a list page, and the request for the next list page if it is needed."""
    run, captured = spider.run, response.meta[CAPTURED]
    entries: Sequence[ParsedListing | Follow] = [*parsed.listings, *parsed.follows]
    keys = {each.key: stored_key(run, each.key) for each in entries if each.key}
    rows = _rows_of(parsed, keys)
    known = await asyncio.to_thread(spider.known_listings, [row.key for row in rows])
    decision = _decide(spider, response.meta[FOLLOW].role, origin, parsed, rows, known)
    if origin.page == origin.start:
        etag, modified = (_header_text(response, name) for name in ("ETag", "Last-Modified"))
        run.progress.remember_validators(origin.start, etag, modified)
        run.structure.first_page(origin.start, len(rows), parsed.pages_total)
    run.tally.listings_seen += len(rows)
    run.tally.rows_left += parsed.rows_left
    # A listing that was gone is only back when its own page is there again.
    if seen := tuple(key for key, each in known.items() if not each.gone):
        spider.note(SeenKeys(seen))
    for listing in parsed.listings:
        key = keys[listing.key]
        if key in decision.wanted_keys:
            async for found in complete_listing(spider, listing, origin, captured, known=key in known):
                yield found
    for follow in parsed.follows:
        followed_key = keys.get(follow.key or "")
        if followed_key is None or followed_key in decision.wanted_keys:
            before = known.get(followed_key or "")
            incomplete = before is not None and before.row_digest == ""
            source = replace(origin, captured=captured, fresh=before is None, incomplete=incomplete)
            for each in _follow_row(spider, follow, source):
                yield each
    if decision.next_url is not None:
        next_page = Follow(decision.next_url, parsed.next_role or response.meta[FOLLOW].role)
        onward = Origin(origin.start, decision.next_url, again=decision.again)
        priority = RECHECK_PRIORITY if decision.again else None
        for request in spider.requests_for(next_page, onward, priority=priority):
            yield request


def _decide(
    spider: PageSpider,
    role: PageRole,
    origin: Origin,
    parsed: Parsed,
    rows: Sequence[ListRow],
    known: Mapping[str, KnownListing],
) -> PageDecision:
    """Record a list page, and return what to do next."""
    progress, next_kind = spider.run.progress, parsed.next_role or role
    if origin.again:
        return progress.add_known_page(
            origin.start,
            origin.page,
            rows,
            known,
            next_url=parsed.next_page,
            next_kind=next_kind,
            end=parsed.end,
            whole=parsed.whole,
        )
    return progress.add_page(
        origin.start,
        origin.page,
        rows,
        known,
        next_url=parsed.next_page,
        end=parsed.end,
        whole=parsed.whole,
        total=parsed.pages_total,
        kind=role,
        next_kind=next_kind,
        nowhere=bool(parsed.next_nowhere),
        newest_first=_shows_newest_first(parsed),
        pageless=any(spider.run.adapter.own_page(each) is None for each in parsed.listings),
    )


def _shows_newest_first(parsed: Parsed) -> bool:
    """Return whether the dates of a page's rows fall; rows without a date say nothing."""
    partials = [each.partial for each in parsed.follows if each.partial is not None]
    dates = [each.posted_at for each in (*parsed.listings, *partials) if each.posted_at is not None]
    return len(set(dates)) > 1 and dates == sorted(dates, reverse=True)


def _follow_row(spider: PageSpider, follow: Follow, origin: Origin) -> Iterator[Request | FoundListing]:
    """Yield the request for a row's page; the row itself, if nothing can be requested."""
    before = follow.key is not None and stored_key(spider.run, follow.key) in spider.followed
    requests = list(spider.requests_for(follow, origin))
    yield from requests
    if not requests and not before:
        yield from store_from_row(spider, follow, origin)


def _rows_of(parsed: Parsed, keys: Mapping[str, str]) -> list[ListRow]:
    """Return the page's rows with their stored keys: complete listings first, then those with a page to
    follow.
    """
    rows = [ListRow(keys[each.key], each.row_digest, each.title) for each in parsed.listings]
    for follow in parsed.follows:
        if follow.key:
            partial = follow.partial
            digest, title = (partial.row_digest, partial.title) if partial else ("", "")
            rows.append(ListRow(keys[follow.key], digest, title))
    return rows


def _header_text(response: Response, name: str) -> str | None:
    value = response.headers.get(name)
    return value.decode("latin-1") if value else None
