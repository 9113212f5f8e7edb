"""A first look at a site that nobody has described: one page of it, and what that page says.

The same guard, way out, robots.txt and politeness as in a run; nothing is written anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from crawler.listing import ParsedListing
from crawler.settings import CrawlerSettings
from crawler.sources import Follow, Page, Parsed, Role, SourceDefinition
from crawler.sources.families.detect import SiteReport, detect, recognised
from crawler.sources.families.family import UnknownPage
from crawler.trial import try_pages
from storage.errors import SpillwatchError
from text.charset import decode_page


@dataclass(frozen=True, slots=True)
class SiteIntroduction:
    """What came of it: a `finding`, or the `problem` that kept the page from being read."""

    url: str
    status: int | None
    finding: SiteReport | None = None
    problem: SpillwatchError | None = None


class _Onlooker:
    """Reads nothing out of a page but what it is."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.seen: UnknownPage | None = None

    def start(self, cursor: Mapping[str, object]) -> list[Follow]:
        return [Follow(self.url, Role.LIST)]

    def own_page(self, listing: ParsedListing) -> Follow | None:
        return None

    def parse(self, page: Page) -> Parsed:
        text = decode_page(page.body, declared=page.charset).text
        self.seen = UnknownPage(page.url, 200, {}, frozenset(), text)
        # A stranger may be a wall; a known program's page is one only where a redirect led to a login.
        return Parsed(recognised=bool(recognised(self.seen)))


def introduce_site(
    definition: SourceDefinition,
    *,
    settings: CrawlerSettings,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> SiteIntroduction:
    """Fetch the definition's first address, whatever its kind, and say what is there."""
    onlooker = _Onlooker(definition.start[0])
    seen, *_ = try_pages(definition, settings=settings, clock=clock, adapter=onlooker)
    if onlooker.seen is None or seen.problem is not None:
        return SiteIntroduction(seen.url, seen.status, problem=seen.problem)
    known = replace(onlooker.seen, status=seen.status or 200, headers=seen.headers, cookies=seen.cookies)
    return SiteIntroduction(seen.url, seen.status, finding=detect(known, now=clock()))
