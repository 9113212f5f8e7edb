"""An introduction to a site that has no source's file yet: one page of it, and what that page shows.

It uses the same guard, route, robots.txt and politeness as a run. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from crawler.listing import ParsedListing
from crawler.settings import CrawlerSettings
from crawler.sources import Follow, Page, PageRole, Parsed, SourceDefinition
from crawler.sources.families.detect import SiteReport, detect, recognised
from crawler.sources.families.family import UnknownPage
from crawler.visits.trial import try_pages
from storage.errors import SpillwatchError
from text.charset import decode_page


@dataclass(frozen=True, slots=True)
class SiteIntroduction:
    """The result: a `finding`, or the `problem` that prevented the page from being read.

    `status` is None if no response came.
    """

    url: str
    status: int | None
    finding: SiteReport | None = None
    problem: SpillwatchError | None = None


class _DetectingAdapter:
    """An adapter that reads no listings, and only keeps the page."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.page: UnknownPage | None = None

    def start(self, cursor: Mapping[str, object]) -> list[Follow]:
        return [Follow(self.url, PageRole.LIST)]

    def own_page(self, listing: ParsedListing) -> Follow | None:
        return None

    def parse(self, page: Page) -> Parsed:
        text = decode_page(page.body, declared=page.charset).text
        self.page = UnknownPage(page.url, 200, {}, frozenset(), text)
        # An unrecognised page may be a wall; the page of a known program only after a redirect to a login.
        return Parsed(recognised=bool(recognised(self.page)))


def introduce_site(
    definition: SourceDefinition,
    *,
    settings: CrawlerSettings,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> SiteIntroduction:
    """Fetch the definition's first start URL, whatever its kind, and return what is there."""
    adapter = _DetectingAdapter(definition.start[0])
    result, *_ = try_pages(definition, settings=settings, clock=clock, adapter=adapter)
    if adapter.page is None or result.problem is not None:
        return SiteIntroduction(result.url, result.status, problem=result.problem)
    known = replace(adapter.page, status=result.status or 200, headers=result.headers, cookies=result.cookies)
    return SiteIntroduction(result.url, result.status, finding=detect(known, now=clock()))
