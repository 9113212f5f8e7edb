"""Scrapy's middlewares for redirects, compression and retries, whose ends are told as our errors."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Self
from urllib.parse import urljoin, urlsplit

from scrapy import Request
from scrapy.downloadermiddlewares.httpcompression import HttpCompressionMiddleware
from scrapy.downloadermiddlewares.redirect import RedirectMiddleware
from scrapy.downloadermiddlewares.retry import RetryMiddleware
from scrapy.exceptions import IgnoreRequest

from crawler.answers import redirects
from crawler.context import run_of
from crawler.errors import (
    BadEncoding,
    DecompressedTooLarge,
    OnionLeft,
    RateLimited,
    SchemeRefused,
    TooManyRedirects,
    TorUnreachable,
    UrlRefused,
)
from crawler.gate import Gate
from crawler.guard import MAX_ENCODINGS, SCHEMES, is_onion
from crawler.route import host_of
from crawler.sites import LONGEST_PAUSE

if TYPE_CHECKING:
    from scrapy import Spider
    from scrapy.crawler import Crawler
    from scrapy.http import Response

#: What a site that says 429 and not for how long is given at first; twice as much each time after.
DEFAULT_WAIT_S = 10.0
#: Of the longest wait that is allowed, if that is short.
FIRST_SHARE = 1 / 3
TOO_MANY_REQUESTS = 429
UNAVAILABLE = 503
FORBIDDEN = 403


class Redirects(RedirectMiddleware):
    """Follows redirects as new requests, which pass the gate again; one to another scheme is refused here."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        # Scrapy's looks for the middleware that sets a Referer, which there is none of: we tell no site
        # about another.
        middleware = cls(crawler.settings)
        middleware.crawler = crawler
        return middleware

    def process_response(
        self, request: Request, response: Response, spider: Spider | None = None
    ) -> Request | Response:
        if redirects(response):
            try:
                target = urljoin(request.url, (response.headers["Location"] or b"").decode("latin-1"))
                host = urlsplit(target).hostname or ""
            except ValueError as error:
                raise UrlRefused(f"{host_of(request)} redirects to what is no address.") from error
            if is_onion(host_of(request)) and not is_onion(host):
                raise OnionLeft(f"{host_of(request)} redirects out of Tor's own network: not followed.")
            if urlsplit(target).scheme not in SCHEMES:
                raise SchemeRefused(
                    f"{host_of(request)} redirects to an address with the scheme "
                    f"{urlsplit(target).scheme!r:.40}: "
                    "only http and https are followed."
                )
        try:
            onward = super().process_response(request, response)
        except IgnoreRequest as error:
            raise TooManyRedirects(
                f"{host_of(request)} redirected more than {self.max_redirect_times} times in a row."
            ) from error
        if isinstance(onward, Request):
            # Scrapy would drop one to an address that was asked for, and its page would never be heard of.
            onward.dont_filter = True
        return onward


class Decompression(HttpCompressionMiddleware):
    """Undoes gzip, deflate, br and zstd within the same limit as the bytes received."""

    def process_response(
        self, request: Request, response: Response, spider: Spider | None = None
    ) -> Request | Response:
        layers = b",".join(response.headers.getlist("Content-Encoding")).count(b",") + 1
        if layers > MAX_ENCODINGS:
            raise BadEncoding(
                f"{host_of(request)} compressed its answer {layers} times over; at most "
                f"{MAX_ENCODINGS} are undone."
            )
        try:
            return super().process_response(request, response)
        except IgnoreRequest as error:
            raise DecompressedTooLarge(
                f"{host_of(request)} sent {len(response.body)} bytes that decompress to more than the limit."
            ) from error
        except MemoryError:
            raise
        except Exception as error:
            # Each codec has errors of its own (zlib.error, EOFError, brotli.error, ZstdError, ...).
            raise BadEncoding(f"{host_of(request)} sent an answer whose compression is broken.") from error


class Patience(RetryMiddleware):
    """Retries what may pass, and waits as long as a site asks; a wait beyond the limit ends the visit."""

    #: How often in a row a site asked for a pause and did not say how long.
    _unsaid = 0

    def process_response(
        self, request: Request, response: Response, spider: Spider | None = None
    ) -> Request | Response:
        run = run_of(self.crawler)
        wait = self._wait(response, longest_s=run.job.settings.retry_wait_s)
        if wait is None:
            return super().process_response(request, response)
        gate = self.crawler.get_downloader_middleware(Gate)
        again = self._retry(request, "asked to wait") if wait <= run.job.settings.retry_wait_s else None
        if again is not None and gate is not None:
            gate.hold(wait)
            return again
        run.not_before = run.clock() + timedelta(seconds=min(wait, LONGEST_PAUSE.total_seconds()))
        told = f"{host_of(request)} asks for a pause of {_told(wait)}; nothing more was asked for."
        raise run.closed_for(RateLimited(told))

    def _wait(self, response: Response, *, longest_s: float) -> float | None:
        """Seconds to wait: what the site asks for, or more each time it does not say; None: not at all."""
        if response.status not in (TOO_MANY_REQUESTS, UNAVAILABLE):
            self._unsaid = 0
        asked, unsaid = _asked_for(response)
        if not unsaid:
            return asked
        self._unsaid += 1
        return min(DEFAULT_WAIT_S, FIRST_SHARE * longest_s) * 2.0 ** (self._unsaid - 1)

    def process_exception(
        self, request: Request, exception: Exception, spider: Spider | None = None
    ) -> Request | Response | None:
        if isinstance(exception, TorUnreachable):
            raise run_of(self.crawler).closed_for(exception) from None
        return super().process_exception(request, exception)


def _asked_for(response: Response) -> tuple[float | None, bool]:
    """Seconds that the site asks for, if it does; and whether it wants a pause, but says not how long.

    Interfaces with a limit an hour (GitHub's) ask with 403 as well.
    """
    told = _header(response, "Retry-After")
    if not told and response.status in (FORBIDDEN, TOO_MANY_REQUESTS) and _is_used_up(response):
        reset = _header(response, "X-RateLimit-Reset")
        known = re.fullmatch(r"\d{9,11}", reset) is not None
        return (max(0.0, float(reset) - datetime.now(UTC).timestamp()), False) if known else (None, True)
    asks = (TOO_MANY_REQUESTS, UNAVAILABLE, FORBIDDEN) if told else (TOO_MANY_REQUESTS, UNAVAILABLE)
    if response.status not in asks:
        return None, False
    if not told:
        return None, response.status == TOO_MANY_REQUESTS
    if told.isdecimal():
        return float(told), False
    try:
        until = parsedate_to_datetime(told).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        # The last one is of a date that only its own time zone still has room for.
        return None, True
    return max(0.0, (until - datetime.now(UTC)).total_seconds()), False


def _is_used_up(response: Response) -> bool:
    return _header(response, "X-RateLimit-Remaining") == "0"


def _header(response: Response, name: str) -> str:
    return (response.headers.get(name) or b"").decode("latin-1").strip()


def _told(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds >= 1 else f"{seconds:.1g} s"
