"""The interface of adapters. It consists of plain values, so that a stored page can be parsed again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from crawler.listing import ParsedListing


class PageRole(StrEnum):
    """What a fetched page is to its source.

    `LIST`, `FEED` and `API` pages hold many listings, the others one. `REPLIES` is a later page of a thread
    whose first page is the `ITEM`.
    """

    LIST = "list"
    FEED = "feed"
    API = "api"
    ITEM = "item"
    REPLIES = "replies"
    RAW = "raw"
    ATTACHMENT = "attachment"


#: Roles whose pages can have a `Parsed.next_page`, and whose rows are compared with the known listings.
LISTING_ROLES = frozenset({PageRole.LIST, PageRole.FEED, PageRole.API})


@dataclass(frozen=True, slots=True)
class Follow:
    """A page that is worth fetching. `key` and `partial` belong to its listing and go into its `Page`.

    `rest`: for a page of a thread, the pages to read next if this one holds anything new, in this order.
    `beyond`: how many further pages the budget leaves out. `turned`: how many pages came before this one, if
    each page of a thread only leads to its next one.
    """

    url: str
    role: PageRole
    key: str | None = None
    partial: ParsedListing | None = None
    rest: tuple[str, ...] = ()
    beyond: int = 0
    turned: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """One response. `charset` is the one its header declared; "3 hours ago" is relative to `fetched_at`."""

    url: str
    body: bytes
    role: PageRole
    fetched_at: datetime
    charset: str | None = None
    content_type: str = ""
    key: str | None = None
    partial: ParsedListing | None = None
    #: What its links count from, if the page says so (`<base href>`).
    base: str | None = None

    @property
    def links_from(self) -> str:
        """Return the address that the page's links are relative to."""
        return self.base or self.url


@dataclass(frozen=True, slots=True)
class FieldFinding:
    """How many times one selector was `tried` and `found` a value, the first value, and how it was read."""

    part: str
    field: str
    selector: str
    tried: int
    found: int
    value: str = ""
    read: str = ""


@dataclass(frozen=True, slots=True)
class Parsed:
    """The result of parsing one page.

    `listings` are complete. A listing whose own page must still be read is in `follows`, with the values of
    its row as `partial`. A page of a thread gives its first post and its replies (`Listing.thread`); `rest`
    holds the addresses of its other pages, newest first, which are read until one holds nothing new.

    `next_page` has the role of this page unless `next_role` names another one.

    `recognised` is false if the required selectors found nothing. Such a page proves nothing; an empty list
    does. `instead` is a sentence about what it is, where the adapter knows that.

    `next_nowhere` is what the page names as its next page if that leads nowhere: "#", a script, the page
    itself.

    `end` is true if the page itself shows that no further page exists, so that listings on no page are
    gone. `whole` is false if part of the page was left out, so that this conclusion is not allowed.

    `rows_left` is the number of rows that gave no listing although they are no heading.

    `pages_total` is the number of list pages that the site states; None: it states none.
    """

    listings: tuple[ParsedListing, ...] = ()
    follows: tuple[Follow, ...] = ()
    next_page: str | None = None
    next_role: PageRole | None = None
    next_nowhere: str = ""
    rest: tuple[str, ...] = ()
    recognised: bool = True
    instead: str = ""
    end: bool = False
    whole: bool = True
    rows_left: int = 0
    pages_total: int | None = None
    findings: tuple[FieldFinding, ...] = ()
    charset: str = ""


class Adapter(Protocol):
    """Reads the pages of one source. It does no I/O, and its time and size are bounded for every page."""

    def start(self, cursor: Mapping[str, object]) -> list[Follow]:
        """Return the pages that a run begins with."""

    def own_page(self, listing: ParsedListing) -> Follow | None:
        """Return the page of a listing, with the values read so far. `None`: its row says everything."""

    def parse(self, page: Page) -> Parsed:
        """Parse one page of any role except `ATTACHMENT`, which is only decoded.

        Raises `PageRefused` for a page that is too large to be parsed in a bounded time, and
        `PageUnreadable` if the parser fails.
        """
