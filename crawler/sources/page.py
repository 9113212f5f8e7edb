"""What goes into an adapter and what comes out: values only, so that a stored page can be parsed again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from crawler.listing import ParsedListing


class Role(StrEnum):
    """What a fetched page is to its source; `LIST`, `FEED` and `API` hold many listings, the others one.

    `REPLIES` is a further page of a thread whose first page is the `ITEM`.
    """

    LIST = "list"
    FEED = "feed"
    API = "api"
    ITEM = "item"
    REPLIES = "replies"
    RAW = "raw"
    ATTACHMENT = "attachment"


#: The roles whose pages lead on (`Parsed.next_page`) and whose rows are compared with what is known.
LISTING_ROLES = frozenset({Role.LIST, Role.FEED, Role.API})


@dataclass(frozen=True, slots=True)
class Follow:
    """A page worth fetching; `key` and `partial` are of its listing and go back in with the `Page`.

    `rest`: of a thread's page, those to go on with if this one holds anything new, in their order; `beyond`:
    how many there are behind them, which the budget leaves out.
    """

    url: str
    role: Role
    key: str | None = None
    partial: ParsedListing | None = None
    rest: tuple[str, ...] = ()
    beyond: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """One response. `charset` is what its header declared; `fetched_at` is what "3 hours ago" counts from."""

    url: str
    body: bytes
    role: Role
    fetched_at: datetime
    charset: str | None = None
    content_type: str = ""
    key: str | None = None
    partial: ParsedListing | None = None


@dataclass(frozen=True, slots=True)
class FieldFinding:
    """What one selector found: in how many of `tried` places, the first raw value, and how it was read."""

    part: str
    field: str
    selector: str
    tried: int
    found: int
    value: str = ""
    read: str = ""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a page said.

    `listings` are complete; a listing whose own page is still to be read is in `follows`, with what its row
    said as `partial`. A thread's page gives its first post and its replies (`Listing.thread`); `rest` are the
    addresses of its other pages, the newest first, which are read as far as they hold something new.
    `next_page` is a page of the same role unless `next_role` names another. `recognised` is false when the
    required selectors found nothing: such a page says nothing, which is not "empty". `end` is true when the
    page itself shows that no further page exists, so that what no page listed is gone; `whole` is false when
    something of it was left out, so that it does not follow.
    `pages_total` is the number of list pages the site admits to, where it does.
    """

    listings: tuple[ParsedListing, ...] = ()
    follows: tuple[Follow, ...] = ()
    next_page: str | None = None
    next_role: Role | None = None
    rest: tuple[str, ...] = ()
    recognised: bool = True
    end: bool = False
    whole: bool = True
    pages_total: int | None = None
    findings: tuple[FieldFinding, ...] = ()
    charset: str = ""


class Adapter(Protocol):
    """One source's way of reading its pages; pure, and bounded in time and size whatever the page holds."""

    def start(self, cursor: Mapping[str, object]) -> list[Follow]:
        """The pages a run begins with."""

    def own_page(self, listing: ParsedListing) -> Follow | None:
        """Where a listing's own page is, with what was said elsewhere; `None`: its row says everything."""

    def parse(self, page: Page) -> Parsed:
        """Read one page of any role but `ATTACHMENT`, which is text to decode and no more.

        Raises `PageRefused` for a page that is too large to be parsed in a bounded time, `PageUnreadable`
        for one at which the parser fails.
        """
