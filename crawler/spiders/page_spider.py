"""The spider's state and its ways to request, look up and note; `source` and the kinds of page use it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from scrapy import Request, Spider
from scrapy.http import Response
from twisted.python.failure import Failure

from crawler.errors import UrlRefused
from crawler.progress.key_set import KeySet
from crawler.running.run_context import RunContext
from crawler.running.run_tally import PageCounts
from crawler.sources import LISTING_ROLES, Follow, PageRole
from crawler.storing.capture import FOLLOW, Captured
from crawler.storing.listing_pipeline import ListingPipeline
from crawler.storing.masked_listing import stored_key
from crawler.storing.spider_notes import FoundListing, IncompleteThread, SpiderNote
from storage import listings
from storage.listings import KnownListing

#: In a request's meta: where the page comes from (an `Origin`); None for a page that is read again.
ORIGIN = "spillwatch_origin"
#: Listings' own pages come before the next list page, and both before pages that are read again.
PRIORITY = {PageRole.ITEM: 20, PageRole.REPLIES: 20, PageRole.RAW: 20}
RECHECK_PRIORITY = -20


@dataclass(frozen=True, slots=True)
class Origin:
    """The list that led to a page: its start URL, the list page, and that page's capture.

    `fresh`: the listing was not known when its row was read. `incomplete`: an earlier run left a part of the
    listing unread. `again`: the list page holds known rows and is read again.
    """

    start: str
    page: str
    captured: Captured | None = None
    fresh: bool = False
    incomplete: bool = False
    again: bool = False


class PageSpider(Spider):
    """A spider with the state of one run's requests, which belongs to the spider's thread."""

    def __init__(self, run: RunContext) -> None:
        super().__init__()
        self.run = run
        #: Keys of listings that a list of this run has led to.
        self.followed = KeySet()
        #: Stored keys of threads of which this run could not read a part.
        self._incomplete_threads: set[str] = set()

    @abstractmethod
    def read(self, response: Response) -> AsyncIterator[Request | FoundListing]:
        """Read a captured page, and go on from it."""

    @abstractmethod
    def failed(self, failure: Failure) -> Iterator[Request | FoundListing]:
        """Account for a page that did not come."""

    def requests_for(
        self,
        follow: Follow,
        origin: Origin | None,
        *,
        priority: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[Request]:
        """Yield the one request, or none if its URL is invalid or its listing was requested in this run.

        Listings are compared by their keys, because two of them may share a URL: Scrapy compares URLs, and
        would drop the second request without a message.
        """
        key = None if follow.key is None else stored_key(self.run, follow.key)
        if key is not None and key in self.followed and follow.role is not PageRole.REPLIES:
            return
        if key is not None and origin is not None:
            self.followed.add(key)
        if not self.run.patterns.allow(follow.url):
            return
        try:
            yield Request(
                follow.url,
                callback=self.read,
                errback=self.failed,
                priority=PRIORITY.get(follow.role, 0) if priority is None else priority,
                headers=dict(headers or {}),
                meta={FOLLOW: follow, ORIGIN: origin},
                # The list may lead to the page of a list that is read again.
                dont_filter=key is not None or (origin is not None and origin.again),
            )
        except ValueError:
            self.page_counts(follow, origin).failures.add(UrlRefused("A page has an invalid URL."))

    def known_listings(self, keys: Sequence[str]) -> dict[str, KnownListing]:
        """Return what is stored of these keys; it reads the database, so call it in another thread."""
        with self.run.database.reading() as session:
            return listings.known_listings(session, self.run.job.source_id, keys)

    def note(self, entry: SpiderNote) -> None:
        """Have a note written, after those before it."""
        cast("ListingPipeline", self.crawler.get_item_pipeline(ListingPipeline)).note(entry)

    def mark_incomplete(self, key: str) -> None:
        """Let the next run follow this thread again; `key` is the stored key."""
        self._incomplete_threads.add(key)
        self.note(IncompleteThread(key))

    def is_incomplete(self, key: str) -> bool:
        return key in self._incomplete_threads

    def leave_unread(self, follow: Follow, origin: Origin | None) -> None:
        """Count a page that was not requested, and leave it to the next run.

        A list page that is only read again does not count: nobody knows that it has anything new.
        """
        if origin is None or (origin.again and follow.role in LISTING_ROLES):
            return
        self.run.tally.unread += 1
        if origin.again:
            self.run.progress.continue_again_at(origin.start, origin.page)
        else:
            self.run.progress.mark_unread(origin.start, origin.page)

    def mark_list_broken(self, origin: Origin, page: str, *, permanent: bool) -> None:
        """Record that a list page could not be read."""
        if not origin.again:
            self.run.progress.mark_broken(origin.start, page, permanent=permanent)
        elif permanent:
            self.run.progress.leave_known_pages(origin.start)

    def page_counts(self, follow: Follow, origin: Origin | None) -> PageCounts:
        """Return the counts for this kind of page."""
        tally = self.run.tally
        if follow.role in LISTING_ROLES:
            return tally.known_lists if origin is not None and origin.again else tally.lists
        return tally.items if origin is not None else tally.rechecks
