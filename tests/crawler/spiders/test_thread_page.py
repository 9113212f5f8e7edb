"""Threads that are longer than a run may read: the pages left out are counted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from storage.runs import Run
from tests.crawler.conftest import Runs
from tests.peers.forums.board import LONG, POSTS_A_PAGE
from tests.peers.forums.server import ForumSite

#: robots.txt, the list, the thread's first page.
UP_TO_THE_THREAD = 3
LATER = datetime(2026, 3, 5, 9, 0, tzinfo=UTC)


@pytest.fixture
def forum() -> Iterator[ForumSite]:
    """A board with one thread, whose replies fill three pages."""
    with ForumSite("mybb") as running:
        running.board.threads = {LONG: running.board.threads[LONG]}
        yield running


def answered(forum: ForumSite, replies: int) -> None:
    for minute in range(replies):
        forum.board.reply(forum.board.threads[LONG], at=LATER + timedelta(minutes=minute))


def visit(crawl: Runs, forum: ForumSite, **budget: int) -> Run:
    values = {"recheck_items": 0, **budget}
    return crawl.run(
        crawl.declare("forum", forum.start, kind="mybb", list=None, row=None, item=None, budget=values)
    )


def told(run: Run) -> tuple[int, int | None]:
    return run.listings_new, run.pages_unread


def test_of_a_thread_that_is_cut_short_the_pages_left_out_are_unread(crawl: Runs, forum: ForumSite) -> None:
    """A run may read two pages of a thread. Of a new thread with three pages, one is left; after three pages
    of new replies, all but the newest; after one more reply, none.
    """
    first = visit(crawl, forum, thread_pages=2)
    answered(forum, 3 * POSTS_A_PAGE - 2)
    second = visit(crawl, forum, thread_pages=2)
    answered(forum, 1)
    third = visit(crawl, forum, thread_pages=2)

    assert [told(each) for each in (first, second, third)] == [(1 + 9 + 5, 1), (3, 4), (1, 0)]


def test_a_thread_of_which_the_first_page_alone_is_read_is_cut_short(crawl: Runs, forum: ForumSite) -> None:
    """Its replies are on the other pages, whatever is known of the first."""
    first = visit(crawl, forum, thread_pages=1)
    answered(forum, 1)
    second = visit(crawl, forum, thread_pages=1)

    assert [told(each) for each in (first, second)] == [(10, 2), (0, 2)]


def test_of_a_thread_that_the_visit_s_budget_cuts_every_page_is_counted(
    crawl: Runs, forum: ForumSite
) -> None:
    """The budget covers the list and the first page: the two other pages are unread, and read later."""
    first = visit(crawl, forum, pages=UP_TO_THE_THREAD)
    second = visit(crawl, forum)

    assert (first.reason, told(first)) == ("budget_ended", (10, 2))
    assert told(second) == (15, 0)
