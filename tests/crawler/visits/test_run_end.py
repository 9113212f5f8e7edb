"""When a listing is gone, and when a run cannot tell."""

from __future__ import annotations

from storage.listings import Life
from storage.runs import RunOutcome
from tests.crawler.conftest import Runs
from tests.peers.web import Site


def test_what_the_site_says_is_gone_is_gone_and_a_failure_is_not(crawl: Runs, site: Site) -> None:
    """A listing whose page answers 404 is gone; one whose page answers 500 is not."""
    source = crawl.declare("market", f"{site.url}/offers", budget={"recheck_items": 12})
    crawl.run(source)
    site.offers["3"].status = 404
    site.offers["4"].status = 500

    run = crawl.run(source)

    gone = [each.title for each in crawl.listings().values() if each.gone_at is not None]
    assert gone == ["Database number 3"]
    assert (run.outcome, run.reason) == (RunOutcome.NOTHING_NEW, "partly_read")
    assert run.detail is not None
    assert "1 server_error" in run.detail


def test_a_site_that_is_dead_makes_no_listing_gone(crawl: Runs, site: Site) -> None:
    """If the list itself answers 404, the 404 of the listings' own pages says nothing about them."""
    source = crawl.declare("market", f"{site.url}/offers", budget={"recheck_items": 12})
    crawl.run(source)
    site.dead = True

    run = crawl.run(source)

    assert (run.outcome, run.reason) == (RunOutcome.COULD_NOT_FETCH, "not_there")
    assert {each.life for each in crawl.listings().values()} == {Life.NEW}


def test_a_page_that_leads_to_the_front_is_gone_where_others_are_shown(crawl: Runs, site: Site) -> None:
    """Many boards answer so for a deleted thread."""
    source = crawl.declare("market", f"{site.url}/offers", budget={"recheck_items": 12})
    crawl.run(source)
    site.offers["3"].leads_to = "/offers"

    run = crawl.run(source)

    assert [each.title for each in crawl.listings().values() if each.gone_at is not None] == [
        "Database number 3"
    ]
    assert (run.outcome, run.reason) == (RunOutcome.NOTHING_NEW, None)


def test_a_site_that_sends_everybody_to_its_front_makes_no_listing_gone(crawl: Runs, site: Site) -> None:
    """The login expired: the list is still shown, two pages are public, and all others redirect to the front
    page. The run says how many, and with the next login everything is as before.
    """
    source = crawl.declare("market", f"{site.url}/offers", budget={"recheck_items": 12})
    crawl.run(source)
    kept = [offer for key, offer in site.offers.items() if key not in ("3", "4")]
    for offer in kept:
        offer.leads_to = "/offers"

    out = crawl.run(source)
    lives = {each.life for each in crawl.listings().values()}
    for offer in kept:
        offer.leads_to = ""
    back = crawl.run(source)

    assert lives == {Life.NEW}
    assert (out.outcome, out.reason) == (RunOutcome.NOTHING_NEW, "partly_read")
    assert (out.detail or "").startswith("10 of 13 pages ")
    assert "10 sent_to_the_front" in (out.detail or "")
    assert (back.outcome, back.reason, back.listings_changed) == (RunOutcome.NOTHING_NEW, None, 0)


def test_a_deleted_listing_whose_row_stays_is_gone_once(crawl: Runs, site: Site) -> None:
    """It is gone as long as its own page is, causes no further list pages, and is back with its page."""
    source = crawl.declare("market", f"{site.url}/offers", budget={"recheck_items": 12})
    crawl.run(source)
    site.offers["3"].status = 404

    lives = []
    for _ in range(2):
        crawl.run(source)
        lives.append(crawl.offer("3").life)
    site.requests.clear()
    quiet = crawl.run(source)
    turned = len(site.asked_for("/offers"))
    site.offers["3"].status = 200
    crawl.run(source)

    assert lives == [Life.GONE, Life.GONE]
    assert (quiet.outcome, quiet.reason, turned) == (RunOutcome.NOTHING_NEW, None, 1)
    assert crawl.offer("3").life == Life.BACK


def test_what_is_absent_from_a_list_read_to_its_end_is_gone(crawl: Runs, site: Site) -> None:
    """A list of one page that no longer shows a known offer, twice in a row, means that it is gone; later
    that it is back.
    """
    for key in list(site.offers)[4:]:
        del site.offers[key]
    source = crawl.declare("market", f"{site.url}/offers", budget={"recheck_items": 0})
    crawl.run(source)
    offer = site.offers.pop("2")

    crawl.run(source)
    doubted = [each.title for each in crawl.listings().values() if each.gone_at is not None]
    crawl.run(source)
    gone = [each.title for each in crawl.listings().values() if each.gone_at is not None]
    site.offers["2"] = offer
    run = crawl.run(source)

    assert (doubted, gone) == ([], ["Database number 2"])
    assert [each.title for each in crawl.listings().values() if each.gone_at is not None] == []
    assert run.outcome == RunOutcome.NEW_LISTINGS


def test_a_list_that_has_lost_its_next_page_makes_nothing_gone(crawl: Runs, site: Site) -> None:
    """When the link's selector finds nothing, the first page looks like the end: the run says how many
    listings would be gone, and marks none.
    """
    crawl.run(crawl.declare("market", f"{site.url}/offers", item=None))
    pages = {"rows": "tr.row", "link": "a", "next": "a.renamed"}

    run = crawl.run(crawl.declare("market", f"{site.url}/offers", item=None, list=pages))

    assert (run.outcome, run.reason) == (RunOutcome.NOTHING_NEW, "many_absent")
    assert "7 of 12 listings" in (run.detail or "")
    assert {each.life for each in crawl.listings().values()} == {Life.NEW}
