"""The memory of one run that reads 100,000 pages: it must not grow with their number.

A local server in a process of its own has one endless list with 50 offers per page, each with an item page.
The memory of the run's process (VmRSS) is read after every 10,000 pages. Only some bytes per page have to
grow: those that keep a page from being requested twice.
"""

from __future__ import annotations

import logging
import tempfile
import time
from pathlib import Path

import structlog
from aiohttp import web

from benchmarks.measure import report
from benchmarks.runs import prepare_run
from benchmarks.sites import site
from crawler.running.child_protocol import RunProgress
from crawler.settings import CrawlerSettings

PAGES = 100_000
STEP = 10_000
ROWS_PER_PAGE = 50
DEFINITION = {
    "kind": "html",
    "list": {"rows": "tr.row", "link": "a", "next": "a[rel=next]"},
    "row": {"title": "a", "price": "td.price"},
    "item": {"title": "h1", "body": "div.description"},
    "allow_private_addresses": ["127.0.0.1"],
    "budget": {"pages": PAGES, "seconds": 86_400, "bytes": 10**12},
    "politeness": {"delay_s": 0, "concurrency": 8, "robots": False},
}


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with site(routes) as url, tempfile.TemporaryDirectory() as folder:
        rows: list[tuple[int, float, float]] = []
        began = time.monotonic()

        def look(progress: RunProgress) -> None:
            pages = progress.counts.pages
            if pages >= STEP * (len(rows) + 1):
                rows.append((pages, _rss_mib(one.pid()), time.monotonic() - began))

        settings = CrawlerSettings(deadline_s=172_800)
        one = prepare_run(Path(folder), {**DEFINITION, "start": f"{url}/offers"}, settings, on_progress=look)
        row = one.carry_out()
        report(("pages", "MiB", "seconds"), rows)
        print(f"{row.pages:,} pages, {row.listings_new:,} listings; the run ended as {row.reason}\n")


def _rss_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ValueError(pid)


def routes() -> list[web.RouteDef]:
    async def offers(request: web.Request) -> web.Response:
        return web.Response(text=_list(int(request.query.get("page", "0"))), content_type="text/html")

    async def offer(request: web.Request) -> web.Response:
        number = request.match_info["number"]
        text = f"Offer {number}: " + "fresh records of an invented shop " * 40
        page = f"<html><h1>Offer {number}</h1><div class='description'>{text}</div></html>"
        return web.Response(text=page, content_type="text/html")

    return [web.get("/offers", offers), web.get("/offer/{number}", offer)]


def _list(page: int) -> str:
    first = page * ROWS_PER_PAGE
    rows = "".join(
        f"<tr class='row'><td><a href='/offer/{number}'>Offer {number}</a></td><td class='price'>$5</td></tr>"
        for number in range(first, first + ROWS_PER_PAGE)
    )
    return f"<html><table>{rows}</table><a rel='next' href='/offers?page={page + 1}'>next</a></html>"
