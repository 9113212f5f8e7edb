"""AutoThrottle on our own way out: slow answers lengthen the pause, and `delay_s` is the least of it."""

from __future__ import annotations

from itertools import pairwise

from tests.crawler.conftest import Runs
from tests.peers.web import Site


def gaps(crawl: Runs, site: Site, start: str, *, delay_s: float) -> list[float]:
    """Seconds between the requests of a run that has one at a time."""
    crawl.set(request_timeout_s=30)
    polite = {"delay_s": delay_s, "concurrency": 1, "robots": False}
    crawl.run(crawl.declare("market", site.url + start, item=None, politeness=polite))
    return [later.at - earlier.at for earlier, later in pairwise(site.requests)]


def test_a_slow_answer_lengthens_the_pause(crawl: Runs, site: Site) -> None:
    """The first page takes four seconds, so the third waits for two, give or take Scrapy's jitter of half."""
    _, after_the_first = gaps(crawl, site, "/slow-offers", delay_s=0)[:2]

    assert after_the_first >= 0.95


def test_the_source_s_delay_is_the_least(crawl: Runs, site: Site) -> None:
    """However fast a site answers, it is not asked more often; the jitter takes half of it at most."""
    found = gaps(crawl, site, "/offers", delay_s=1.0)

    assert len(found) == 2
    assert min(found) >= 0.45
