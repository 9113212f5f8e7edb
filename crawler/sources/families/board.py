"""Which boards a page of a forum leads to, and so where a source can start."""

from __future__ import annotations

from crawler.clean import line
from crawler.sources.definition import FamilyName
from crawler.sources.families.address import ThreadAddress, place
from crawler.sources.families.family import Family, ForumBoard, SoftwareSign, UnknownPage
from crawler.sources.families.find import found
from crawler.sources.families.forum import Forum, ForumAdapter
from crawler.sources.markup import Element, text_of, tree
from crawler.sources.urls import canonical

#: An index shows a few dozen boards.
MAX_BOARDS = 100


def forum_family(name: FamilyName, title: str, forum: Forum, signs: tuple[SoftwareSign, ...]) -> Family:
    """A program that is read by its table."""
    return Family(
        name=name,
        title=title,
        signs=signs,
        adapter=lambda definition, digest: ForumAdapter(forum, definition, digest),
        start=lambda seen: _start(forum, seen),
        by_page=frozenset({"title", "body", "seller", "posted_at", "sample", "claimed_records"}),
        boards=lambda seen: _boards(forum, seen),
    )


def _start(forum: Forum, seen: UnknownPage) -> str:
    """Return the board that an address belongs to: it is one, has one as its feed, or is below one."""
    own = canonical(seen.url, base=seen.url) or seen.url
    feeds = (feed.of(own) for feed in forum.feeds)
    if board := next((board for board in feeds if board), None):
        return board
    if (here := place(forum.boards, own)) is not None:
        return here.url
    above = [there for _, there in _linked(forum, seen, forum.trail)]
    if place(forum.threads, own) is not None and above:
        return above[-1].url
    boards = _boards(forum, seen)
    return boards[0].url if boards else own


def _boards(forum: Forum, seen: UnknownPage) -> tuple[ForumBoard, ...]:
    """Return the boards by their names; a board's links to itself are its other pages and orders."""
    own = place(forum.boards, canonical(seen.url, base=seen.url))
    unnamed = {there.id for _, there in _linked(forum, seen, forum.groups)} | ({own.id} if own else set())
    boards: dict[str, ForumBoard] = {}
    for anchor, there in _linked(forum, seen, "a[href]"):
        if there.id not in unnamed and (name := line(text_of(anchor), limit=100)):
            boards.setdefault(there.id, ForumBoard(name, there.url))
    return tuple(boards.values())[:MAX_BOARDS]


def _linked(forum: Forum, seen: UnknownPage, selector: str) -> list[tuple[Element, ThreadAddress]]:
    anchors = found(tree(seen.text), selector)
    read = ((each, place(forum.boards, canonical(each.get("href") or "", base=seen.url))) for each in anchors)
    return [(anchor, there) for anchor, there in read if there is not None]
