"""A field that the pages of listings lack: one page is an edit, all pages are a lost selector."""

from __future__ import annotations

from dataclasses import dataclass

from crawler.listing import ParsedListing
from crawler.progress.missing_fields import MAX_HELD, MissingFields
from crawler.sources import FieldFinding
from tests.crawler.conftest import Runs
from tests.peers.web import Answer, Site


@dataclass(frozen=True)
class Note:
    listing: ParsedListing


def note(key: str) -> Note:
    return Note(ParsedListing(key=key, url="https://market.example/"))


def page(**found: int) -> list[FieldFinding]:
    return [FieldFinding("item", name, "x", 1, count) for name, count in found.items()]


def test_a_field_that_no_page_has_is_lost() -> None:
    """Once several pages were read; a field that another page has is not."""
    fields: MissingFields[Note] = MissingFields()
    for key in "ab":
        lacked = fields.note(page(price=0, seller=int(key == "b")))
        assert fields.hold(note(key), lacked) == []

    assert [(each.listing.key, sorted(each.listing.lost)) for each in fields.release()] == [
        ("a", ["price"]),
        ("b", ["price"]),
    ]
    assert fields.release() == []


def test_one_page_is_an_edit() -> None:
    """A single page cannot tell, and a page whose field others have is decided as soon as that is known."""
    alone: MissingFields[Note] = MissingFields()
    alone.hold(note("a"), alone.note(page(price=0)))
    beside: MissingFields[Note] = MissingFields()
    beside.hold(note("a"), beside.note(page(price=0, seller=0)))
    lacked = beside.note(page(price=1, seller=1))
    decided = beside.hold(note("c"), beside.note(page(price=0, seller=0, sample=0)))

    assert [each.listing.lost for each in alone.release()] == [frozenset()]
    assert lacked == frozenset()
    assert [(each.listing.key, each.listing.lost) for each in decided] == [("a", frozenset())]


def test_parts_of_rows_and_other_fields_do_not_count() -> None:
    """Rows are judged page by page, and links may be missing from any page."""
    fields: MissingFields[Note] = MissingFields()

    assert (
        fields.note([FieldFinding("row", "price", "x", 5, 0), *page(links=0, attachments=0)]) == frozenset()
    )


def test_the_number_of_waiting_listings_is_limited() -> None:
    """The first ones are decided by what is known then."""
    fields: MissingFields[Note] = MissingFields()

    decided = [
        each.listing.key
        for number in range(MAX_HELD + 2)
        for each in fields.hold(note(str(number)), fields.note(page(price=0)))
    ]

    assert decided == ["0", "1"]
    assert len(fields.release()) == MAX_HELD


def test_a_lost_selector_of_the_listings_pages_takes_no_values_away(crawl: Runs, site: Site) -> None:
    """After half a redesign the sellers stay and nothing is edited; a page without one beside others is."""
    source = crawl.declare("market", f"{site.url}/offers", budget={"recheck_items": 12})
    crawl.run(source)
    for key, offer in site.offers.items():
        body = site.offer(key).body.replace(b"class='seller'", b"class='vendor'")
        site.answers[f"/offer/{key}"] = Answer(body)
        assert offer.seller

    redesigned = crawl.run(source)
    sellers = {each.seller for each in crawl.listings().values()}
    site.answers = {"/offer/1": site.answers["/offer/1"]}
    edited = crawl.run(source)

    assert (redesigned.listings_changed, sellers) == (0, {"vendor"})
    assert (edited.listings_changed, crawl.offer("1").seller, crawl.offer("2").seller) == (1, None, "vendor")
