"""Redirects: followed as new requests, which pass the gate again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self
from urllib.parse import urljoin, urlsplit

from scrapy import Request
from scrapy.downloadermiddlewares.redirect import RedirectMiddleware
from scrapy.exceptions import IgnoreRequest

from crawler.errors import OnionLeft, SchemeRefused, TooManyRedirects, UrlRefused
from crawler.fetching.guard import SCHEMES, host_of, is_onion
from crawler.fetching.http_status import is_redirect

if TYPE_CHECKING:
    from scrapy import Spider
    from scrapy.crawler import Crawler
    from scrapy.http import Response


class Redirects(RedirectMiddleware):
    """Scrapy's middleware, which refuses a redirect to another scheme or out of Tor."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        # Scrapy's looks for the middleware that sets a Referer. We have none: we tell no site about another.
        middleware = cls(crawler.settings)
        middleware.crawler = crawler
        return middleware

    def process_response(
        self, request: Request, response: Response, spider: Spider | None = None
    ) -> Request | Response:
        if is_redirect(response):
            try:
                target = urljoin(request.url, (response.headers["Location"] or b"").decode("latin-1"))
                parts = urlsplit(target)
                host, _ = parts.hostname or "", parts.port  # each raises ValueError where it is impossible
            except ValueError as error:
                raise UrlRefused(f"{host_of(request)} redirects to an invalid URL.") from error
            if is_onion(host_of(request)) and not is_onion(host):
                raise OnionLeft(f"{host_of(request)} redirects out of Tor's network: not followed.")
            if parts.scheme not in SCHEMES:
                raise SchemeRefused(
                    f"{host_of(request)} redirects to a URL with the scheme {parts.scheme!r:.40}: only http "
                    "and https are followed."
                )
        try:
            onward = super().process_response(request, response)
        except ValueError as error:
            raise UrlRefused(f"{host_of(request)} redirects to an invalid URL.") from error
        except IgnoreRequest as error:
            raise TooManyRedirects(
                f"{host_of(request)} redirected more than {self.max_redirect_times} times in a row."
            ) from error
        if isinstance(onward, Request):
            # Scrapy would drop a redirect to a URL that was requested before, without calling us back.
            onward.dont_filter = True
        return onward
