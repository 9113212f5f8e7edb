"""Scrapy's settings for a visit: its unsafe defaults are off, and our components take their places."""

from __future__ import annotations

import logging
from copy import copy
from functools import cache
from typing import Any, Self

from scrapy.settings import Settings, SettingsAttribute
from twisted.python.log import PythonLoggingObserver

from crawler.fetching.visit import Visit

#: The only extension. All others are off by default here, above all those that listen on a port.
EXTENSIONS = ("scrapy.extensions.throttle.AutoThrottle",)
CAPTURE = "crawler.storing.capture.CaptureMiddleware"
#: In the order in which a request passes them; a response passes them in the opposite order.
DOWNLOADER_MIDDLEWARES = {
    "crawler.fetching.request_gate.RequestGate": 10,
    "crawler.fetching.robots_txt.RobotsMiddleware": 100,
    "crawler.fetching.api_token.ApiTokenMiddleware": 520,
    "crawler.fetching.retries.RetriesAndPauses": 550,
    "crawler.fetching.decompression.Decompression": 590,
    "crawler.fetching.redirects.Redirects": 595,
    CAPTURE: 600,
}
PAGE_ROUTE = "crawler.fetching.routes.page_route.AiohttpRoute"
#: Kinds with a route of their own; through Tor, all kinds use the same one.
ROUTES = {"json": "crawler.fetching.routes.json_route.HttpxRoute"}
RETRIED_ERRORS = tuple(
    f"crawler.errors.{name}"
    for name in (
        *("HostNotFound", "ConnectionRefused", "ConnectionLost", "TimedOut", "Truncated"),
        *("TorFailed", "TorTimedOut", "OnionSilent", "OnionPortClosed"),
        *("ProxyFailed", "ProxyTimedOut"),
    )
)
START = "scrapy.spidermiddlewares.start.StartSpiderMiddleware"
DUPLICATES = "crawler.spiders.duplicate_filter.DuplicateFilter"
PIPELINE = "crawler.storing.listing_pipeline.ListingPipeline"
FORMATTER = "crawler.visits.log_formatter.QuietFormatter"
#: What else Scrapy imports by its name.
NAMED_COMPONENTS = (START, DUPLICATES, PIPELINE, FORMATTER)
AUTOTHROTTLE_MAX_DELAY_S = 60.0
#: Scrapy has handlers for these schemes that read files, open FTP connections or decode URLs.
REFUSED_SCHEMES = ("data", "file", "ftp", "s3")


class VisitSettings(Settings):
    """The settings of a visit.

    Scrapy reads all of its 600 defaults and copies all settings twice, which takes a quarter of the time of a
    visit that finds nothing. Here the defaults are read once, and a copy shares the values, of which none
    changes.
    """

    def copy(self) -> Self:
        twin = copy(self)
        twin.attributes = {
            name: SettingsAttribute(each.value, each.priority) for name, each in self.attributes.items()
        }
        return twin


@cache
def default_settings_of_visits() -> VisitSettings:
    return VisitSettings()


@cache
def quiet_libraries() -> None:
    """Log Python's warnings and Twisted's errors, and nothing below a warning: Scrapy's lines hold URLs.

    A second call, in the same process or a fork of it, does nothing: Twisted would log each error twice.
    """
    logging.captureWarnings(True)
    if logging.root.manager.disable < logging.INFO:  # setting it takes a look at each logger
        logging.disable(logging.INFO)
    PythonLoggingObserver("twisted").start()  # type: ignore[no-untyped-call]  # Twisted has no types here
    logging.getLogger("twisted").setLevel(logging.ERROR)


def scrapy_settings(visit: Visit, *, route: str | None = None) -> dict[str, Any]:
    """Return Scrapy's settings. All settings that are missing here have a default that was checked.

    `route`: the name of the class of the way out, unless it is the one of the source's kind.
    """
    ours, politeness = visit.settings, visit.definition.politeness
    direct = ROUTES.get(visit.definition.kind, PAGE_ROUTE)
    route = route or (PAGE_ROUTE if visit.definition.via == "tor" else direct)
    return {
        "TWISTED_REACTOR_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
        "TELNETCONSOLE_ENABLED": False,
        "EXTENSIONS_BASE": dict.fromkeys(EXTENSIONS, 0),
        "SPIDER_MIDDLEWARES_BASE": {START: 25},
        "DOWNLOADER_MIDDLEWARES_BASE": DOWNLOADER_MIDDLEWARES,
        # Scrapy creates this many tasks per page (100 by default); our pipeline never blocks.
        "CONCURRENT_ITEMS": 1,
        "DUPEFILTER_CLASS": DUPLICATES,
        "ITEM_PIPELINES": {PIPELINE: 300},
        # Not DOWNLOAD_HANDLERS_BASE: without a reactor, Scrapy puts its own handlers there.
        "DOWNLOAD_HANDLERS": {"http": route, "https": route, **dict.fromkeys(REFUSED_SCHEMES)},
        "LOG_INSTALL_ROOT_HANDLER": False,
        "LOG_VERSIONS": [],
        "LOG_FORMATTER": FORMATTER,
        "STATS_DUMP": False,
        "DOWNLOADER_STATS": False,
        # robots.txt is read for this name; the header that is sent comes from `RequestHeaders`.
        "USER_AGENT": ours.user_agent,
        "DOWNLOAD_TIMEOUT": ours.request_timeout_s,
        "DOWNLOAD_MAXSIZE": ours.response_limit,
        "DOWNLOAD_WARNSIZE": 0,
        "DOWNLOAD_DELAY": politeness.delay_s,
        # The site gets `concurrency` requests at a time; as many responses again may be on their way to disk.
        "CONCURRENT_REQUESTS": 2 * politeness.concurrency,
        "CONCURRENT_REQUESTS_PER_DOMAIN": politeness.concurrency,
        "AUTOTHROTTLE_ENABLED": ours.autothrottle,
        "AUTOTHROTTLE_START_DELAY": politeness.delay_s,
        "AUTOTHROTTLE_MAX_DELAY": max(AUTOTHROTTLE_MAX_DELAY_S, politeness.delay_s),
        "AUTOTHROTTLE_TARGET_CONCURRENCY": politeness.concurrency,
        "REDIRECT_MAX_TIMES": ours.redirects,
        "RETRY_TIMES": ours.retries,
        "RETRY_EXCEPTIONS": list(RETRIED_ERRORS),
        "RETRY_HTTP_CODES": [500, 502, 503, 504, 522, 524, 408],
        "RETRY_GIVE_UP_LOG_LEVEL": "DEBUG",
    }
