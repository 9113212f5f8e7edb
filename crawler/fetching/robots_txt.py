"""robots.txt: obeyed unless the source's file says otherwise. If it cannot be read, nothing is fetched (RFC
9309).

Scrapy's own middleware allows everything when robots.txt answers 500 or not at all. Here a 4xx means that
there is no robots.txt and everything is allowed; any other failure means that nothing is.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from protego import Protego
from scrapy import Request
from scrapy.http.request import NO_CALLBACK

from crawler.errors import (
    BudgetEnded,
    FetchError,
    FetchRefused,
    ProxyProblem,
    RateLimited,
    RobotsForbidden,
    RobotsUnreachable,
    RunStopped,
    TorProblem,
    TorUnreachable,
)
from crawler.fetching.routes.route import FIRST_BYTES
from crawler.fetching.visit import visit_of

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

#: In a request's meta: this is the request for robots.txt itself.
ROBOTS = "spillwatch_robots"
#: RFC 9309 requires at least 500 KiB to be read; rules beyond that are ignored.
MAX_ROBOTS_BYTES = 512 * 1024


class RobotsMiddleware:
    """Scrapy's downloader middleware; fetches one robots.txt per scheme, host and port, once per visit."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._obey = visit_of(crawler).definition.politeness.robots
        self._agent = str(crawler.settings["USER_AGENT"])
        self._rules: dict[str, asyncio.Task[Protego]] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        if not self._obey or ROBOTS in request.meta:
            return
        parts = urlsplit(request.url)
        site = f"{parts.scheme}://{parts.netloc}"
        if site not in self._rules:
            self._rules[site] = asyncio.ensure_future(self._fetch_rules(site))
        rules = await asyncio.shield(self._rules[site])
        if not rules.can_fetch(request.url, self._agent):
            raise RobotsForbidden(
                f"The robots.txt of {parts.hostname} does not allow this page to be fetched. If you are "
                "permitted to fetch it, set politeness.robots = false in the source's file."
            )

    async def _fetch_rules(self, site: str) -> Protego:
        host = urlsplit(site).hostname
        meta = {ROBOTS: True, FIRST_BYTES: MAX_ROBOTS_BYTES}
        request = Request(f"{site}/robots.txt", callback=NO_CALLBACK, priority=1000, meta=meta)
        try:
            response = await self._crawler.engine.download_async(request)
        except (
            *(FetchRefused, BudgetEnded, RunStopped, RateLimited),
            *(TorUnreachable, TorProblem, ProxyProblem),
        ):
            # Each of these says more than "robots.txt could not be read".
            raise
        except FetchError as error:
            raise RobotsUnreachable(
                f"The robots.txt of {host} could not be read, so nothing was requested: {error}"
            ) from error
        if (
            response.status >= HTTPStatus.INTERNAL_SERVER_ERROR
            or response.status == HTTPStatus.TOO_MANY_REQUESTS
        ):
            raise RobotsUnreachable(
                f"The robots.txt of {host} answered {response.status}, so nothing was requested."
            )
        found = response.status == HTTPStatus.OK
        return Protego.parse(_first_rules(response.body) if found else "")


def _first_rules(body: bytes) -> str:
    """Return the lines of the first 500 KiB; half a line would be another rule."""
    if len(body) >= MAX_ROBOTS_BYTES:
        body = body[:MAX_ROBOTS_BYTES].rpartition(b"\n")[0]
    return body.decode("utf-8", "replace")
