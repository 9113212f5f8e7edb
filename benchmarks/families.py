"""Parse each family's list page and thread page, beside BeautifulSoup on the same pages.

Our adapters give complete listings: charset, canonical addresses, dates in UTC, prices, counts, bodies
without quotes and noise, samples, links, digests, the next page. BeautifulSoup (with lxml) only selects the
same rows and posts, and takes title, link and author of each row, author and text of each post: the least
that a crawler does. Milliseconds are CPU time per page; x is ours as a multiple of BeautifulSoup's.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import blake2b
from typing import NamedTuple

from bs4 import BeautifulSoup

from benchmarks.measure import cost, ratio, report
from crawler.listing import ParsedListing
from crawler.sources import Page, PageRole, adapter_for, read_definition
from tests.peers.forums.board import LONG
from tests.peers.forums.server import PROGRAMS, ForumSite

ROUNDS = 5  # the best one counts: the machine is shared
PAGES = 20  # in a round
SITE = "https://board.example"
NOW = datetime(2026, 3, 10, 4, 0, tzinfo=UTC)


class PageSelectors(NamedTuple):
    """CSS selectors of a row, its link and its author, and of a post, its author and its text."""

    row: str
    link: str
    by: str
    post: str
    author: str
    text: str


SELECTORS = {
    "mybb": PageSelectors(
        "tr.inline_row", "span[id^=tid_] a", "span.author a", "div.post", "span.largetext", "div.post_body"
    ),
    "phpbb": PageSelectors(
        "ul.topics li.row", "a.topictitle", "div.topic-poster a", "div.post", "p.author strong", "div.content"
    ),
    "xenforo": PageSelectors(
        "div.structItem--thread",
        "div.structItem-title a[data-tp-primary]",
        "ul.structItem-parts a.username",
        "article.message--post",
        "h4.message-name a",
        "div.message-content div.bbWrapper",
    ),
    "vbulletin": PageSelectors(
        "td[id^=td_threadtitle_]",
        "a[id^=thread_title_]",
        "span[onclick]",
        "table[id^=post]",
        "a.bigusername",
        "div[id^=post_message_]",
    ),
    "discuz": PageSelectors(
        "tbody[id^=normalthread_]", "a.xst", "td.by cite", "table[id^=pid]", "div.authi a.xw1", "td.t_f"
    ),
    "smf": PageSelectors(
        "#topic_container > div", "span[id^=msg_] a", "p.floatleft a", "div.post_wrapper", "h4 a", "div.inner"
    ),
}


def main() -> None:
    rows = [row for name in PROGRAMS for row in (_measure_page(name, None), _measure_page(name, LONG))]
    report(("family", "page", "KB", "found", "ours ms", "BeautifulSoup ms", "x BeautifulSoup"), rows)


def _measure_page(name: str, thread: int | None) -> tuple[str, str, float, int, float, float, str]:
    forum = ForumSite(name)
    forum.url = SITE
    program = PROGRAMS[name]
    body = forum.page(thread, 1).body
    path = program.board(1) if thread is None else program.thread(forum.board.threads[thread], 1)
    page = _make_page(body, f"{SITE}/{path}", thread)
    found, theirs = _count_with_adapter(name)(page), _count_with_soup(name, page)
    assert abs(found - theirs) <= 2, (
        f"{name}: {found} listings, {theirs} rows"
    )  # they differ by moved and sticky rows
    ours_ms, theirs_ms = (
        _milliseconds(lambda: _count_with_adapter(name)(page)),
        _milliseconds(lambda: _count_with_soup(name, page)),
    )
    what = "list" if thread is None else "thread"
    return name, what, len(body) / 1e3, found, ours_ms, theirs_ms, ratio(ours_ms, theirs_ms)


def _make_page(body: bytes, url: str, thread: int | None) -> Page:
    key = None if thread is None else f"t{thread}"
    partial = ParsedListing(key=key, url=url) if key else None
    role = PageRole.ITEM if key else PageRole.LIST
    return Page(url=url, body=body, role=role, fetched_at=NOW, key=key, partial=partial)


def _count_with_adapter(name: str) -> Callable[[Page], int]:
    """Return a function that parses a page with a family's adapter and counts what it found."""
    definition = read_definition({"kind": name, "start": f"{SITE}/"})
    adapter = adapter_for(definition, digest=lambda text: blake2b(text.encode()).hexdigest())

    def parse(page: Page) -> int:
        parsed = adapter.parse(page)
        return len(parsed.follows) + len(parsed.listings)

    return parse


def _count_with_soup(name: str, page: Page) -> int:
    places = SELECTORS[name]
    soup = BeautifulSoup(page.body, "lxml")
    if page.role is PageRole.LIST:
        found = [
            (link.get_text(strip=True), link["href"], by.get_text(strip=True))
            for row in soup.select(places.row)
            if (link := row.select_one(places.link)) and (by := row.select_one(places.by))
        ]
        return len(found)
    posts = soup.select(places.post)
    texts = [
        (author.get_text(strip=True), text.get_text("\n", strip=True))
        for post in posts
        if (author := post.select_one(places.author)) and (text := post.select_one(places.text))
    ]
    return len(texts)


def _milliseconds(work: Callable[[], int]) -> float:
    def several() -> None:
        for _ in range(PAGES):
            work()

    return min(cost(several)[1].cpu_s for _ in range(ROUNDS)) / PAGES * 1e3
