"""What the components that fetch need of the visit they belong to: a run or a trial."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, cast

from crawler.errors import FetchError
from crawler.fetching.guard import Guard
from crawler.fetching.request_headers import RequestHeaders
from crawler.fetching.site_pauses import SitePauses
from crawler.settings import CrawlerSettings
from crawler.sources import Adapter, SourceDefinition

if TYPE_CHECKING:
    from scrapy.crawler import Crawler


class FetchCounts(Protocol):
    """The requests and bytes of a visit so far."""

    pages: int
    bytes: int


class Visit(Protocol):
    """One visit to one source's site; `crawler.running.run_context` and `crawler.visits.trial` are such."""

    definition: SourceDefinition
    adapter: Adapter
    guard: Guard
    request_headers: RequestHeaders
    began: datetime
    #: Time limits of requests that are being answered; a visit that is stopped moves them to now.
    in_flight: set[asyncio.Timeout]
    #: Why nothing more is requested; None while the visit goes on.
    closed: FetchError | None
    #: Set as soon as `closed` is.
    closing: asyncio.Event
    #: The pauses that its sites ask for.
    pauses: SitePauses
    #: Until when the site wants to be left alone.
    not_before: datetime | None

    @property
    def settings(self) -> CrawlerSettings:
        """The options that all sources share."""

    @property
    def clock(self) -> Callable[[], datetime]:
        """Return the time in UTC."""

    @property
    def tally(self) -> FetchCounts:
        """The counts, which the gate compares with the budget."""

    @property
    def circuit(self) -> str:
        """The SOCKS user name; visits with different ones share no Tor circuit."""

    def close(self, why: FetchError) -> None:
        """Ask the site for nothing more."""

    def closed_for(self, why: FetchError) -> FetchError:
        """Close the visit, and return the error that every later request gets."""


def visit_of(crawler: Crawler) -> Visit:
    """Return the visit that a component of Scrapy belongs to."""
    return cast("Visit", cast(Any, crawler.spider).run)
