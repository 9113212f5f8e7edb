"""Pages that lead to another one by `<meta http-equiv="refresh">`."""

from __future__ import annotations

import pytest

from crawler.fetching.meta_refresh import refresh_target
from storage.runs import RunOutcome
from tests.crawler.conftest import Runs
from tests.peers.web import Answer, Site

URL = "https://market.example/old/list"


@pytest.mark.parametrize(
    ("page", "target"),
    [
        ('<meta http-equiv="refresh" content="0; url=/new">', "https://market.example/new"),
        (
            "<META HTTP-EQUIV=Refresh CONTENT='3;URL=new?a=1&amp;b=2'>",
            "https://market.example/old/new?a=1&b=2",
        ),
        ('<meta content="0;https://b.example/" http-equiv=refresh>', "https://b.example/"),
        ("<meta http-equiv='refresh' content='1, url=\"/quoted\"'>", "https://market.example/quoted"),
        ('<meta http-equiv="refresh" content="0.5; url = /half ">', "https://market.example/half"),
        (
            '<!-- <meta http-equiv=refresh content="0;/a"> --><meta http-equiv=refresh content="0;/b">',
            "https://market.example/b",
        ),
    ],
)
def test_a_page_leads_to_another_one(page: str, target: str) -> None:
    """In any spelling that browsers read."""
    assert refresh_target(page.encode(), url=URL) == target


@pytest.mark.parametrize(
    "page",
    [
        '<meta http-equiv="refresh" content="60">',
        '<meta http-equiv="refresh" content="0; url=/old/list">',
        '<meta http-equiv="refresh" content="0; url=#top">',
        '<meta http-equiv="refresh" content="300; url=/login">',
        '<noscript><meta http-equiv="refresh" content="0; url=/nojs"></noscript>',
        "<script>document.write('<meta http-equiv=refresh content=\"0;/x\">')</script>",
        '<meta name="refresh" content="0; url=/x">',
        '<meta http-equiv="refresh" content="0; url=http://[::1/">',
        "<p>refresh this page",
    ],
)
def test_a_page_that_reloads_itself_leads_nowhere(page: str) -> None:
    """Nor does one that waits, one for browsers without scripts, or a comment."""
    assert refresh_target(page.encode(), url=URL) is None


def test_a_list_and_an_offer_are_read_where_their_pages_lead(crawl: Runs, site: Site) -> None:
    """A chain that does not end is given up like redirects."""
    lead = '<html><head><meta http-equiv="refresh" content="0; url={}"></head></html>'
    site.answers["/list"] = Answer(lead.format("/new-list").encode())
    site.answers["/new-list"] = Answer(
        b"<table><tr class='row'><td><a href='/a'>one</a></td></tr>"
        b"<tr class='row'><td><a href='/loop1'>two</a></td></tr></table>"
    )
    site.answers["/a"] = Answer(lead.format("/offer/1").encode())
    site.answers["/loop1"] = Answer(lead.format("/loop2").encode())
    site.answers["/loop2"] = Answer(lead.format("/loop1").encode())

    run = crawl.run(crawl.declare("market", f"{site.url}/list"))

    assert (run.outcome, run.reason, run.listings_new) == (RunOutcome.NEW_LISTINGS, "partly_read", 2)
    assert sorted(each.title for each in crawl.listings().values()) == ["Database number 1", "two"]
    assert "1 too_many_redirects" in (run.detail or "")
