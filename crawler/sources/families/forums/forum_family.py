"""Joins a forum program and its signs to a family, and finds the boards where a source can start."""

from __future__ import annotations

from crawler.clean import line
from crawler.sources.definition import FamilyName
from crawler.sources.families.family import Family, ForumBoard, SoftwareSign, UnknownPage
from crawler.sources.families.forums.element_reader import find_elements
from crawler.sources.families.forums.forum_adapter import ForumAdapter, ForumProgram
from crawler.sources.families.forums.thread_address import ThreadAddress, read_address
from crawler.sources.markup import Element, text_of, tree
from crawler.sources.urls import canonical_url

#: An index shows a few dozen boards.
MAX_BOARDS = 100


def forum_family(
    name: FamilyName, title: str, forum: ForumProgram, signs: tuple[SoftwareSign, ...]
) -> Family:
    """Return the family of a program that is read by a table of selectors."""
    return Family(
        name=name,
        title=title,
        signs=signs,
        adapter=lambda definition, digest: ForumAdapter(forum, definition, digest),
        start=lambda page: _board_start(forum, page),
        by_page=frozenset({"title", "body", "seller", "posted_at", "sample", "claimed_records"}),
        boards=lambda page: _listed_boards(forum, page),
    )


def _board_start(forum: ForumProgram, page: UnknownPage) -> str:
    """Return the board to which an address belongs: the board itself, the board of a feed or of a thread.

    The index of a forum gives its first board.
    """
    own = canonical_url(page.url, base=page.url) or page.url
    feeds = (feed.board_url(own) for feed in forum.feeds)
    if board := next((board for board in feeds if board), None):
        return board
    if (here := read_address(forum.boards, own)) is not None:
        return here.url
    above = [there for _, there in _board_links(forum, page, forum.trail)]
    if read_address(forum.threads, own) is not None and above:
        return above[-1].url
    boards = _listed_boards(forum, page)
    return boards[0].url if boards else own


def _listed_boards(forum: ForumProgram, page: UnknownPage) -> tuple[ForumBoard, ...]:
    """Return the boards to which a page links.

    Links of a board to itself lead to its other pages and orders. They are left out.
    """
    own = read_address(forum.boards, canonical_url(page.url, base=page.url))
    unnamed = {there.id for _, there in _board_links(forum, page, forum.groups)} | (
        {own.id} if own else set()
    )
    boards: dict[str, ForumBoard] = {}
    for anchor, there in _board_links(forum, page, "a[href]"):
        if there.id not in unnamed and (name := line(text_of(anchor), limit=100)):
            boards.setdefault(there.id, ForumBoard(name, there.url))
    return tuple(boards.values())[:MAX_BOARDS]


def _board_links(
    forum: ForumProgram, page: UnknownPage, selector: str
) -> list[tuple[Element, ThreadAddress]]:
    anchors = find_elements(tree(page.text), selector)
    read = (
        (each, read_address(forum.boards, canonical_url(each.get("href") or "", base=page.url)))
        for each in anchors
    )
    return [(anchor, there) for anchor, there in read if there is not None]
