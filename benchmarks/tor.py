"""Pages per second of our pipeline, directly and through a private Tor network, beside two peers.

The peers are a bare Scrapy spider, and a bare loop of aiohttp through the same Tor. All read the same site (a
list and pages of 40 KB, in a process of its own) with eight requests at a time. Seconds are wall-clock; the
rate subtracts the time of a run over three pages. Tor is real, six processes on loopback: there is no network
between them, and they share this machine's processors with us.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import structlog

from benchmarks.crawl import CONCURRENCY, ROWS_PER_PAGE, bare, ours, routes
from benchmarks.measure import cost, ratio, report
from benchmarks.sites import site
from crawler.fetching.routes.tor import TorConnector, TorProxy
from crawler.settings import CrawlerSettings
from tests.peers.tor import TorNetwork, tor_network

OFFERS = 500
A_FEW = 2


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with (
        site(routes) as url,
        tor_network(urlsplit(url).port or 0) as network,
        tempfile.TemporaryDirectory() as folder,
    ):
        at = Path(folder)
        onion, settings = f"http://{network.onion}", CrawlerSettings(tor_proxy=network.proxy)
        through = {"via": "tor", "allow_private_addresses": []}
        ways: dict[str, Callable[[int], Callable[[], object]]] = {
            "bare Scrapy spider": lambda many: bare(f"{url}/offers?of={many}"),
            "our pipeline": lambda many: ours(at / f"direct-{many}", f"{url}/offers?of={many}", settings),
            "aiohttp alone, through Tor": lambda many: (
                lambda: asyncio.run(_read_with_aiohttp(onion, many, network))
            ),
            "our pipeline, through Tor": lambda many: ours(
                at / f"tor-{many}", f"{onion}/offers?of={many}", settings, through
            ),
        }
        rows = [_measure_way(name, way) for name, way in ways.items()]
    report(("way", "pages", "s", "of it start", "pages/s"), rows)
    rates = [row[4] for row in rows]
    print(f"pages/s: ours direct {ratio(rates[1], rates[0])} of the bare spider's, ", end="")
    print(f"through Tor {ratio(rates[3], rates[0])}, and {ratio(rates[3], rates[2])} of aiohttp's alone\n")


def _measure_way(
    name: str, way: Callable[[int], Callable[[], object]]
) -> tuple[str, int, float, float, float]:
    pages = OFFERS + OFFERS // ROWS_PER_PAGE
    start, whole = (cost(way(many))[1].wall_s for many in (A_FEW, OFFERS))
    return name, pages, whole, start, pages / (whole - start)


async def _read_with_aiohttp(onion: str, many: int, network: TorNetwork) -> None:
    """Read every page once and discard it."""
    proxy = TorProxy("127.0.0.1", network.socks)
    connector = TorConnector(proxy, circuit="bare", connections=CONCURRENCY, timeout_s=60)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def fetch(path: str) -> None:
            async with session.get(f"{onion}{path}") as answer:
                await answer.read()

        lists = [f"/offers?of={many}&page={page}" for page in range(-(-many // ROWS_PER_PAGE))]
        await asyncio.gather(*(fetch(path) for path in [*lists, *(f"/offer/{one}" for one in range(many))]))


if __name__ == "__main__":
    main()
