"""Listings on their way into the database: masked, with their text kept as evidence, in batches.

Everything a run has to say about listings and captures goes through one queue, in the order in which it was
found, and is written by one thread: a row never overtakes the evidence that it points at. A kill loses at
most what waits here; its pages are captured, and the next run reads them again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from posixpath import basename
from typing import TYPE_CHECKING, Self, TypeVar
from urllib.parse import unquote, urlsplit

from sqlalchemy.orm import Session

from crawler.batch import GroupCommit
from crawler.capture import Captured
from crawler.context import RunContext, run_of
from crawler.listing import ParsedListing
from storage import captures, listings
from storage.captures import CaptureConclusion
from storage.evidence.warc import ListingText
from storage.listings import AttachmentRecord, Life, ListingRecord, Upserted
from storage.runs import RunCounts
from storage.work import Work, WorkKind

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

BATCH = 200
#: Between two batches: what a busy crawl may add to the time from a page to its alert.
REST_S = 0.5
#: Listings that a page may heap up before its spider waits for the database.
MAX_WAITING = 5 * BATCH
#: A key that holds an identifier is stored as a digest of this many characters; masked, two could become one.
KEY_DIGEST_CHARS = 32
NEW = frozenset({Life.NEW, Life.REPOSTED})


@dataclass(frozen=True, slots=True)
class FetchedText:
    """A text attachment that was fetched."""

    url: str
    text: str
    captured: Captured
    size: int


@dataclass(frozen=True, slots=True)
class Found:
    """A listing as it was read from a captured page; Scrapy's item."""

    listing: ParsedListing
    captured: Captured
    attachments: tuple[FetchedText, ...] = ()


@dataclass(frozen=True, slots=True)
class SeenKeys:
    """Keys that a list page shows again, with nothing new about them."""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UnreadKey:
    """A key whose own page was asked for in vain."""

    key: str


@dataclass(frozen=True, slots=True)
class Unread:
    """The key of a thread that has pages which should have been read, and were not."""

    key: str


@dataclass(frozen=True, slots=True)
class ReadThread:
    """The key of a thread that was read as far as it holds anything new, and what its row said."""

    key: str
    row_digest: str


Entry = Found | SeenKeys | UnreadKey | Unread | ReadThread | CaptureConclusion


class Pipeline:
    """Scrapy's item pipeline, and the queue for everything else."""

    def __init__(self, crawler: Crawler) -> None:
        self._run = run_of(crawler)
        self._batch: GroupCommit[Entry, None] = GroupCommit(
            self._commit, self._run.writes, limit=BATCH, rest_s=REST_S
        )

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def process_item(self, item: Found) -> Found:
        self.note(item)
        if self._batch.waiting > MAX_WAITING:
            await self._batch.drain()
        return item

    def note(self, entry: Entry) -> None:
        """Write this in its turn; nobody waits for it, but the run fails if it can't be."""
        self._run.watched(self._batch.put(entry))

    async def close_spider(self) -> None:
        await self._batch.drain()

    def _commit(self, batch: Sequence[Entry]) -> Sequence[None]:
        """In the writing thread: 1. texts; 2. fsync; 3. rows, what follows from them, and that this run is
        still ours.
        """
        run, now = self._run, self._run.clock()
        records = [_record(run, found) for found in _of(Found, batch)]
        if records:
            run.writer.sync()
        with run.database.transaction() as session:
            stored = listings.upsert_many(session, run.job.source_id, records, now)
            for each in stored:
                if each.version_id is not None:
                    run.dispatcher.announce(session, Work(WorkKind.MATCH, each.version_id))
            self._mark(session, batch, now)
            captures.conclude_captures(session, list(_of(CaptureConclusion, batch)))
            counts = self._counts(stored)
            run.beat(session, counts, fence=True)
        run.tally.listings_new, run.tally.listings_changed = counts.listings_new, counts.listings_changed
        return [None] * len(batch)

    def _mark(self, session: Session, batch: Sequence[Entry], now: datetime) -> None:
        source_id = self._run.job.source_id
        seen = {key for each in _of(SeenKeys, batch) for key in each.keys}
        if seen:
            listings.mark_seen(session, source_id, seen, now)
        if asked := {each.key for each in _of(UnreadKey, batch)}:
            listings.mark_recheck_failed(session, source_id, asked, now)
        if unread := {each.key for each in _of(Unread, batch)}:
            listings.request_reread(session, source_id, unread)
        if read := {each.key: each.row_digest for each in _of(ReadThread, batch)}:
            listings.mark_read_whole(session, source_id, read)

    def _counts(self, stored: Iterable[Upserted]) -> RunCounts:
        counts = self._run.tally.counts()
        lives = [each.life for each in stored if each.life is not None]
        new = sum(life in NEW for life in lives)
        return replace(
            counts,
            listings_new=counts.listings_new + new,
            listings_changed=counts.listings_changed + len(lives) - new,
        )


Kind = TypeVar("Kind", Found, SeenKeys, UnreadKey, Unread, ReadThread, CaptureConclusion)


def _of(kind: type[Kind], batch: Sequence[Entry]) -> list[Kind]:
    return [each for each in batch if isinstance(each, kind)]


def stored_key(run: RunContext, key: str) -> str:
    """The key as a row may hold it."""
    return key if run.mask_url(key) == key else run.digest(key)[:KEY_DIGEST_CHARS]


def _record(run: RunContext, found: Found) -> ListingRecord:
    """Mask a listing, and put its text as it is where text as it is may be."""
    listing, mask = found.listing, run.mask
    parts = {
        "title": listing.title,
        "body": listing.body,
        "seller": listing.seller or "",
        "sample": listing.sample,
        "links": "\n".join(listing.links),
    }
    place = run.writer.text(ListingText(parts), refers_to=found.captured.place, url=listing.url)
    content = "\0".join(
        [listing.title, listing.body, listing.sample, *(each.text for each in found.attachments)]
    )
    price = listing.price
    return ListingRecord(
        key=stored_key(run, listing.key),
        url=run.mask_url(listing.url),
        title=mask(listing.title),
        body=mask(listing.body),
        content_digest=run.digest(content),
        row_digest=listing.row_digest,
        seller=None if listing.seller is None else mask(listing.seller),
        price_amount=price.amount if price else None,
        price_currency=price.currency if price else None,
        claimed_records=listing.claimed_records,
        posted_at=listing.posted_at,
        posted_at_uncertain=listing.posted_at_uncertain,
        data_classes=tuple(mask(each) for each in listing.data_classes),
        sample=mask(listing.sample),
        links=tuple(run.mask_url(each) for each in listing.links),
        attachments=tuple(_attachment(run, each) for each in found.attachments),
        capture_id=found.captured.id,
        place=place,
        thread_key=None if listing.thread is None else stored_key(run, listing.thread),
    )


def _attachment(run: RunContext, text: FetchedText) -> AttachmentRecord:
    name = basename(unquote(urlsplit(text.url).path).rstrip("/"))
    return AttachmentRecord(
        name=run.mask_url(name) or "attachment",
        content_type=run.mask(text.captured.content_type) or None,
        size=text.size,
        place=run.writer.text(
            ListingText({"attachment": text.text}), refers_to=text.captured.place, url=text.url
        ),
        capture_id=text.captured.id,
    )
