"""429: who waits, for how long, and whose wish it is."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from scrapy import Request

from crawler.errors import RateLimited
from crawler.fetching.site_pauses import SENT_AT, SitePauses
from storage.runs import RunOutcome
from tests.crawler.conftest import Runs
from tests.peers.web import Answer, Site

URL = "https://market.example/offers"
UNTIL = datetime(2026, 3, 1, tzinfo=UTC)


def sent(url: str = URL, *, ago: float = 0.0) -> Request:
    return Request(url, meta={SENT_AT: asyncio.get_running_loop().time() - ago})


async def waited(pauses: SitePauses, url: str) -> float:
    """Return the seconds that a request would wait."""
    began = asyncio.get_running_loop().time()
    await pauses.wait(url, closing=asyncio.Event())
    return asyncio.get_running_loop().time() - began


def test_a_burst_is_one_strike() -> None:
    """Answers to requests that were sent before the first 429 came lengthen nothing; later ones double it."""

    async def strike() -> list[float]:
        pauses = SitePauses()
        return [
            pauses.strike(sent(), stated_s=None, longest_s=60),
            pauses.strike(sent(ago=1), stated_s=None, longest_s=60),
            pauses.strike(sent(ago=2), stated_s=None, longest_s=60),
            pauses.strike(sent(), stated_s=None, longest_s=60),
            pauses.strike(sent(), stated_s=7.0, longest_s=60),
        ]

    assert [round(wait) for wait in asyncio.run(strike())] == [10, 10, 10, 20, 7]


def test_an_answer_ends_the_strikes_unless_it_is_older() -> None:
    """A page that was on its way when the 429 came proves nothing."""

    async def strike() -> list[int]:
        pauses = SitePauses()
        pauses.strike(sent(), stated_s=None, longest_s=60)
        pauses.settle(sent(ago=1))
        before = pauses.strikes(URL)
        pauses.settle(sent())
        return [before, pauses.strikes(URL)]

    assert asyncio.run(strike()) == [1, 0]


def test_the_whole_site_waits_and_no_other_one() -> None:
    """Another port is another site; the default port is not."""

    async def wait() -> list[bool]:
        pauses = SitePauses()
        pauses.strike(sent(), stated_s=0.3, longest_s=60)
        urls = ("https://market.example:8443/", "https://other.example/", "https://market.example:443/o/1")
        return [await waited(pauses, url) > 0.1 for url in urls]

    assert asyncio.run(wait()) == [False, False, True]


def test_a_site_that_is_left_alone_gives_its_error() -> None:
    """Also to a request that is waiting already, and until the visit closes for another reason."""
    error = RateLimited("enough")

    async def ask() -> tuple[bool, bool]:
        pauses = SitePauses()
        pauses.strike(sent(), stated_s=0.2, longest_s=60)
        waiting = asyncio.ensure_future(waited(pauses, URL))
        await asyncio.sleep(0)
        pauses.leave_alone("market.example", error, UNTIL)
        with pytest.raises(RateLimited):
            await waiting
        with pytest.raises(RateLimited):
            await waited(pauses, URL)
        return pauses.caused(error), pauses.caused(RateLimited("enough"))

    assert asyncio.run(ask()) == (True, False)


def test_another_port_of_the_source_goes_on(crawl: Runs, site: Site) -> None:
    """The site that wants a pause is left alone and its pages stay unread; the other is read as always."""
    with Site(offers=2) as other:
        site.answers["/offers"] = Answer(b"", status=429, headers=[("Retry-After", "3600")])
        source = crawl.declare("market", [f"{site.url}/offers", f"{other.url}/offers"], item=None)

        runs = [crawl.run(source), crawl.run(source)]

    assert [(run.outcome, run.reason, run.pages_unread) for run in runs] == [
        (RunOutcome.NEW_LISTINGS, "rate_limited", 1),
        (RunOutcome.NOTHING_NEW, "rate_limited", 1),
    ]
    assert "asks for a pause of 3600 s" in (runs[0].detail or "")
    assert "wanted fewer requests (429)" in (runs[1].detail or "")
    assert site.paths.count("/offers") == 1
