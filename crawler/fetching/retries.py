"""Retries, and the pauses that a site asks for."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from scrapy.downloadermiddlewares.retry import RetryMiddleware

from crawler.errors import RateLimited, TorUnreachable
from crawler.fetching.guard import host_of
from crawler.fetching.request_gate import RequestGate
from crawler.fetching.visit import visit_of

if TYPE_CHECKING:
    from scrapy import Request, Spider
    from scrapy.http import Response

#: The first pause for a site that answers 429 and does not say how long; doubled each time after.
DEFAULT_WAIT_S = 10.0
#: The same as a share of the longest allowed pause, if that is short.
FIRST_SHARE = 1 / 3
#: A mistaken or hostile "in a thousand years" must not silence a source for ever.
LONGEST_PAUSE = timedelta(days=1)
TOO_MANY_REQUESTS = 429
UNAVAILABLE = 503
FORBIDDEN = 403


class RetriesAndPauses(RetryMiddleware):
    """Scrapy's middleware for retries, which waits as long as a site asks.

    A pause that is longer than `retry_wait_s` closes the visit.
    """

    #: How often in a row a site asked for a pause and did not say how long.
    _unstated_pauses = 0

    def process_response(
        self, request: Request, response: Response, spider: Spider | None = None
    ) -> Request | Response:
        visit = visit_of(self.crawler)
        wait = self._pause_s(response, longest_s=visit.settings.retry_wait_s)
        if wait is None:
            return super().process_response(request, response)
        gate = self.crawler.get_downloader_middleware(RequestGate)
        again = self._retry(request, "asked to wait") if wait <= visit.settings.retry_wait_s else None
        if again is not None and gate is not None:
            gate.hold(wait)
            return again
        visit.not_before = visit.clock() + timedelta(seconds=min(wait, LONGEST_PAUSE.total_seconds()))
        message = f"{host_of(request)} asks for a pause of {_seconds_text(wait)}; nothing more was requested."
        raise visit.closed_for(RateLimited(message))

    def _pause_s(self, response: Response, *, longest_s: float) -> float | None:
        """Return the seconds to wait, as the site says or longer each time it does not; None: no pause."""
        if response.status not in (TOO_MANY_REQUESTS, UNAVAILABLE):
            self._unstated_pauses = 0
        stated, unstated = _requested_pause(response)
        if not unstated:
            return stated
        self._unstated_pauses += 1
        return min(DEFAULT_WAIT_S, FIRST_SHARE * longest_s) * 2.0 ** (self._unstated_pauses - 1)

    def process_exception(
        self, request: Request, exception: Exception, spider: Spider | None = None
    ) -> Request | Response | None:
        if isinstance(exception, TorUnreachable):
            raise visit_of(self.crawler).closed_for(exception) from None
        return super().process_exception(request, exception)


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
