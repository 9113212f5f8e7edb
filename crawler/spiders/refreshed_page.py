"""An unrecognised page that leads to another one by `<meta http-equiv="refresh">`, as a redirect does."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.http import Response

from crawler.errors import FetchError, OnionLeft, TooManyRedirects, UrlRefused
from crawler.fetching.guard import is_onion
from crawler.fetching.http_status import request_of
from crawler.fetching.meta_refresh import refresh_target
from crawler.parsing.page_parsing import PageResult
from crawler.spiders.page_spider import PageSpider
from crawler.storing.capture import CAPTURED, Captured
from storage.captures import CaptureConclusion, CaptureOutcome

#: In a request's meta: how many pages led to it in this way.
REFRESHES = "spillwatch_refreshes"
#: Reason of the capture of a page that only led to another one.
META_REFRESH = "meta_refresh"


def follow_refresh(
    spider: PageSpider, response: Response, result: PageResult
) -> tuple[PageResult, Request | None]:
    """Return the result, and the request for the page that an unrecognised page leads to, if it does."""
    captured: Captured = response.meta[CAPTURED]
    if result.problem is not None or result.refused is not None or result.parsed is not None:
        return result, None
    target = refresh_target(response.body, url=response.url, charset=captured.charset)
    if target is None:
        return result, None
    request = request_of(response)
    led = request.meta.get(REFRESHES, 0) + 1
    try:
        _check_target(response.url, target, led=led, longest=spider.run.settings.redirects)
        urls = [*request.meta.get("redirect_urls", []), request.url]
        meta = {**request.meta, REFRESHES: led, "redirect_urls": urls}
        onward = request.replace(url=target, meta=meta, dont_filter=True)
    except ValueError:
        return _refused(captured, UrlRefused("A page leads to an invalid URL.")), None
    except FetchError as error:
        return _refused(captured, error), None
    conclusion = CaptureConclusion(captured.id, CaptureOutcome.NOT_RECOGNISED, META_REFRESH)
    return replace(result, conclusion=conclusion), onward


def _check_target(url: str, target: str, *, led: int, longest: int) -> None:
    host = urlsplit(url).hostname or ""
    if led > longest:
        raise TooManyRedirects(f"{host} led from page to page more than {longest} times in a row.")
    if is_onion(host) and not is_onion(urlsplit(target).hostname or ""):
        raise OnionLeft(f"{host} leads out of Tor's network: not followed.")


def _refused(captured: Captured, error: FetchError) -> PageResult:
    conclusion = CaptureConclusion(captured.id, CaptureOutcome.FAILED, error.reason)
    return PageResult(problem=error, conclusion=conclusion)
