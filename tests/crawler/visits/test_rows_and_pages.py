"""What is stored of a list's rows when their pages fail, redirect to nowhere, or say something else."""

from __future__ import annotations

import gzip
import random

from storage.evidence.warc import EvidenceStore
from storage.listings import Life
from storage.runs import RunOutcome
from tests.crawler.conftest import Runs
from tests.peers.web import Answer, Offer, Site

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


def test_a_row_is_stored_whatever_becomes_of_its_page(crawl: Runs, site: Site) -> None:
    """An unasked 304 and a link to nowhere leave the row; a "not found" with 200 leaves row and page."""
    site.offers = {"1": Offer("Thread not found", "It does not exist.")}
    site.answers["/o/2"] = Answer(status=304)
    site.answers["/list"] = Answer(
        b"<table><tr class='row'><td><a href='/offer/1'>Norwick Mutual</a></td></tr>"
        b"<tr class='row'><td><a href='/o/2'>Peltora</a></td></tr>"
        b"<tr class='row'><td><a href='javascript:void(0)'>Sunderfell</a></td></tr>"
        b"<tr class='row'><td>an advertisement</td></tr></table>"
    )
    source = crawl.declare("market", f"{site.url}/list")

    run = crawl.run(source)

    assert (run.outcome, run.reason, run.listings_new) == (RunOutcome.NEW_LISTINGS, "partly_read", 3)
    assert run.detail is not None
    assert "1 unexpected_status" in run.detail
    assert "1 row of the list pages gave no listing" in run.detail
    titles = {listing.title: listing for listing in crawl.listings().values()}
    assert sorted(titles) == ["Peltora", "Sunderfell", "Thread not found"]
    place = crawl.versions(titles["Thread not found"])[0].place
    assert place is not None
    assert EvidenceStore(crawl.evidence_dir).read_text(place).parts["row"] == "Norwick Mutual"

    again = crawl.run(source)

    assert (again.listings_new, again.listings_changed) == (0, 0)


def test_nothing_that_logs_out_is_requested(crawl: Runs, site: Site) -> None:
    """Neither as a link, nor as a redirect, nor as the next page; the rows are stored and the run says so."""
    site.offers = {"1": Offer("one", leads_to="/logout"), "3": Offer("three")}
    site.answers["/list"] = Answer(
        b"<table><tr class='row'><td><a href='/offer/1'>lot one</a></td></tr>"
        b"<tr class='row'><td><a href='/member.php?action=logout'>lot two</a></td></tr>"
        b"<tr class='row'><td><a href='/offer/3'>lot three</a></td></tr></table>"
        b"<a rel='next' href='/account/logout'>next</a>"
    )
    source = crawl.declare("market", f"{site.url}/list")

    run = crawl.run(source)

    assert sorted(site.paths) == ["/list", "/offer/1", "/offer/3", "/robots.txt"]
    assert sorted(each.title for each in crawl.listings().values()) == ["lot one", "lot two", "three"]
    assert run.detail is not None
    assert "3 state_link_refused" in run.detail


def test_a_lost_selector_takes_no_values_away(crawl: Runs, site: Site) -> None:
    """After half a redesign the prices stay and nothing is edited; a row that changes later is an edit."""
    row = "<tr class='row'><td><a href='/o/{0}'>{1}</a></td><td class='{2}'>${3}</td></tr>"
    rows = [row.format(number, f"lot {number}", "price", 400 + number) for number in range(3)]
    site.answers["/list"] = Answer(f"<table>{''.join(rows)}</table>".encode())
    source = crawl.declare("market", f"{site.url}/list", item=None)
    crawl.run(source)
    rows = [row.format(number, f"lot {number}", "cost", 500 + number) for number in range(3)]
    site.answers["/list"] = Answer(f"<table>{''.join(rows)}</table>".encode())

    run = crawl.run(source)

    prices = {each.title: str(each.price_amount) for each in crawl.listings().values()}
    assert (run.listings_changed, prices) == (0, {"lot 0": "400", "lot 1": "401", "lot 2": "402"})

    rows[0] = row.format(0, "lot zero", "cost", 500)
    rows[1] = row.format(1, "lot 1", "price", 350)
    site.answers["/list"] = Answer(f"<table>{''.join(rows)}</table>".encode())

    run = crawl.run(source)

    prices = {each.title: str(each.price_amount) for each in crawl.listings().values()}
    assert (run.listings_changed, prices) == (2, {"lot zero": "None", "lot 1": "350", "lot 2": "402"})


def test_a_list_whose_packed_body_is_cut_is_not_whole(crawl: Runs, site: Site) -> None:
    """The rows that came are stored, a cut page of a listing is a failure, and the run says so."""
    noise = random.Random(1)
    rows = [
        f"<tr class='row'><td><a href='/o/{number}'>lot {number}</a>{noise.randbytes(200).hex()}</td></tr>"
        for number in range(20)
    ]
    packed = gzip.compress(f"<table>{''.join(rows)}</table>".encode())
    gzipped = [("Content-Encoding", "gzip")]
    site.answers["/list"] = Answer(packed[: len(packed) * 6 // 10], headers=gzipped)
    for number in range(20):
        site.answers[f"/o/{number}"] = Answer(packed[:600], headers=gzipped)
    source = crawl.declare("market", f"{site.url}/list")

    run = crawl.run(source)

    assert (run.outcome, run.reason) == (RunOutcome.NEW_LISTINGS, "partly_read")
    assert 5 < run.listings_new < 15
    assert run.detail is not None
    assert f"{run.listings_new + 1} truncated" in run.detail


def test_a_corrected_selector_is_no_edit(crawl: Runs, site: Site) -> None:
    """Rows and pages are read again and marked; a change by the site is an edit as always."""
    budget = {"recheck_items": 0}
    source = crawl.declare("market", f"{site.url}/offers", row={"title": "a"}, budget=budget)
    crawl.run(source)
    item = {"title": "h1", "body": "div.description", "seller": "span.seller", "sample": "h1"}
    source = crawl.declare("market", f"{site.url}/offers", item=item, budget=budget)
    site.offers["2"].price = "$123"

    corrected = crawl.run(source)
    first = crawl.offer("1")
    site.offers["2"].price = "$99"
    edited = crawl.run(source)

    assert corrected.listings_changed == 0
    assert (first.life, str(first.price_amount), first.version_number) == (Life.NEW, "500", 2)
    assert [change["field"] for change in crawl.versions(first)[1].changes][:1] == ["reread"]
    assert edited.listings_changed == 1
    assert (crawl.offer("2").life, str(crawl.offer("2").price_amount)) == (Life.PRICE_CHANGED, "99")
