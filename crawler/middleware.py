"""Scrapy's middlewares for redirects, compression and retries, whose ends are told as our errors."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Self
from urllib.parse import urljoin, urlsplit

from scrapy import Request
from scrapy.downloadermiddlewares.httpcompression import HttpCompressionMiddleware
from scrapy.downloadermiddlewares.redirect import RedirectMiddleware
from scrapy.downloadermiddlewares.retry import RetryMiddleware
from scrapy.exceptions import IgnoreRequest

from crawler.context import run_of
from crawler.errors import (
    BadEncoding,
    DecompressedTooLarge,
    OnionLeft,
    RateLimited,
    SchemeRefused,
    TooManyRedirects,
    TorUnreachable,
)
from crawler.gate import Gate
from crawler.guard import MAX_ENCODINGS, SCHEMES, is_onion
from crawler.route import host_of

if TYPE_CHECKING:
    from scrapy import Spider
    from scrapy.crawler import Crawler
    from scrapy.http import Response

#: What a site that says 429 and not for how long is given.
DEFAULT_WAIT_S = 10.0
TOO_MANY_REQUESTS = 429
UNAVAILABLE = 503
FORBIDDEN = 403
REDIRECTS = frozenset({301, 302, 303, 307, 308})


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
        location = response.headers.get("Location")
        if response.status in REDIRECTS and location:
            target = urljoin(request.url, location.decode("latin-1"))
            if is_onion(host_of(request)) and not is_onion(urlsplit(target).hostname or ""):
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

    def process_response(
        self, request: Request, response: Response, spider: Spider | None = None
    ) -> Request | Response:
        wait = _asked_for(response)
        if wait is None:
            return super().process_response(request, response)
        run = run_of(self.crawler)
        gate = self.crawler.get_downloader_middleware(Gate)
        again = self._retry(request, "asked to wait") if wait <= run.job.settings.retry_wait_s else None
        if again is not None and gate is not None:
            gate.hold(wait)
            return again
        told = f"{host_of(request)} asks for a pause of {wait:.0f} s; nothing more was asked for."
        raise run.closed_for(RateLimited(told))

    def process_exception(
        self, request: Request, exception: Exception, spider: Spider | None = None
    ) -> Request | Response | None:
        if isinstance(exception, TorUnreachable):
            raise run_of(self.crawler).closed_for(exception) from None
        return super().process_exception(request, exception)


def _asked_for(response: Response) -> float | None:
    """Seconds to wait; None: the site did not ask. GitHub's API asks with 403 as well."""
    told = _header(response, "Retry-After")
    if response.status in (TOO_MANY_REQUESTS, FORBIDDEN) and not told:
        if _header(response, "X-RateLimit-Remaining") == "0":
            return _until_reset(response)
        return DEFAULT_WAIT_S if response.status == TOO_MANY_REQUESTS else None
    if response.status not in (TOO_MANY_REQUESTS, UNAVAILABLE, FORBIDDEN) or not told:
        return None
    if told.isdecimal():
        return float(told)
    try:
        until = parsedate_to_datetime(told).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        # The last one is of a date that only its own time zone still has room for.
        return DEFAULT_WAIT_S
    return max(0.0, (until - datetime.now(UTC)).total_seconds())


def _until_reset(response: Response) -> float:
    """What is left of an API's hour, as X-RateLimit-Reset (seconds since 1970) says."""
    reset = _header(response, "X-RateLimit-Reset")
    if not re.fullmatch(r"\d{9,11}", reset):
        return DEFAULT_WAIT_S
    return max(DEFAULT_WAIT_S, float(reset) - datetime.now(UTC).timestamp())


def _header(response: Response, name: str) -> str:
    return (response.headers.get(name) or b"").decode("latin-1").strip()
