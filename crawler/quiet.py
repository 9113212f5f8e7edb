"""What Scrapy logs about pages and listings: nothing that it would quote."""

from __future__ import annotations

import logging

from scrapy import Request, Spider
from scrapy.http import Response
from scrapy.logformatter import LogFormatter, LogFormatterResult
from twisted.python.failure import Failure


def _error(what: str, error: BaseException | None) -> LogFormatterResult:
    return {"level": logging.ERROR, "msg": "%s: %s", "args": (what, type(error).__name__)}


class QuietFormatter(LogFormatter):
    """Every page and every listing is a row; a log line a page would only repeat it, with its address."""

    def crawled(self, request: Request, response: Response, spider: Spider) -> None:  # type: ignore[override]  # None: no line
        return None

    def scraped(self, item: object, response: object, spider: Spider) -> None:  # type: ignore[override]  # None: no line
        return None

    def dropped(  # type: ignore[override]  # None: no line
        self, item: object, exception: BaseException, response: object, spider: Spider
    ) -> None:
        return None

    def item_error(
        self, item: object, exception: BaseException, response: object, spider: Spider
    ) -> LogFormatterResult:
        return _error("A listing could not be stored", exception)

    def spider_error(
        self, failure: Failure, request: Request, response: object, spider: Spider
    ) -> LogFormatterResult:
        return _error("A page could not be dealt with", failure.value)

    def download_error(
        self, failure: Failure, request: Request, spider: Spider, errmsg: str | None = None
    ) -> LogFormatterResult:
        return _error("A page could not be fetched", failure.value)
