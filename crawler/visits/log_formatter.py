"""What Scrapy logs about pages and listings: nothing that would quote them."""

from __future__ import annotations

import logging

from scrapy import Request, Spider
from scrapy.http import Response
from scrapy.logformatter import LogFormatter, LogFormatterResult
from twisted.python.failure import Failure


class QuietFormatter(LogFormatter):
    """Logs errors only. Every page and every listing is a row, and a log line would add only its URL."""

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
        return _error_line("A listing could not be stored", exception)

    def spider_error(
        self, failure: Failure, request: Request, response: object, spider: Spider
    ) -> LogFormatterResult:
        return _error_line("A page could not be processed", failure.value)

    def download_error(
        self, failure: Failure, request: Request, spider: Spider, errmsg: str | None = None
    ) -> LogFormatterResult:
        return _error_line("A page could not be fetched", failure.value)


def _error_line(message: str, error: BaseException | None) -> LogFormatterResult:
    """Return a line with the error's type; its message may quote a page."""
    return {"level": logging.ERROR, "msg": "%s: %s", "args": (message, type(error).__name__)}
