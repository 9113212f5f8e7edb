"""A board of SMF is closed to guests: its topics are not known to be gone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from storage.listings import Life
from storage.runs import Run, RunOutcome
from tests.crawler.conftest import Runs
from tests.peers.forums.board import Board
from tests.peers.forums.server import ForumSite
from tests.peers.web import Answer, Asked

#: What SMF 2.1 shows to guests instead of a board or a topic, without saying which of the two.
OFF_LIMITS = """<html><head><title>Log in</title></head><body>
<form action="index.php?action=login2" method="post"><h3>Warning!</h3>
<p>The topic or board you are looking for appears to be either missing or off limits to you.</p>
<p>Please login below.</p><input name="user"><input type="password" name="passwrd"></form></body></html>"""
THREADS = range(21, 29)


class TwoBoards(ForumSite):
    """The odd threads are on board 2, the even ones on board 3; `removed` threads are on neither."""

    def __init__(self) -> None:
        super().__init__("smf")
        self.boards = {2: self.board, 3: Board()}
        for number, board in self.boards.items():
            board.threads = {thread: board.threads[thread] for thread in THREADS if thread % 2 == 3 - number}
        self.closed = False
        self.removed: set[int] = set()

    async def _answer(self, asked: Asked, writer: asyncio.StreamWriter) -> Answer | None:
        if asked.query.get("action") == ".xml;type=rss2":
            shown = [self.boards[2]] if self.closed else list(self.boards.values())
            threads = [thread for board in shown for thread in board.order]
            return self.drawn("feed.xml", threads=threads, content_type="application/rss+xml")
        topic = int(asked.query.get("topic", "0").partition(".")[0])
        number = 3 if asked.query.get("board") == "3.0" or (topic and topic % 2 == 0) else 2
        if topic in self.removed or (self.closed and number == 3):
            return Answer(OFF_LIMITS.encode())
        self.board = self.boards[number]
        return await super()._answer(asked, writer)


@pytest.fixture
def boards() -> Iterator[TwoBoards]:
    with TwoBoards() as site:
        yield site


def read(crawl: Runs, starts: list[str]) -> Run:
    """A run that rechecks all known listings."""
    changes = {"list": None, "row": None, "item": None, "budget": {"recheck_items": len(THREADS)}}
    return crawl.run(crawl.declare("boards", starts, kind="smf", date_order="mdy", **changes))


def gone(crawl: Runs) -> set[str]:
    return {key for key, each in crawl.listings().items() if each.life is Life.GONE}


def test_topics_of_a_closed_board_are_not_gone(crawl: Runs, boards: TwoBoards) -> None:
    """One of two boards is closed: its list is a wall, so no hidden topic is believed gone. If both lists are
    shown, a hidden topic is gone.
    """
    starts = [f"{boards.url}/index.php?board={number}.0" for number in boards.boards]
    read(crawl, starts)
    boards.closed = True
    walled = read(crawl, starts)
    while_closed = gone(crawl)
    boards.closed, boards.removed = False, {21}
    del boards.boards[2].threads[21]
    read(crawl, starts)

    assert (while_closed, gone(crawl)) == (set(), {"t21"})
    assert walled.reason == "partly_read"


def test_topics_of_a_closed_board_that_a_feed_of_all_had_named_are_not_gone(
    crawl: Runs, boards: TwoBoards
) -> None:
    """A feed of the whole forum only stops naming them, and comes as before: the run says how many pages are
    missing or hidden, and believes none gone.
    """
    starts = [f"{boards.url}/index.php?action=.xml;type=rss2"]
    read(crawl, starts)
    boards.closed = True

    run = read(crawl, starts)

    assert gone(crawl) == set()
    assert (run.outcome, run.reason) == (RunOutcome.NOTHING_NEW, "partly_read")
    assert (run.detail or "").startswith("4 of 9 pages ")
    assert "4 missing_or_kept" in (run.detail or "")
