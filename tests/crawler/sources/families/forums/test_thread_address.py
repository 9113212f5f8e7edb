"""Addresses of forums: many spellings are one thread, and a navigation gives the other pages."""

from __future__ import annotations

import pytest

from crawler.sources.families.forums.discuz import FORUM as DISCUZ
from crawler.sources.families.forums.forum_adapter import ForumProgram
from crawler.sources.families.forums.mybb import FORUM as MYBB
from crawler.sources.families.forums.phpbb import FORUM as PHPBB
from crawler.sources.families.forums.smf import FORUM as SMF
from crawler.sources.families.forums.thread_address import (
    MAX_PAGES,
    AddressPattern,
    further_pages,
    read_address,
)
from crawler.sources.families.forums.vbulletin import FORUM as VBULLETIN
from crawler.sources.families.forums.xenforo import FORUM as XENFORO
from crawler.sources.urls import canonical_url

SITE = "https://board.example/f/"
SESSION = "0123456789abcdef0123456789abcdef"


def read(addresses: tuple[AddressPattern, ...], path: str) -> tuple[str, str, int] | None:
    found = read_address(addresses, canonical_url(path, base=SITE))
    return (found.id, found.url.removeprefix(SITE), found.page) if found else None


@pytest.mark.parametrize(
    ("forum", "path", "expected"),
    [
        (MYBB, "showthread.php?tid=12", ("12", "showthread.php?tid=12", 0)),
        (MYBB, "showthread.php?tid=12&pid=99#pid99", ("12", "showthread.php?tid=12", 0)),
        (MYBB, "showthread.php?tid=12&action=lastpost", ("12", "showthread.php?tid=12", 0)),
        (MYBB, "showthread.php?highlight=a&tid=12&page=3", ("12", "showthread.php?tid=12", 3)),
        (MYBB, "thread-12-page-3.html?highlight=a", ("12", "thread-12.html", 3)),
        (MYBB, "thread-12-lastpost.html", ("12", "thread-12.html", 0)),
        (MYBB, "thread-12-post-99.html#pid99", ("12", "thread-12.html", 0)),
        (MYBB, "Thread-SELLING-data?page=2", ("SELLING-data", "Thread-SELLING-data", 2)),
        (MYBB, "Thread-SELLING-data?pid=9#pid9", ("SELLING-data", "Thread-SELLING-data", 0)),
        (MYBB, "announcements.php?aid=1", None),
        (MYBB, "printthread.php?tid=12", ("12", "showthread.php?tid=12", 0)),
        (PHPBB, f"./viewtopic.php?f=2&t=12&sid={SESSION}", ("12", "viewtopic.php?t=12", 0)),
        (PHPBB, "viewtopic.php?t=12&start=20&hilit=a", ("12", "viewtopic.php?t=12", 20)),
        (PHPBB, "viewtopic.php?p=99#p99", None),
        (XENFORO, "threads/selling-data.12/unread", ("12", "threads/selling-data.12/", 0)),
        (XENFORO, "threads/selling-data.12/page-3#post-9", ("12", "threads/selling-data.12/", 3)),
        (XENFORO, "threads/12/post-99", ("12", "threads/12/", 0)),
        (XENFORO, "index.php?threads/selling.12/page-2", ("12", "index.php?threads/selling.12/", 2)),
        (VBULLETIN, f"showthread.php?s={SESSION}&t=12&page=2", ("12", "showthread.php?t=12", 2)),
        (VBULLETIN, "showthread.php?t=12&goto=newpost", ("12", "showthread.php?t=12", 0)),
        (VBULLETIN, "showthread.php?12-Selling/page2&s=1", ("12", "showthread.php?12-Selling", 2)),
        (VBULLETIN, "showthread.php/12-Selling/page2", ("12", "showthread.php/12-Selling", 2)),
        (VBULLETIN, "threads/12-Selling?p=9#post9", ("12", "threads/12-Selling", 0)),
        (VBULLETIN, "showthread.php?p=9#post9", None),
        (
            DISCUZ,
            "forum.php?mod=viewthread&tid=12&extra=page%3D1&page=2",
            ("12", "forum.php?mod=viewthread&tid=12", 2),
        ),
        (DISCUZ, "thread-12-3-1.html", ("12", "thread-12-1-1.html", 3)),
        (DISCUZ, "forum.php?mod=redirect&tid=12&goto=lastpost", None),
        (DISCUZ, "forum.php?mod=post&action=reply&tid=12", None),
        (SMF, "index.php?PHPSESSID=abc&topic=12.0", ("12", "index.php?topic=12.0", 0)),
        (SMF, "index.php?topic=12.msg99#msg99", ("12", "index.php?topic=12.0", 0)),
        (SMF, "index.php?topic=12.30;prev_next=next", ("12", "index.php?topic=12.0", 30)),
        (SMF, "index.php?topic=12.new;topicseen#new", ("12", "index.php?topic=12.0", 0)),
        (SMF, "index.php?action=printpage;topic=12.0", ("12", "index.php?topic=12.0", 0)),
    ],
)
def test_every_spelling_of_a_thread_is_one_address(
    forum: ForumProgram, path: str, expected: tuple[str, str, int] | None
) -> None:
    """Sessions, last posts, print views and highlights are dropped; other addresses are no threads."""
    assert read(forum.threads, path) == expected


@pytest.mark.parametrize(
    ("forum", "path", "expected"),
    [
        (MYBB, "forumdisplay.php?fid=2&page=3&sortby=lastpost", ("2", "forumdisplay.php?fid=2", 3)),
        (MYBB, "forum-2-page-3.html", ("2", "forum-2.html", 3)),
        (MYBB, "Forum-Databases?page=3", ("Databases", "Forum-Databases", 3)),
        (PHPBB, f"viewforum.php?f=2&sid={SESSION}&start=25", ("2", "viewforum.php?f=2", 25)),
        (XENFORO, "forums/databases.2/page-3?order=post_date", ("2", "forums/databases.2/", 3)),
        (VBULLETIN, "forumdisplay.php?f=2&order=desc&page=3", ("2", "forumdisplay.php?f=2", 3)),
        (VBULLETIN, "forums/2-Databases/page3", ("2", "forums/2-Databases", 3)),
        (
            DISCUZ,
            "forum.php?mod=forumdisplay&fid=2&filter=typeid&page=3",
            ("2", "forum.php?mod=forumdisplay&fid=2", 3),
        ),
        (DISCUZ, "forum-2-3.html", ("2", "forum-2-1.html", 3)),
        (SMF, "index.php?board=2.20;sort=subject", ("2", "index.php?board=2.0", 20)),
    ],
)
def test_a_board_s_page_has_its_number(
    forum: ForumProgram, path: str, expected: tuple[str, str, int]
) -> None:
    """The board and the page number are read in every order and filter."""
    assert read(forum.boards, path) == expected


@pytest.mark.parametrize(
    ("here", "linked", "expected"),
    [
        ("", ["&page=2", "&page=9"], [2, 3, 4, 5, 6, 7, 8, 9]),
        ("&page=2", ["", "&page=3"], [2, 3]),
        ("", [], []),
        ("&page=9", ["&page=8"], [2, 3, 4, 5, 6, 7, 8, 9]),
    ],
)
def test_pages_that_a_navigation_leaves_out_are_counted(
    here: str, linked: list[str], expected: list[int]
) -> None:
    """The navigation `1 2 ... 9` gives nine pages."""
    base = f"{SITE}showthread.php?tid=1"
    at, *links = [read_address(MYBB.threads, base + each) for each in (here, *linked)]
    assert at is not None

    assert list(further_pages(at, [each for each in links if each], rows=False)) == expected


@pytest.mark.parametrize(
    ("here", "linked", "expected"),
    [
        ("", ["&start=10", "&start=40"], [10, 20, 30, 40]),
        ("&start=40", ["", "&start=30"], [10, 20, 30, 40]),
        ("", [], []),
    ],
)
def test_pages_of_rows_are_as_long_as_the_smallest_step(
    here: str, linked: list[str], expected: list[int]
) -> None:
    """`start=10` and `start=40` are pages of ten rows."""
    base = f"{SITE}viewtopic.php?t=1"
    at, *links = [read_address(PHPBB.threads, base + each) for each in (here, *linked)]
    assert at is not None

    assert list(further_pages(at, [each for each in links if each], rows=True)) == expected


def test_links_to_another_thread_and_endless_pages_are_not_followed() -> None:
    """Links to other threads add no pages, and the number of pages is limited."""
    base = f"{SITE}showthread.php?tid="
    at, other, far = (read_address(MYBB.threads, base + each) for each in ("1", "2&page=5", "1&page=9999999"))
    assert at is not None
    assert other is not None
    assert far is not None

    assert (list(further_pages(at, [other], rows=False)), len(further_pages(at, [far], rows=False))) == (
        [],
        MAX_PAGES - 1,
    )
