"""The download of a text that belongs to a listing: an attachment, or a paste that it links to."""

from __future__ import annotations

import asyncio

from scrapy import Request
from scrapy.http.request import NO_CALLBACK

from crawler.errors import FetchError, Truncated, UrlRefused
from crawler.fetching.decompression import CUT
from crawler.fetching.http_status import status_problem
from crawler.fetching.routes.route import ATTACHMENT
from crawler.sources import Follow
from crawler.spiders.page_spider import ORIGIN, Origin, PageSpider
from crawler.storing.capture import CAPTURED, FOLLOW, Captured
from crawler.storing.spider_notes import FetchedText
from storage.captures import CaptureConclusion, CaptureOutcome
from text.charset import decode_page


async def download_text(
    spider: PageSpider, follow: Follow, origin: Origin | None
) -> FetchedText | FetchError:
    """Return the decoded text, or why it is missing; the request passes all downloader middlewares."""
    try:
        request = Request(
            follow.url,
            callback=NO_CALLBACK,
            meta={
                FOLLOW: follow,
                ORIGIN: origin,
                ATTACHMENT: True,
                "download_maxsize": spider.run.settings.attachment_limit,
            },
        )
        response = await spider.crawler.engine.download_async(request)
    except FetchError as error:
        return error
    except ValueError:
        return UrlRefused("An attachment has an invalid URL.")
    captured: Captured = response.meta[CAPTURED]
    if (problem := status_problem(response, request)) is not None:
        return problem
    if CUT in response.meta:
        return Truncated("An attachment ended before it was complete.")
    decoded = await asyncio.to_thread(decode_page, response.body, declared=captured.charset)
    spider.note(CaptureConclusion(captured.id, CaptureOutcome.PARSED, None, decoded.charset))
    return FetchedText(follow.url, decoded.text, captured, len(response.body))
