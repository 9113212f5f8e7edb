"""The queue into the database: listings and everything else that the spider notes, written in batches.

One thread writes all of it in the order in which it was found, so a row never comes before the evidence that
it points at. A kill loses at most what waits in the queue: its pages are captured, and the next run reads
them again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Self, TypeVar

from sqlalchemy.orm import Session

from crawler.running.run_context import run_of
from crawler.storing.group_commit import GroupCommit
from crawler.storing.masked_listing import listing_record, stored_key
from crawler.storing.spider_notes import (
    CompleteThread,
    FailedRecheck,
    FoundListing,
    IncompleteThread,
    SeenKeys,
    SpiderNote,
)
from storage import captures, listings
from storage.captures import CaptureConclusion
from storage.erased_listings import erased_keys
from storage.listings import IntakeResult, Life, MatchState
from storage.runs import RunCounts
from storage.work import Work, WorkKind

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

BATCH = 200
#: Seconds between two batches: the delay that a busy crawl may add between a page and its alert.
REST_S = 0.5
#: Number of notes that may wait before the spider waits for the database.
MAX_WAITING = 5 * BATCH
NEW_LIVES = frozenset({Life.NEW, Life.REPOSTED})


class ListingPipeline:
    """Scrapy's item pipeline, and the queue for all other notes."""

    def __init__(self, crawler: Crawler) -> None:
        self._run = run_of(crawler)
        self._batch: GroupCommit[SpiderNote, None] = GroupCommit(
            self._commit, self._run.writes, limit=BATCH, rest_s=REST_S
        )

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def process_item(self, item: FoundListing) -> FoundListing:
        self.note(item)
        if self._batch.waiting > MAX_WAITING:
            await self._batch.drain()
        return item

    def note(self, entry: SpiderNote) -> None:
        """Queue a note. Nobody waits until it is written, but the run fails if it cannot be."""
        self._run.fail_with(self._batch.put(entry))

    async def drain(self) -> None:
        """Return when everything noted so far is written, or has failed."""
        await self._batch.drain()

    async def close_spider(self) -> None:
        for found in self._run.missing_fields.release():
            self.note(found)
        await self.drain()

    def _commit(self, batch: Sequence[SpiderNote]) -> Sequence[None]:
        """Write a batch, in the writing thread: 1. texts; 2. fsync; 3. rows, the work that follows from them,
        and the check that the run still has its epoch.
        """
        run, now = self._run, self._run.clock()
        records = [listing_record(run, found) for found in self._without_erased(batch)]
        if records:
            run.writer.sync()
        keys = {record.key for record in records} | _marked_keys(batch)
        state = run.first_match_state

        def write_rows(session: Session) -> tuple[RunCounts, int]:
            listings.lock_listings(session, run.job.source_id, keys)
            stored = listings.upsert_many(session, run.job.source_id, records, now, match_state=state)
            for each in stored:
                if each.version_id is not None and state is MatchState.PENDING:
                    run.dispatcher.announce(session, Work(WorkKind.MATCH, each.version_id))
            self._mark_listings(session, batch, now)
            captures.conclude_captures(session, list(_notes_of(CaptureConclusion, batch)))
            counts = self._counts_with(stored)
            run.beat(session, counts, fence=True)
            return counts, sum(each.version_id is not None for each in stored)

        counts, versions = run.database.write(write_rows)
        run.note_commit(versions=versions if state is MatchState.UNSEALED else 0)
        run.tally.listings_new, run.tally.listings_changed = counts.listings_new, counts.listings_changed
        return [None] * len(batch)

    def _without_erased(self, batch: Sequence[SpiderNote]) -> list[FoundListing]:
        """Return the listings of a batch without erased ones, of which no text goes into the evidence."""
        found = _notes_of(FoundListing, batch)
        if not found:
            return []
        keys = {id(each): stored_key(self._run, each.listing.key) for each in found}
        with self._run.database.reading() as session:
            erased = erased_keys(session, self._run.job.source_id, set(keys.values()))
        return [each for each in found if keys[id(each)] not in erased]

    def _mark_listings(self, session: Session, batch: Sequence[SpiderNote], now: datetime) -> None:
        source_id = self._run.job.source_id
        seen = {key for each in _notes_of(SeenKeys, batch) for key in each.keys}
        if seen:
            listings.mark_seen(session, source_id, seen, now)
        if failed := {each.key for each in _notes_of(FailedRecheck, batch)}:
            listings.mark_recheck_failed(session, source_id, failed, now)
        if incomplete := {each.key for each in _notes_of(IncompleteThread, batch)}:
            listings.request_reread(session, source_id, incomplete)
        if complete := {each.key: each.row_digest for each in _notes_of(CompleteThread, batch)}:
            listings.mark_read_whole(session, source_id, complete)

    def _counts_with(self, stored: Iterable[IntakeResult]) -> RunCounts:
        """Return the run's counts with the listings of this batch."""
        counts = self._run.tally.counts()
        lives = [each.life for each in stored if each.life is not None]
        new = sum(life in NEW_LIVES for life in lives)
        return replace(
            counts,
            listings_new=counts.listings_new + new,
            listings_changed=counts.listings_changed + len(lives) - new,
        )


Kind = TypeVar(
    "Kind", FoundListing, SeenKeys, FailedRecheck, IncompleteThread, CompleteThread, CaptureConclusion
)


def _marked_keys(batch: Sequence[SpiderNote]) -> set[str]:
    """Return the stored keys of the listings that a batch marks."""
    keys: set[str] = set()
    for note in batch:
        match note:
            case SeenKeys():
                keys |= set(note.keys)
            case FailedRecheck() | IncompleteThread() | CompleteThread():
                keys.add(note.key)
    return keys


def _notes_of(kind: type[Kind], batch: Sequence[SpiderNote]) -> list[Kind]:
    return [each for each in batch if isinstance(each, kind)]
