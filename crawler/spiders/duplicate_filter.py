"""Scrapy's filter of requests, in 12 bytes per request instead of 50 and more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from scrapy.dupefilters import BaseDupeFilter

from crawler.progress.key_set import KeySet

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler


class DuplicateFilter(BaseDupeFilter):
    """Drops a request for a URL that was requested before in this run, except one with `dont_filter`."""

    def __init__(self, crawler: Crawler) -> None:
        assert crawler.request_fingerprinter is not None
        self._fingerprint = crawler.request_fingerprinter.fingerprint
        self._requested = KeySet()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def request_seen(self, request: Request) -> bool:
        return not self._requested.add(self._fingerprint(request).hex())
