"""Threads of sources with selectors, whose pages each lead to the next one (`next` of `[item]`)."""

from __future__ import annotations

from typing import Any

from crawler.sources import Page, PageRole
from tests.crawler.conftest import Runs
from tests.crawler.sources.pages import NOW, parse_page, toml_adapter
from tests.peers.web import Answer, Site

THREAD = """
kind = "html"
start = "https://board.example/list"
[list]
rows = "tr.row"
link = "a"
[item]
title = "h1"
body = "div.post"
next = "a.next"
"""
PAGE = "<h1>Data</h1><div class=post>{text}</div>{onward}"


def test_a_page_of_a_thread_leads_to_the_next_one() -> None:
    """The first is the listing; a later one is a listing of the thread without a title."""
    reader = toml_adapter(THREAD)
    first = PAGE.format(text="Names", onward="<a class=next href='/t/7?page=2'>next</a>")
    later = PAGE.format(text="More names", onward="<a class=next href='#'>next</a>")

    one = parse_page(reader, first, "https://board.example/t/7", role=PageRole.ITEM)
    page = Page("https://board.example/t/7?page=2", later.encode(), PageRole.REPLIES, NOW, "utf-8", key="k7")
    two = reader.parse(page)

    assert one.rest == ("https://board.example/t/7?page=2",)
    assert [(each.title, each.thread) for each in one.listings] == [("Data", None)]
    [listing] = two.listings
    assert (listing.title, listing.body, listing.thread, two.rest) == ("", "More names", "k7", ())
    assert listing.key.startswith("k7/")


def test_the_pages_of_a_thread_are_read_and_what_is_new_on_the_last_one(crawl: Runs, site: Site) -> None:
    """When its row changes, the pages are read again from the first to the last, within the budget."""
    row = "<tr class='row'><td><a href='/t/7'>Data</a><b>{replies}</b></td></tr>"
    onward = "<a class=next href='/t/7/{0}'>next</a>"

    def publish(replies: int, *texts: str) -> None:
        site.answers["/list"] = Answer(f"<table>{row.format(replies=replies)}</table>".encode())
        for number, text in enumerate(texts, 1):
            path = "/t/7" if number == 1 else f"/t/7/{number}"
            more = onward.format(number + 1) if number < len(texts) else ""
            site.answers[path] = Answer(PAGE.format(text=text, onward=more).encode())

    options: dict[str, Any] = {
        "list": {"rows": "tr.row", "link": "a", "state": "b"},
        "row": None,
        "item": {"title": "h1", "body": "div.post", "next": "a.next"},
        "budget": {"thread_pages": 4},
    }
    source = crawl.declare("board", f"{site.url}/list", **options)
    publish(2, "one", "two", "three")
    first = crawl.run(source)
    publish(3, "one", "two", "three", "four")
    second = crawl.run(source)
    publish(4, "one", "two", "three", "four", "five")
    third = crawl.run(source)

    assert (first.listings_new, second.listings_new) == (3, 1)
    assert (third.listings_new, third.pages_unread) == (0, 1)
    bodies = [crawl.versions(each)[0].body for each in crawl.listings().values()]
    assert sorted(bodies) == ["four", "one", "three", "two"]
