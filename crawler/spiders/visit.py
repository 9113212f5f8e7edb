"""One run's visit to its site, as whatever reads pages shares it: what was asked for, and what is owed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from crawler.capture import Captured
from crawler.context import RunContext
from crawler.keys import Keys
from crawler.pipelines import Entry, Pipeline, Unread
from crawler.sources import LISTING_ROLES, Follow
from crawler.tally import Pages
from storage import listings
from storage.listings import KnownListing

if TYPE_CHECKING:
    from scrapy import Spider
    from scrapy.crawler import Crawler

#: In a request's meta: where it comes from (an `Origin`); None for a page that is looked at again.
ORIGIN = "spillwatch_origin"


@dataclass(frozen=True, slots=True)
class Origin:
    """The list that a page belongs to: its start address, the list page, and that page's capture.

    `fresh`: the listing was not known when its row was read. `owed`: an earlier run left something unread.
    """

    start: str
    page: str
    captured: Captured | None = None
    fresh: bool = False
    owed: bool = False


class SourceVisit:
    """The spider's thread owns it."""

    def __init__(self, run: RunContext, spider: Spider) -> None:
        self.run = run
        #: It has a crawler only after it was made.
        self._spider = spider
        #: Keys that a list has led to in this run.
        self.followed = Keys()
        #: Keys of threads of which something could not be read in this run.
        self._owing: set[str] = set()

    @property
    def crawler(self) -> Crawler:
        return self._spider.crawler

    def known(self, keys: Sequence[str]) -> dict[str, KnownListing]:
        """What is stored of these; it asks the database, so not on the spider's own thread."""
        with self.run.database.reading() as session:
            return listings.known_listings(session, self.run.job.source_id, keys)

    def note(self, entry: Entry) -> None:
        """Have it written, in its turn."""
        cast("Pipeline", self.crawler.get_item_pipeline(Pipeline)).note(entry)

    def owe(self, key: str) -> None:
        """The next run is to follow this thread again."""
        self._owing.add(key)
        self.note(Unread(key))

    def owes(self, key: str) -> bool:
        return key in self._owing

    def put_off(self, origin: Origin | None) -> None:
        """Nobody asked for it: it stays for the next run."""
        if origin is not None:
            self.run.tally.unread += 1
            self.run.reading.unread(origin.start, origin.page)

    def pages(self, follow: Follow, origin: Origin | None) -> Pages:
        """Where a page of this sort is counted."""
        tally = self.run.tally
        if follow.role in LISTING_ROLES:
            return tally.lists
        return tally.items if origin is not None else tally.rechecks
