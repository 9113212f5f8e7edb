"""What `source try` says about a selector that found nothing, on pages that show what it should find."""

from __future__ import annotations

import json

import pytest

from crawler.clean import Clock
from crawler.sources import Page, PageRole, read_definition
from crawler.sources.selector_hints import MAX_HINTS, selector_hints
from tests.crawler.sources.pages import NOW, URL

SOURCE: dict[str, object] = {
    "kind": "html",
    "start": URL,
    "list": {"rows": "tr.offer", "link": "a.title", "next": "a.next"},
    "row": {"title": "a.title", "price": "td.price", "seller": "td.seller", "posted_at": "td.date"},
    "item": {"title": "h1.title", "body": "div.body"},
}
TABLE = "<table>{}</table><a href='/offers?page=2'>Next ›</a>"
ROW = (
    "<tr class='{row}'><td><a class='subject' href='/o/{n}'>Database number {n}</a></td>"
    "<td class='cost'>${n}00</td><td><a class='username' href='/u/marta'>marta</a></td>"
    "<td class='when'>2026-03-0{n} 10:00</td></tr>"
)


def hints(source: dict[str, object], body: str, *, role: PageRole = PageRole.LIST) -> list[str]:
    page = Page(url=URL, body=body.encode(), role=role, fetched_at=NOW, charset="utf-8")
    return selector_hints(read_definition(source), page, clock=Clock.of(NOW, timezone=None, order=None))


def table(row: str) -> str:
    return TABLE.format("".join(ROW.format(row=row, n=number) for number in range(1, 6)))


def test_rows_that_find_nothing_are_proposed_around_the_links() -> None:
    """How many `link` finds on the whole page, and the elements that contain one each."""
    source = SOURCE | {"list": {"rows": "tr.offer", "link": "a.subject", "next": "a.next"}}

    [said] = hints(source, table("thread odd"))

    assert said.startswith("list.rows (tr.offer) finds nothing on the page. list.link (a.subject) finds 5 on")
    assert "The page has tr.thread (5): " in said


def test_rows_are_proposed_without_a_link_too() -> None:
    """The repeated elements with a link in each that hold most of the text, not those of a menu."""
    menu = "".join(f"<li class='menu'><a href='/{n}'>m{n}</a></li>" for n in range(9))

    [said] = hints(SOURCE, f"<ul>{menu}</ul>{table('thread')}")

    assert "list.link (a.title) finds 0 on the whole page" in said
    assert "The page has tr.thread (5): " in said


def test_fields_are_proposed_by_what_they_read_as() -> None:
    """A price, a date, a name with a profile, and the text of the link; and the next page by its word."""
    said = {each.partition(" ")[0]: each for each in hints(SOURCE, table("offer"))}

    assert "list.link (a.title) finds nothing in 5 rows. The page has a.subject (5): " in said["list.link"]
    assert "a.subject (5)" in said["row.title"]
    assert 'The page has td.cost (5): "$100".' in said["row.price"]
    assert 'The page has a.username (5): "marta".' in said["row.seller"]
    assert "The page has td.when (5): " in said["row.posted_at"]
    assert "normalize-space()" in said["list.next"]


def test_what_is_found_outside_the_rows_is_told() -> None:
    """A selector may be right and its rows wrong."""
    said = hints(SOURCE, f"<table><tr><td class=price>$5</td></tr></table>{table('offer')}")

    assert any(
        "row.price (td.price) finds nothing in 5 rows, and 1 on the whole page" in each for each in said
    )


def test_an_item_is_proposed_its_heading_and_its_text() -> None:
    """The title by its element, the body by its length."""
    page = (
        "<div class=nav><a href=/>Home</a></div><h1>Lot</h1><div class=post><p>Names, and more names.</div>"
    )

    said = {each.partition(" ")[0]: each for each in hints(SOURCE, page, role=PageRole.ITEM)}

    assert 'The page has h1 (1): "Lot".' in said["item.title"]
    assert "The page has div.post (1): " in said["item.body"]


@pytest.mark.parametrize(
    ("link", "proposed"),
    [
        ("<a rel=next href=/p2>2</a>", "a[rel=next]"),
        ("<a class=fwd href=/p2>下一页</a>", "a.fwd"),
        ("<li class=pager-next><a href=/p2>Weiter</a></li>", "li.pager-next a"),
        ("<a class=x href=/p2 aria-label='Next page'>2</a>", "a.x"),
        ("<a class=x href='#'>Next</a>", None),
    ],
)
def test_a_next_page_is_proposed(link: str, proposed: str | None) -> None:
    """By its relation, its word or its label, unless it leads nowhere."""
    page = table("offer").replace("Next ›", "Back") + link

    [said] = [each for each in hints(SOURCE, page) if "list.next (" in each]

    assert (f"The page has {proposed} (1)" in said) == (proposed is not None)


def test_a_next_page_that_leads_nowhere_is_named() -> None:
    """With what the source file's selector finds, and a link that leads to a page."""
    definition = read_definition(SOURCE)
    page = Page(URL, (table("offer") + "<a class=next href='#'>1</a>").encode(), PageRole.LIST, NOW, "utf-8")
    clock = Clock.of(NOW, timezone=None, order=None)

    said = selector_hints(definition, page, clock=clock, nowhere="#")

    assert any(
        each.startswith('list.next (a.next) finds "#", which leads nowhere. The page') for each in said
    )


def test_a_document_is_proposed_its_longest_list_and_its_keys() -> None:
    """For JSON: the path of the rows, and the names of what is in one."""
    source: dict[str, object] = {
        "kind": "json",
        "start": URL,
        "list": {"rows": "$.data", "link": "$.url"},
        "row": {"title": "$.title"},
    }
    rows = [{"name": "Lot", "href": "/o/1"}] * 4

    assert "The page has $.result.items (4)." in hints(source, json.dumps({"result": {"items": rows}}))[0]
    assert "row.title ($.title) finds nothing. The keys of the first one are: href, name." in "\n".join(
        hints(source, json.dumps({"data": rows}))
    )


def test_a_page_with_nothing_is_proposed_nothing() -> None:
    """And a page on which everything was found needs no word."""
    whole = SOURCE | {"list": {"rows": "tr.offer", "link": "a.subject"}, "row": {"title": "a.subject"}}

    assert hints(SOURCE, "<p>Maintenance</p>") == [
        "list.rows (tr.offer) finds nothing on the page. list.link (a.title) finds 0 on the whole page."
    ]
    assert hints(whole, table("offer")) == []
    assert hints(SOURCE, "<p>" * 50_000) != []
    assert len(hints(SOURCE, table("offer"))) <= MAX_HINTS
