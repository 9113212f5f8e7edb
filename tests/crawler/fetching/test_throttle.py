"""AutoThrottle on our own way out: slow answers lengthen the pause, and `delay_s` is the least of it."""

from __future__ import annotations

from itertools import pairwise

from tests.crawler.conftest import Runs
from tests.peers.web import Site

#: A site that gets to a request late sees the next one sooner than it was sent: a stalled machine may shorten
#: the pauses of a run, and does not do so to each of them.
TRIES = 3


def gaps(crawl: Runs, site: Site, start: str, *, source: str, delay_s: float) -> list[float]:
    """Seconds between the requests of a run that has one at a time, as the site sees them."""
    polite = {"delay_s": delay_s, "concurrency": 1, "robots": False}
    before = len(site.requests)
    crawl.run(crawl.declare(source, site.url + start, item=None, politeness=polite))
    return [later.at - earlier.at for earlier, later in pairwise(site.requests[before:])]


def test_a_slow_answer_lengthens_the_pause(crawl: Runs, site: Site) -> None:
    """The first page takes four seconds, so the third waits for two, give or take Scrapy's jitter of half."""
    for source in map("market-{}".format, range(TRIES)):
        _, after_the_first = gaps(crawl, site, "/slow-offers", source=source, delay_s=0)[:2]
        if after_the_first >= 0.95:
            break

    assert after_the_first >= 0.95


def test_the_source_s_delay_is_the_least(crawl: Runs, site: Site) -> None:
    """However fast a site answers, it is not asked more often; the jitter takes half of it at most."""
    for source in map("market-{}".format, range(TRIES)):
        found = gaps(crawl, site, "/offers", source=source, delay_s=1.0)
        if min(found) >= 0.45:
            break

    assert len(found) == 2
    assert min(found) >= 0.45
