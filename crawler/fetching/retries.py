"""Retries, and the pauses that a site asks for."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from scrapy.downloadermiddlewares.retry import RetryMiddleware

from crawler.errors import ProxyLoginRefused, ProxyUnreachable, RateLimited, TorUnreachable
from crawler.fetching.guard import host_of
from crawler.fetching.visit import Visit, visit_of
from crawler.sites import site_of, sites_of_starts

if TYPE_CHECKING:
    from scrapy import Request, Spider
    from scrapy.http import Response

#: A mistaken or hostile "in a thousand years" must not silence a source for ever.
LONGEST_PAUSE = timedelta(days=1)
TOO_MANY_REQUESTS = 429
UNAVAILABLE = 503
FORBIDDEN = 403


class RetriesAndPauses(RetryMiddleware):
    """Scrapy's middleware for retries, which waits as long as a site asks.

    A site that asks for a pause longer than `retry_wait_s` is left alone. That closes the visit if no start
    is on another site.
    """

    def process_response(
        self, request: Request, response: Response, spider: Spider | None = None
    ) -> Request | Response:
        visit, site = visit_of(self.crawler), site_of(request.url)
        stated, unstated = _requested_pause(response)
        if stated is None and not unstated:
            if response.status not in (TOO_MANY_REQUESTS, UNAVAILABLE):
                visit.pauses.settle(request)
            return super().process_response(request, response)
        if (error := visit.pauses.error_of(site)) is not None:
            raise error.with_traceback(None)
        longest = visit.settings.retry_wait_s
        wait = visit.pauses.strike(request, stated_s=stated, longest_s=longest)
        again = self._retry(request, "asked to wait") if wait <= longest else None
        if again is not None:
            return again
        until = visit.clock() + timedelta(seconds=min(wait, LONGEST_PAUSE.total_seconds()))
        error = RateLimited(_pause_sentence(visit, request, wait, stated))
        error = visit.pauses.leave_alone(site, error, until)
        if (not_before := _rest_of_starts(visit)) is not None:
            visit.not_before = not_before
            raise visit.closed_for(error)
        raise error.with_traceback(None)

    def process_exception(
        self, request: Request, exception: Exception, spider: Spider | None = None
    ) -> Request | Response | None:
        if isinstance(exception, TorUnreachable | ProxyUnreachable | ProxyLoginRefused):
            raise visit_of(self.crawler).closed_for(exception) from None
        return super().process_exception(request, exception)


def _rest_of_starts(visit: Visit) -> datetime | None:
    """Return until when all sites of the source's starts are left alone; None if one may be asked."""
    pauses = {site.removeprefix("www."): until for site, until in visit.pauses.left_alone().items()}
    starts = {site.removeprefix("www.") for site in sites_of_starts(visit.definition.start)}
    return min(pauses[start] for start in starts) if starts <= pauses.keys() else None


def _pause_sentence(visit: Visit, request: Request, wait: float, stated: float | None) -> str:
    """Return whose wish the pause is: the site's, or ours because it does not say how long."""
    host = host_of(request)
    if stated is not None:
        return f"{host} asks for a pause of {_seconds_text(wait)}; nothing more was requested of it."
    strikes = visit.pauses.strikes(request.url)
    times = "429" if strikes == 1 else f"429 {strikes} times in a row"
    return (
        f"{host} answered {times} without saying how long to wait. Nothing more was requested of it, and "
        f"nothing will be for {_seconds_text(wait)}."
    )


def _requested_pause(response: Response) -> tuple[float | None, bool]:
    """Return the seconds that the site asks for, if it does, and whether it asks without saying how long.

    Interfaces with a limit per hour (GitHub's) ask with 403 as well.
    """
    stated = _header_text(response, "Retry-After")
    if not stated and response.status in (FORBIDDEN, TOO_MANY_REQUESTS) and _has_spent_limit(response):
        reset = _header_text(response, "X-RateLimit-Reset")
        known = re.fullmatch(r"\d{9,11}", reset) is not None
        return (max(0.0, float(reset) - datetime.now(UTC).timestamp()), False) if known else (None, True)
    asks = (TOO_MANY_REQUESTS, UNAVAILABLE, FORBIDDEN) if stated else (TOO_MANY_REQUESTS, UNAVAILABLE)
    if response.status not in asks:
        return None, False
    if not stated:
        return None, response.status == TOO_MANY_REQUESTS
    if stated.isdecimal():
        return float(stated), False
    try:
        until = parsedate_to_datetime(stated).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        # OverflowError: a date at the edge of the calendar, which has no equivalent in UTC.
        return None, True
    return max(0.0, (until - datetime.now(UTC)).total_seconds()), False


def _has_spent_limit(response: Response) -> bool:
    return _header_text(response, "X-RateLimit-Remaining") == "0"


def _header_text(response: Response, name: str) -> str:
    return (response.headers.get(name) or b"").decode("latin-1").strip()


def _seconds_text(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds >= 1 else f"{seconds:.1g} s"
