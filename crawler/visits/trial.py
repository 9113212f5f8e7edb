"""A trial of a source before it is watched: its first list page, one listing's page, the next list page.

It uses the same guard, route, robots.txt and politeness as a run. Nothing is written.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from scrapy import Request, Spider
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.http import Response
from twisted.python.failure import Failure

from crawler.clean import Clock
from crawler.errors import FetchError, NotThere
from crawler.fetching.cookies import Cookie, Jar, read_cookies
from crawler.fetching.guard import Guard
from crawler.fetching.http_status import request_of, status_problem
from crawler.fetching.meta_refresh import refresh_target
from crawler.fetching.outgoing_proxy import proxy_of
from crawler.fetching.request_headers import RequestHeaders
from crawler.fetching.site_pauses import SitePauses
from crawler.parsing.cpu_limit import cpu_bound
from crawler.parsing.page_parsing import raw_page
from crawler.parsing.walls import wall_of
from crawler.running.run_tally import RunTally
from crawler.settings import CrawlerSettings
from crawler.sites import named_sites, named_urls
from crawler.sources import LISTING_ROLES, Adapter, Follow, Page, Parsed, SourceDefinition, adapter_for
from crawler.sources.selector_hints import selector_hints
from crawler.sources.unrecognised_page import describe_page
from crawler.spiders.refreshed_page import REFRESHES
from crawler.visits.scrapy_settings import CAPTURE, DOWNLOADER_MIDDLEWARES, scrapy_settings
from storage.errors import SpillwatchError

#: In a request's meta: the page to fetch (a `Follow`), and what it is called in the result.
TRIED_PAGE = "spillwatch_trial"
_CHARSET = re.compile(r"charset=[\"']?([\w.:-]{2,40})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PageTrial:
    """The result for one page: it was `parsed`, or a `problem` prevented it.

    `what` is "list page", "listing" or "next page". `headers` have lower-case names; `cookies` are the names
    of the cookies that the page set. `hints` say which selectors found nothing and what the page has instead;
    they are not masked, and neither is `body`, the page as it was parsed.
    """

    what: str
    url: str
    status: int | None = None
    parsed: Parsed | None = None
    problem: SpillwatchError | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: frozenset[str] = frozenset()
    hints: tuple[str, ...] = ()
    body: bytes = b""
    content_type: str = ""


@dataclass(slots=True)
class Trial:
    """A visit without a row and without evidence."""

    settings: CrawlerSettings
    definition: SourceDefinition
    adapter: Adapter
    guard: Guard
    request_headers: RequestHeaders
    began: datetime
    clock: Callable[[], datetime]
    tally: RunTally = field(default_factory=RunTally)
    closed: FetchError | None = None
    not_before: datetime | None = None
    pauses: SitePauses = field(default_factory=SitePauses)
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    in_flight: set[asyncio.Timeout] = field(default_factory=set)
    results: list[PageTrial] = field(default_factory=list)

    @property
    def circuit(self) -> str:
        """A user name that no source has, so that nobody can link the trial to the runs."""
        return f"trial-{id(self)}"

    def closed_for(self, why: FetchError) -> FetchError:
        self.close(why)
        return self.closed or why

    def close(self, why: FetchError) -> None:
        self.closed = self.closed or why
        self.closing.set()


def try_pages(
    definition: SourceDefinition,
    *,
    settings: CrawlerSettings,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    adapter: Adapter | None = None,
) -> list[PageTrial]:
    """Fetch and parse the first list page, the first listing that it leads to, and the next list page.

    `adapter` replaces the definition's own one, and may lead to fewer pages. Raises an error that is no
    `FetchError`, because that is a defect.
    """
    key = secrets.token_bytes(32)
    trial = Trial(
        settings=settings,
        definition=definition,
        adapter=adapter
        or adapter_for(definition, digest=lambda text: blake2b(text.encode(), key=key).hexdigest()),
        guard=Guard.of(
            definition.allow_private_addresses,
            via=definition.via,
            tor_proxy=settings.tor_proxy,
            proxy=proxy_of(definition, settings),
            named=named_urls(definition),
        ),
        request_headers=RequestHeaders.of(
            settings,
            via=definition.via,
            changes=definition.headers,
            sites=named_sites(definition),
            jar=Jar(_pasted_cookies(definition), clock=clock),
        ),
        began=clock(),
        clock=clock,
    )
    middlewares = {name: at for name, at in DOWNLOADER_MIDDLEWARES.items() if name != CAPTURE}
    process = AsyncCrawlerProcess(
        scrapy_settings(trial)
        | {"DOWNLOADER_MIDDLEWARES_BASE": middlewares, "ITEM_PIPELINES": {}, "LOG_ENABLED": False}
    )
    for name in ("scrapy", "twisted", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    process.crawl(process.create_crawler(TrialSpider), run=trial)
    process.start(install_signal_handlers=False)
    return trial.results


def _pasted_cookies(definition: SourceDefinition) -> tuple[Cookie, ...]:
    return read_cookies(definition.cookies_file) if definition.cookies_file is not None else ()


def _cookies_set(response: Response) -> frozenset[str]:
    lines = (each.decode("latin-1") for each in response.headers.getlist("Set-Cookie"))
    return frozenset(line.partition("=")[0].strip() for line in lines)


class TrialSpider(Spider):
    """Requests three pages at most."""

    name = "trial"

    def __init__(self, run: Trial) -> None:
        super().__init__()
        self.run = run

    async def start(self) -> AsyncIterator[Request]:
        yield self._request_for(self.run.adapter.start({})[0], "list page")

    def _request_for(self, follow: Follow, what: str) -> Request:
        return Request(
            follow.url, self.read, errback=self.failed, meta={TRIED_PAGE: (follow, what)}, dont_filter=True
        )

    async def read(self, response: Response) -> AsyncIterator[Request]:
        follow, what = response.meta[TRIED_PAGE]
        result = self._result_of(response, follow, what)
        unrecognised = result.parsed is not None and not result.parsed.recognised
        target = refresh_target(response.body, url=response.url) if unrecognised else None
        led = response.meta.get(REFRESHES, 0) + 1
        if target is not None and led <= self.run.settings.redirects:
            meta = {**response.meta, REFRESHES: led}
            yield request_of(response).replace(url=target, meta=meta, dont_filter=True)
            return
        self.run.results.append(result)
        if result.parsed is None or what != "list page" or follow.role not in LISTING_ROLES:
            return
        if result.parsed.follows:
            yield self._request_for(result.parsed.follows[0], "listing")
        if result.parsed.next_page is not None:
            yield self._request_for(
                Follow(result.parsed.next_page, result.parsed.next_role or follow.role), "next page"
            )

    def _result_of(self, response: Response, follow: Follow, what: str) -> PageTrial:
        content_type = (response.headers.get("Content-Type") or b"").decode("latin-1")
        declared = _CHARSET.search(content_type)
        raw = raw_page(response, declared[1] if declared else None)
        if problem := status_problem(response, request_of(response)):
            wall = None if isinstance(problem, NotThere) else wall_of(raw)
            return PageTrial(what, response.url, response.status, problem=wall or problem)
        page = Page(
            url=response.url,
            body=response.body,
            role=follow.role,
            fetched_at=self.run.clock(),
            charset=declared[1] if declared else None,
            content_type=content_type,
            key=follow.key,
            partial=follow.partial,
        )
        try:
            with cpu_bound(self.run.settings.parse_cpu_s):
                parsed = self.run.adapter.parse(page)
        except SpillwatchError as refused:
            return PageTrial(what, response.url, response.status, problem=refused)
        if (wall := wall_of(raw, recognised=parsed.recognised)) is not None:
            return PageTrial(what, response.url, response.status, problem=wall)
        return PageTrial(
            what,
            response.url,
            response.status,
            parsed=parsed,
            headers=raw.headers,
            cookies=_cookies_set(response),
            hints=self._hints_for(page, parsed) if what != "next page" else (),
            body=response.body,
            content_type=content_type,
        )

    def _hints_for(self, page: Page, parsed: Parsed) -> tuple[str, ...]:
        source = self.run.definition
        clock = Clock.of(page.fetched_at, timezone=source.timezone, order=source.date_order)
        described = describe_page(page.body, role=page.role, charset=page.charset)
        said = "" if parsed.recognised else f"{described} {parsed.instead}".strip()
        try:
            with cpu_bound(self.run.settings.parse_cpu_s):
                hints = selector_hints(source, page, clock=clock, nowhere=parsed.next_nowhere)
        except SpillwatchError:
            hints = []  # a page that takes too long
        return (said, *hints) if said else tuple(hints)

    def failed(self, failure: Failure) -> None:
        """Record a page that did not come; any other error ends the trial."""
        if not isinstance(failure.value, FetchError):
            failure.raiseException()
        request: Any = failure.request  # type: ignore[attr-defined]  # Scrapy sets it
        self.run.results.append(PageTrial(request.meta[TRIED_PAGE][1], request.url, problem=failure.value))
