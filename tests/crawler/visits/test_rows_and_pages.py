"""What is stored of a list's rows when their pages fail, redirect to nowhere, or say something else."""

from __future__ import annotations

from storage.runs import RunOutcome
from tests.crawler.conftest import Runs
from tests.peers.web import Site

IMPOSSIBLE_ADDRESSES = (
    "http://127.0.0.1:99999/o/2",
    "http://127.0.0.1:0/",
    "http://[::1/",
    "http://a..example/",
    "//market.example:-1/",
    "http://%zz:port/",
)


def test_a_redirect_to_an_impossible_address_costs_one_page(crawl: Runs, site: Site) -> None:
    """The page is `url_refused`, its row is stored, and the other pages are read."""
    site.offers = {str(number): site.offers[str(number)] for number in range(1, 8)}
    for number, address in enumerate(IMPOSSIBLE_ADDRESSES, 2):
        site.offers[str(number)].leads_to = address
    source = crawl.declare("market", f"{site.url}/offers")

    run = crawl.run(source)

    assert (run.outcome, run.reason, run.listings_new) == (RunOutcome.NEW_LISTINGS, "partly_read", 7)
    assert run.detail is not None
    assert "6 url_refused" in run.detail
    assert (crawl.offer("2").title, crawl.offer("2").seller) == ("Database number 2", None)
    assert crawl.offer("1").seller == "vendor"
