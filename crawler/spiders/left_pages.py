"""Pages that an earlier run captured and did not parse, because it was killed or could not store more.

The site may no longer show them, so they are read from the evidence at the end of the next visit: what that
visit has read by itself is newer and more complete, and only the rest is written. Nothing is requested:
1. choose the captures, and count in their rows that they are tried, so that a page which ends the process is
   not tried for ever;
2. parse the list pages of the same run, which say to which listing a page belongs;
3. parse each page, write its listings, and conclude its capture.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast
from urllib.parse import urljoin

import structlog
from scrapy import Request
from scrapy.http import Headers, Response

from crawler.errors import FetchError, RunStopped, RunSuperseded
from crawler.fetching.decompression import Decompression
from crawler.fetching.routes.route import Received
from crawler.listing import ParsedListing
from crawler.parsing.page_parsing import PageResult, parse_page
from crawler.sources import LISTING_ROLES, Follow, PageRole, Parsed
from crawler.spiders.page_spider import PageSpider
from crawler.storing.capture import Captured
from crawler.storing.listing_pipeline import ListingPipeline
from crawler.storing.masked_listing import stored_key
from crawler.storing.spider_notes import FoundListing
from storage import captures, runs
from storage.captures import Capture, CaptureConclusion, CaptureOutcome, CaptureRole
from storage.errors import EvidenceFailed
from storage.listings import KnownListing

log = structlog.get_logger()

#: Captures that one visit reads again; the others have their turn at the next one.
MAX_LEFT_PAGES = 200
#: The outcome of a page of which nothing says to which listing it belongs.
WITHOUT_LISTING = "left_unparsed"
_LISTING = frozenset(role.value for role in LISTING_ROLES)
_ROLES = frozenset(role.value for role in PageRole) - {PageRole.ATTACHMENT.value}


@dataclass(slots=True)
class LeftRun:
    """The captures of one earlier run: the pages to parse, and what leads to them."""

    left: list[Capture]
    others: list[Capture]
    follows: dict[str, Follow] = field(default_factory=dict)
    #: Addresses that were requested, by those to which the site redirected.
    requested: dict[str, str] = field(default_factory=dict)

    def follow_of(self, url: str, role: PageRole) -> Follow | None:
        for _ in range(len(self.requested) + 1):
            if (found := self.follows.get(url)) is not None:
                return replace(found, role=role, rest=())
            if (before := self.requested.pop(url, None)) is None:
                return None
            url = before
        return None


async def read_left_pages(spider: PageSpider, chosen: Sequence[LeftRun]) -> None:
    """Parse what earlier runs of this source left, and write what this run has not seen of it.

    Call it when all other pages have been read.
    """
    run = spider.run
    pipeline = cast("ListingPipeline", spider.crawler.get_item_pipeline(ListingPipeline))
    await pipeline.drain()  # what this run has read is known from here on
    undo = Decompression.from_crawler(spider.crawler)
    pages = 0
    for each in chosen:
        # In this thread, because parsing is bounded by a signal. Nothing else goes on yet.
        _find_follows(spider, undo, each)
        # A row says less than the listing's own page.
        for capture in sorted(each.left, key=lambda left: (left.role.value in _LISTING, left.id)):
            if run.failure is not None or isinstance(run.closed, RunStopped):
                return
            await _read_page(spider, undo, each, capture)
            # Each page is written before the next is parsed, which may end the process.
            await pipeline.drain()
            pages += 1
    log.warning(
        "Pages that an earlier run had captured and not parsed were read from the evidence.",
        action="left_pages_read",
        run_id=run.job.run_id,
        source=run.job.source_name,
        pages=pages,
    )


def choose_left_pages(spider: PageSpider) -> Sequence[LeftRun]:
    """Return what earlier runs left, and count in the rows that it is tried. It uses the database."""
    run, now = spider.run, spider.run.clock()
    with run.database.transaction() as session:
        if not runs.lock_if_current(session, run.job.run_id, run.job.epoch):
            raise RunSuperseded()
        left = captures.take_left_captures(
            session,
            run.job.source_id,
            now=now,
            limit=MAX_LEFT_PAGES,
            before_run=run.job.run_id,
            readable=run.evidence.can_read,
        )
        by_run: dict[int, LeftRun] = {}
        for capture in left:
            by_run.setdefault(capture.run_id, LeftRun([], [])).left.append(capture)
        for run_id, each in by_run.items():
            chosen = {capture.id for capture in each.left}
            each.others = [
                capture for capture in captures.captures_of_run(session, run_id) if capture.id not in chosen
            ]
    return list(by_run.values())


def _find_follows(spider: PageSpider, undo: Decompression, each: LeftRun) -> None:
    """Note what the run's list pages and first pages of threads led to."""
    needed = {capture.role for capture in each.left} & {
        CaptureRole.ITEM,
        CaptureRole.REPLIES,
        CaptureRole.RAW,
    }
    if not needed:
        return
    usable = [*each.others, *each.left]
    for capture in usable:
        if capture.role is CaptureRole.REDIRECT:
            _note_redirect(spider, each, capture)
    for capture in usable:
        if capture.role.value in _LISTING:
            parsed = _parsed_again(spider, undo, capture, Follow("", PageRole(capture.role.value)))
            each.follows |= {} if parsed is None else {follow.url: follow for follow in parsed.follows}
    if CaptureRole.REPLIES not in needed:
        return
    for capture in usable:
        if capture.role is CaptureRole.ITEM and (url := _url_of(spider, capture)) is not None:
            first = each.follow_of(url, PageRole.ITEM)
            parsed = None if first is None else _parsed_again(spider, undo, capture, first)
            if first is not None and parsed is not None:
                each.follows |= {
                    rest: replace(first, url=rest, role=PageRole.REPLIES) for rest in parsed.rest
                }


def _note_redirect(spider: PageSpider, each: LeftRun, capture: Capture) -> None:
    if (response := _raw_response(spider, capture)) is not None:
        target = (response.headers.get("Location") or b"").decode("latin-1")
        each.requested[urljoin(response.url, target)] = response.url


def _parsed_again(spider: PageSpider, undo: Decompression, capture: Capture, follow: Follow) -> Parsed | None:
    result = _result_of(spider, undo, capture, follow)
    return None if result is None else result.parsed


async def _read_page(spider: PageSpider, undo: Decompression, each: LeftRun, capture: Capture) -> None:
    """Write the listings of one page, and conclude its capture."""
    if capture.role.value not in _ROLES:
        spider.note(CaptureConclusion(capture.id, CaptureOutcome.FAILED, WITHOUT_LISTING))
        return
    role = PageRole(capture.role.value)
    url = _url_of(spider, capture)
    if url is None:
        spider.note(CaptureConclusion(capture.id, CaptureOutcome.FAILED, "evidence_missing"))
        return
    follow = Follow(url, role) if role in LISTING_ROLES else each.follow_of(url, role)
    if follow is None:
        spider.note(CaptureConclusion(capture.id, CaptureOutcome.FAILED, WITHOUT_LISTING))
        return
    result = _result_of(spider, undo, capture, follow)
    if result is None:
        spider.note(CaptureConclusion(capture.id, CaptureOutcome.FAILED, "bad_encoding"))
        return
    if result.parsed is not None:
        for found in await _news(spider, capture, _listings_of(result.parsed)):
            spider.note(found)
    if result.conclusion is not None:
        spider.note(result.conclusion)
    elif result.problem is not None:
        spider.note(CaptureConclusion(capture.id, CaptureOutcome.FAILED, result.problem.reason))


def _listings_of(parsed: Parsed) -> Iterator[ParsedListing]:
    """Yield the listings of a page: whole ones, and what the rows say of those with a page of their own.

    Their digest is empty, so that the visit which follows reads their page, attachments and threads.
    """
    for listing in parsed.listings:
        yield listing if listing.thread is not None else replace(listing, row_digest="")
    for follow in parsed.follows:
        if follow.partial is not None:
            yield replace(follow.partial, row_digest="")


async def _news(spider: PageSpider, capture: Capture, found: Iterator[ParsedListing]) -> list[FoundListing]:
    """Return the listings that nobody has seen since the page was captured."""
    by_key = {stored_key(spider.run, listing.key): listing for listing in found}
    known = await asyncio.to_thread(spider.known_listings, list(by_key))
    captured = _captured(capture)
    whole = capture.role.value not in _LISTING
    return [
        FoundListing(listing, captured)
        for key, listing in by_key.items()
        if key not in known
        or (whole and _is_there(known[key]) and known[key].last_seen_at <= capture.fetched_at)
    ]


def _is_there(known: KnownListing) -> bool:
    return not known.gone and not known.erased


def _result_of(
    spider: PageSpider, undo: Decompression, capture: Capture, follow: Follow
) -> PageResult | None:
    """Parse a capture as if its response had just come; None if its bytes cannot be read."""
    response = _raw_response(spider, capture)
    if response is None:
        return None
    try:
        whole = cast("Response", undo.process_response(cast("Request", response.request), response))
    except FetchError:
        return None
    whole.request = response.request
    return parse_page(spider.run, whole, replace(follow, url=response.url), _captured(capture))


def _raw_response(spider: PageSpider, capture: Capture) -> Response | None:
    if capture.place is None:
        return None
    try:
        raw = spider.run.evidence.read_response(capture.place, capture.sha256)
    except EvidenceFailed as error:
        log.warning(
            f"A page that an earlier run left cannot be parsed: {error}",
            action="left_page_lost",
            reason=error.reason,
        )
        return None
    headers = Headers(_header_values(raw.headers))
    try:
        request = Request(raw.url)
    except ValueError:
        return None
    return Response(raw.url, raw.status, headers, raw.body, request=request)


def _header_values(headers: tuple[tuple[bytes, bytes], ...]) -> Mapping[bytes, list[bytes]]:
    found: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        found.setdefault(name, []).append(value)
    return found


def _url_of(spider: PageSpider, capture: Capture) -> str | None:
    response = _raw_response(spider, capture)
    return None if response is None else response.url


def _captured(capture: Capture) -> Captured:
    assert capture.place is not None
    received = Received(capture.status, (), capture.fetched_at)
    return Captured(capture.id, capture.place, received, capture.content_type or "", capture.charset)
