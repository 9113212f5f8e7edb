"""The whole crawl pipeline beside a bare Scrapy spider, on the same pages of one local server.

The server is a process of its own. The bare spider has Scrapy's own download handler, the same selectors and
the same concurrency, and yields items; it stores nothing. Our pipeline captures each response in a WARC file
and a row, cleans and masks each listing, keeps its text as evidence, and writes listing, version and search
entry to SQLite. CPU time is that of the child process in both cases. "Without start" subtracts the time of a
run over three pages, which is mostly the start of the process.
"""

from __future__ import annotations

import logging
import random
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from subprocess import run

import structlog
from aiohttp import web

from benchmarks.measure import cost, ratio, report
from benchmarks.runs import prepare_run
from benchmarks.sites import site
from crawler.settings import CrawlerSettings

ROUNDS = 3
OFFERS = 1000
A_FEW = 2
ROWS_PER_PAGE = 20
CONCURRENCY = 8
TEXT = (
    "account archive batch buyer client contact country credit data database deal dump escrow export "
    "file fresh full "
    "history leak list loan login mail member offer order owner page payment phone price private "
    "proof record reply "
    "sale sample seller server shop table thread trade trust upload user valid vendor"
)
WORDS = TEXT.split()
DEFINITION = {
    "kind": "html",
    "list": {"rows": "tr.row", "link": "a", "next": "a[rel=next]"},
    "row": {"title": "a", "price": "td.price"},
    "item": {
        "title": "h1",
        "price": "span.price",
        "seller": "a.seller",
        "claimed_records": "span.records",
        "posted_at": {"select": "time", "attr": "datetime"},
        "body": "div.description",
        "sample": "pre.sample",
    },
    "allow_private_addresses": ["127.0.0.1"],
    "budget": {"pages": 100_000},
    "politeness": {"delay_s": 0, "concurrency": CONCURRENCY},
}


def main() -> None:
    # Keep the daemon's log lines out of the table.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with site(routes) as url, tempfile.TemporaryDirectory() as folder:
        # They take turns, so that other work on the machine slows both of them.
        theirs: dict[int, list[float]] = {OFFERS: [], A_FEW: []}
        own: dict[int, list[float]] = {OFFERS: [], A_FEW: []}
        for number in range(ROUNDS):
            for many in (OFFERS, A_FEW):
                start, home = f"{url}/offers?of={many}", Path(folder) / f"{number}-{many}"
                theirs[many].append(_cpu(bare(start)))
                own[many].append(_cpu(ours(home, start, CrawlerSettings())))
    pages = OFFERS + OFFERS // ROWS_PER_PAGE
    rows = []
    for name, figures in (("bare Scrapy spider", theirs), ("our pipeline", own)):
        whole, start_up = median(figures[OFFERS]), median(figures[A_FEW])
        rows.append((name, pages, whole, start_up, (whole - start_up) / pages * 1000))
    report(("crawl", "pages", "CPU s", "of it start", "CPU ms per page"), rows)
    print(
        f"ratio of CPU time {ratio(rows[1][2], rows[0][2])}, without start {ratio(rows[1][4], rows[0][4])}\n"
    )


def _cpu(work: Callable[[], object]) -> float:
    return cost(work, children=True)[1].cpu_s


def bare(start: str) -> Callable[[], object]:
    """Return one run of the bare spider."""
    command = [sys.executable, "-m", "benchmarks.bare_spider", start, str(CONCURRENCY)]
    return lambda: run(command, check=True)


def ours(
    home: Path, start: str, settings: CrawlerSettings, changes: Mapping[str, object] | None = None
) -> Callable[[], object]:
    """Set up a database, and return one run over all pages of a source; `changes`: to its definition."""
    offers = int(start.rpartition("=")[2])
    one = prepare_run(home, {**DEFINITION, "start": start, **(changes or {})}, settings)

    def crawl() -> None:
        row = one.carry_out()
        assert row.listings_new == offers, (row.outcome, row.detail)

    return crawl


# --- the site


def routes() -> list[web.RouteDef]:
    chance = random.Random(7)
    pages = {number: _offer(number, chance) for number in range(OFFERS)}

    async def offers(request: web.Request) -> web.Response:
        return web.Response(
            text=_list(int(request.query["of"]), int(request.query.get("page", "0"))),
            content_type="text/html",
        )

    async def offer(request: web.Request) -> web.Response:
        return web.Response(
            body=pages[int(request.match_info["number"])], content_type="text/html", charset="utf-8"
        )

    return [web.get("/offers", offers), web.get("/offer/{number}", offer)]


def _list(offers: int, page: int) -> str:
    first = page * ROWS_PER_PAGE
    rows = "".join(
        f"<tr class='row'><td><a href='/offer/{number}'>Offer {number}</a></td><td "
        f"class='price'>${number}.00</td></tr>"
        for number in range(first, min(first + ROWS_PER_PAGE, offers))
    )
    more = first + ROWS_PER_PAGE < offers
    following = f"<a rel='next' href='/offers?of={offers}&page={page + 1}'>next</a>" if more else ""
    return f"<html><body><table>{rows}</table>{following}</body></html>"


def _offer(number: int, chance: random.Random) -> bytes:
    """Return a page of some 40 KB, most of it not about the offer, as on real sites."""

    def text(words: int) -> str:
        return " ".join(chance.choice(WORDS) for _ in range(words))

    menu = "".join(f"<li><a href='/section/{each}'>{text(3)}</a></li>" for each in range(150))
    replies = "".join(f"<div class='reply'><b>{text(1)}</b><p>{text(80)}</p></div>" for each in range(50))
    sample = "\n".join(
        f"{text(1)}{each},{text(1)}@mail.example,139{chance.randrange(10**8):08}" for each in range(5)
    )
    return (
        f"<html><head><title>Offer {number}</title></head><body><nav><ul>{menu}</ul></nav><h1>Offer "
        f"{number}: {text(6)}</h1>"
        f"<span class='price'>${number}.00</span><a class='seller'>vendor{number % 40}</a><span "
        "class='records'>1.2M</span>"
        "<time datetime='2026-03-01T12:00:00Z'></time><div "
        f"class='description'><p>{text(120)}</p><p>{text(60)}</p></div>"
        f"<pre class='sample'>{sample}</pre>{replies}</body></html>"
    ).encode()
