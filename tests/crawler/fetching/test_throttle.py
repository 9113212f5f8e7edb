"""AutoThrottle on our own routes: slow responses lengthen the pause, and `delay_s` is its minimum."""

from __future__ import annotations

from itertools import pairwise

from tests.crawler.conftest import Runs
from tests.peers.web import Site

#: A stalled machine handles a request late and sees the next one sooner: it may shorten some pauses of a run,
#: but not each of them.
TRIES = 3


def gaps(crawl: Runs, site: Site, start: str, *, source: str, delay_s: float) -> list[float]:
    """Seconds between the requests that the site receives from a run with one request at a time."""
    polite = {"delay_s": delay_s, "concurrency": 1, "robots": False}
    before = len(site.requests)
    crawl.run(crawl.declare(source, site.url + start, item=None, politeness=polite))
    return [later.at - earlier.at for earlier, later in pairwise(site.requests[before:])]


def test_a_slow_answer_lengthens_the_pause(crawl: Runs, site: Site) -> None:
    """The first page takes four seconds, so the third one waits about two, with Scrapy's jitter of half."""
    for source in map("market-{}".format, range(TRIES)):
        _, after_the_first = gaps(crawl, site, "/slow-offers", source=source, delay_s=0)[:2]
        if after_the_first >= 0.95:
            break

    assert after_the_first >= 0.95


def test_the_source_s_delay_is_the_least(crawl: Runs, site: Site) -> None:
    """A fast site is not requested more often; the jitter takes at most half of the delay."""
    for source in map("market-{}".format, range(TRIES)):
        found = gaps(crawl, site, "/offers", source=source, delay_s=1.0)
        if min(found) >= 0.45:
            break

    assert len(found) == 2
    assert min(found) >= 0.45
