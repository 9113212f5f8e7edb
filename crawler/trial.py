"""A look at a source before it is watched: its first list page, one listing, the next list page.

The same guard, way out, robots.txt and politeness as in a run; nothing is written anywhere.
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
from typing import Any, cast

from scrapy import Request, Spider
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.http import Response
from twisted.python.failure import Failure

from crawler.answers import problem_with
from crawler.context import RunContext
from crawler.cookies import Cookie, Jar, read_cookies
from crawler.errors import FetchError, NotThere
from crawler.guard import Guard
from crawler.parsing import answer_of
from crawler.presentation import Presentation
from crawler.run import DOWNLOADER_MIDDLEWARES, scrapy_settings
from crawler.settings import CrawlerSettings
from crawler.sites import named_sites
from crawler.sources import LISTING_ROLES, Adapter, Follow, Page, Parsed, SourceDefinition, adapter_for
from crawler.tally import RunTally
from crawler.walls import wall
from crawler.watchdog import cpu_bound
from storage.errors import SpillwatchError

FOLLOW = "spillwatch_trial"
_CHARSET = re.compile(r"charset=[\"']?([\w.:-]{2,40})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PageTrial:
    """What came of one page: it was read (`parsed`), or why not (`problem`).

    `headers` by their lower-case names; `cookies` are the names of those that it set.
    """

    what: str
    url: str
    status: int | None = None
    parsed: Parsed | None = None
    problem: SpillwatchError | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Settings:
    settings: CrawlerSettings


@dataclass(slots=True)
class Trial:
    """Stands where a `RunContext` does, for the components that fetch; it has no row and no evidence."""

    job: _Settings
    definition: SourceDefinition
    adapter: Adapter
    guard: Guard
    presentation: Presentation
    began: datetime
    clock: Callable[[], datetime]
    tally: RunTally = field(default_factory=RunTally)
    closed: FetchError | None = None
    not_before: datetime | None = None
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    in_flight: set[asyncio.Timeout] = field(default_factory=set)
    looks: list[PageTrial] = field(default_factory=list)

    @property
    def circuit(self) -> str:
        """Of no source's: a look leads nobody to the runs."""
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
    """Fetch and parse: the first list page, the first listing it leads to, and the next list page.

    An `adapter` other than the definition's own may want fewer.
    """
    key = secrets.token_bytes(32)
    trial = Trial(
        job=_Settings(settings),
        definition=definition,
        adapter=adapter
        or adapter_for(definition, digest=lambda text: blake2b(text.encode(), key=key).hexdigest()),
        guard=Guard.of(definition.allow_private_addresses, via=definition.via, tor_proxy=settings.tor_proxy),
        presentation=Presentation.of(
            settings,
            via=definition.via,
            changes=definition.headers,
            sites=named_sites(definition),
            jar=Jar(_cookies(definition), clock=clock),
        ),
        began=clock(),
        clock=clock,
    )
    middlewares = {name: at for name, at in DOWNLOADER_MIDDLEWARES.items() if not name.endswith(".CaptureMiddleware")}
    process = AsyncCrawlerProcess(
        scrapy_settings(cast(RunContext, trial))
        | {"DOWNLOADER_MIDDLEWARES_BASE": middlewares, "ITEM_PIPELINES": {}, "LOG_ENABLED": False}
    )
    for name in ("scrapy", "twisted", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    process.crawl(process.create_crawler(TrialSpider), run=trial)
    process.start(install_signal_handlers=False)
    return trial.looks


def _cookies(definition: SourceDefinition) -> tuple[Cookie, ...]:
    return read_cookies(definition.cookies_file) if definition.cookies_file is not None else ()


def _cookies_set(response: Response) -> frozenset[str]:
    said = (each.decode("latin-1") for each in response.headers.getlist("Set-Cookie"))
    return frozenset(each.partition("=")[0].strip() for each in said)


class TrialSpider(Spider):
    """Three pages at most."""

    name = "trial"

    def __init__(self, run: Trial) -> None:
        super().__init__()
        self.run = run

    async def start(self) -> AsyncIterator[Request]:
        yield self._request(self.run.adapter.start({})[0], "list page")

    def _request(self, follow: Follow, what: str) -> Request:
        return Request(
            follow.url, self.read, errback=self.failed, meta={FOLLOW: (follow, what)}, dont_filter=True
        )

    async def read(self, response: Response) -> AsyncIterator[Request]:
        follow, what = response.meta[FOLLOW]
        seen = self._seen(response, follow, what)
        self.run.looks.append(seen)
        if seen.parsed is None or what != "list page" or follow.role not in LISTING_ROLES:
            return
        if seen.parsed.follows:
            yield self._request(seen.parsed.follows[0], "listing")
        if seen.parsed.next_page is not None:
            yield self._request(
                Follow(seen.parsed.next_page, seen.parsed.next_role or follow.role), "next page"
            )

    def _seen(self, response: Response, follow: Follow, what: str) -> PageTrial:
        content_type = (response.headers.get("Content-Type") or b"").decode("latin-1")
        declared = _CHARSET.search(content_type)
        answer = answer_of(response, declared[1] if declared else None)
        if problem := problem_with(response):
            shown = None if isinstance(problem, NotThere) else wall(answer)
            return PageTrial(what, response.url, response.status, problem=shown or problem)
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
            with cpu_bound(self.run.job.settings.parse_cpu_s):
                parsed = self.run.adapter.parse(page)
        except SpillwatchError as refused:
            return PageTrial(what, response.url, response.status, problem=refused)
        if (shown := wall(answer, recognised=parsed.recognised)) is not None:
            return PageTrial(what, response.url, response.status, problem=shown)
        return PageTrial(
            what,
            response.url,
            response.status,
            parsed=parsed,
            headers=answer.headers,
            cookies=_cookies_set(response),
        )

    def failed(self, failure: Failure) -> None:
        """What is no `FetchError` is a defect, and comes out of `try_pages`."""
        if not isinstance(failure.value, FetchError):
            failure.raiseException()
        request = cast(Any, failure).request
        self.run.looks.append(PageTrial(request.meta[FOLLOW][1], request.url, problem=failure.value))
