"""`python -m benchmarks.bare_spider START CONCURRENCY`: a plain Scrapy spider for the benchmark's pages."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import scrapy
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.http import Response

SELECTORS = {
    "title": "h1::text",
    "price": "span.price::text",
    "seller": "a.seller::text",
    "claimed_records": "span.records::text",
    "posted_at": "time::attr(datetime)",
    "body": "div.description ::text",
    "sample": "pre.sample::text",
}


class Bare(scrapy.Spider):
    name = "bare"

    async def start(self) -> AsyncIterator[scrapy.Request]:
        yield scrapy.Request(sys.argv[1])

    def parse(self, response: Response, **kwargs: Any) -> Iterator[scrapy.Request]:  # noqa: ANN401 - Scrapy's
        for row in response.css("tr.row"):
            from_list = {"title": row.css("a::text").get(), "price": row.css("td.price::text").get()}
            yield response.follow(row.css("a::attr(href)").get(""), self.offer, cb_kwargs=from_list)
        for link in response.css("a[rel=next]::attr(href)").getall():
            yield response.follow(link)

    def offer(self, response: Response, **from_list: str | None) -> Iterator[dict[str, object]]:
        yield from_list | {name: response.css(selector).getall() for name, selector in SELECTORS.items()}


def main() -> None:
    process = AsyncCrawlerProcess(
        {
            "LOG_LEVEL": "WARNING",
            "TELNETCONSOLE_ENABLED": False,
            "REMOTE_CONTROL_ENABLED": False,
            "ROBOTSTXT_OBEY": True,
            "CONCURRENT_REQUESTS": int(sys.argv[2]),
            "CONCURRENT_REQUESTS_PER_DOMAIN": int(sys.argv[2]),
        }
    )
    process.crawl(Bare)
    process.start()


if __name__ == "__main__":
    main()
