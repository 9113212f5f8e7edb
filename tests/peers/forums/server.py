"""A board on a real HTTP server, rendered with the templates of one program."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from tests.peers.forums.board import POSTS_A_PAGE, THREADS_A_PAGE, Board, Thread
from tests.peers.web import Answer, Asked, Site

#: The boards are in China. Programs with local dates write them each in their own format.
LOCAL = timezone(timedelta(hours=8))

_templates = Environment(
    loader=PackageLoader("tests.peers.forums"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)

#: What an address requests: (None, number of a list page) or (thread, number of its page).
RequestedPage = tuple[int | None, int]


@dataclass(frozen=True)
class Program:
    """How one program writes addresses and dates. Its addresses may contain a new session."""

    name: str
    board: Callable[[int], str]
    thread: Callable[[Thread, int], str]
    read: Callable[[Asked], RequestedPage | None]
    date: str
    feed: str = ""
    charset: str = "utf-8"
    declared: str = "; charset=utf-8"
    chinese: bool = False

    def local(self, at: datetime) -> str:
        return at.astimezone(LOCAL).strftime(self.date)


def _rows_before(page: int, each: int) -> int:
    return (page - 1) * each


def _new_session() -> str:
    return secrets.token_hex(16)


def _page_in_query(asked: Asked, script: str, key: str, *, page: str = "page", each: int = 0) -> int | None:
    """Return the page number in a query for this script, or None for another script."""
    if not asked.path.endswith(script) or key not in asked.query:
        return None
    number = asked.query.get(page, "")
    return int(number) // each + 1 if each and number.isdecimal() else int(number or 1)


def _query_reader(
    board: tuple[str, str], thread: tuple[str, str], **pages: Any
) -> Callable[[Asked], RequestedPage | None]:
    def read(asked: Asked) -> RequestedPage | None:
        rows = pages.get("page") == "start"
        if number := _page_in_query(asked, *board, **pages, each=THREADS_A_PAGE if rows else 0):
            return None, number
        if number := _page_in_query(asked, *thread, **pages, each=POSTS_A_PAGE if rows else 0):
            return int(asked.query[thread[1]]), number
        return None

    return read


def _read_xenforo(asked: Asked) -> RequestedPage | None:
    hit = re.fullmatch(r"/(forums|threads)/[\w-]+\.(\d+)/(?:page-(\d+))?", asked.path)
    return (int(hit[2]) if hit[1] == "threads" else None, int(hit[3] or 1)) if hit else None


def _read_smf(asked: Asked) -> RequestedPage | None:
    for key, each in (("board", THREADS_A_PAGE), ("topic", POSTS_A_PAGE)):
        if re.fullmatch(r"\d+\.\d+", number := asked.query.get(key, "")):
            here, rows = (int(part) for part in number.split("."))
            return (here if key == "topic" else None), rows // each + 1
    return None


def _read_discuz(asked: Asked) -> RequestedPage | None:
    thread = asked.query.get("tid") if asked.query.get("mod") == "viewthread" else None
    known = thread is not None or asked.query.get("mod") == "forumdisplay"
    return (int(thread) if thread else None, int(asked.query.get("page", "1"))) if known else None


PROGRAMS = {
    each.name: each
    for each in (
        Program(
            "mybb",
            board=lambda page: (
                f"forumdisplay.php?fid=2&page={page}" if page > 1 else "forumdisplay.php?fid=2"
            ),
            thread=lambda each, page: f"showthread.php?tid={each.id}" + (f"&page={page}" if page > 1 else ""),
            read=_query_reader(("forumdisplay.php", "fid"), ("showthread.php", "tid")),
            date="%m-%d-%Y, %I:%M %p",
            feed="syndication.php?fid=2",
        ),
        Program(
            "phpbb",
            board=lambda page: (
                f"viewforum.php?f=2&sid={_new_session()}&start={_rows_before(page, THREADS_A_PAGE)}"
            ),
            thread=lambda each, page: (
                f"viewtopic.php?t={each.id}&sid={_new_session()}"
                + (f"&start={_rows_before(page, POSTS_A_PAGE)}" if page > 1 else "")
            ),
            read=_query_reader(("viewforum.php", "f"), ("viewtopic.php", "t"), page="start"),
            date="%a %b %d, %Y %I:%M %p",
        ),
        Program(
            "xenforo",
            board=lambda page: "forums/databases.2/" + (f"page-{page}" if page > 1 else ""),
            thread=lambda each, page: f"threads/offer.{each.id}/" + (f"page-{page}" if page > 1 else ""),
            read=_read_xenforo,
            date="%b %d, %Y at %I:%M %p",
            feed="forums/databases.2/index.rss",
        ),
        Program(
            "vbulletin",
            board=lambda page: (
                f"forumdisplay.php?s={_new_session()}&f=2" + (f"&page={page}" if page > 1 else "")
            ),
            thread=lambda each, page: (
                f"showthread.php?s={_new_session()}&t={each.id}" + (f"&page={page}" if page > 1 else "")
            ),
            read=_query_reader(("forumdisplay.php", "f"), ("showthread.php", "t")),
            date="%m-%d-%Y, %I:%M %p",
            feed="external.php?type=RSS2&forumids=2",
        ),
        Program(
            "discuz",
            board=lambda page: f"forum.php?mod=forumdisplay&fid=2&page={page}",
            thread=lambda each, page: f"forum.php?mod=viewthread&tid={each.id}&extra=page%3D1&page={page}",
            read=_read_discuz,
            date="%Y-%m-%d %H:%M",
            feed="forum.php?mod=rss&fid=2&auth=0",
            charset="gbk",
            declared="",
            chinese=True,
        ),
        Program(
            "smf",
            board=lambda page: (
                f"index.php?PHPSESSID={_new_session()}&board=2.{_rows_before(page, THREADS_A_PAGE)}"
            ),
            thread=lambda each, page: (
                f"index.php?PHPSESSID={_new_session()}&topic={each.id}.{_rows_before(page, POSTS_A_PAGE)}"
            ),
            read=_read_smf,
            date="%B %d, %Y, %I:%M:%S %p",
            feed="index.php?action=.xml;type=rss2;board=2",
        ),
    )
}


class ForumSite(Site):
    """`with ForumSite("mybb") as site:`. With `redesigned`, its pages have an unknown design."""

    def __init__(self, program: str) -> None:
        super().__init__(offers=0)
        self.program = PROGRAMS[program]
        self.board = Board(chinese=self.program.chinese)
        self.redesigned = False

    @property
    def start(self) -> str:
        """The first page of the board, as an operator would write it."""
        return re.sub(
            r"&?(?:s|sid|PHPSESSID)=\w+&?|&?(?:page=1|start=0)$", "", f"{self.url}/{self.program.board(1)}"
        )

    @property
    def feed(self) -> str:
        return f"{self.url}/{self.program.feed}"

    async def _answer(self, asked: Asked, writer: asyncio.StreamWriter) -> Answer | None:
        if asked.path == "/robots.txt":
            return self.robots
        if self.redesigned:
            return self.drawn("redesigned.html", threads=self.board.page(1))
        if asked.path == "/index.html":
            return self.drawn("index.html")
        if (
            self.program.feed
            and self.program.feed.partition("?")[0] == asked.path[1:]
            and self._is_feed_request(asked)
        ):
            return self.drawn("feed.xml", threads=self.board.order[:15], content_type="application/rss+xml")
        wanted = self.program.read(asked)
        if wanted is None:
            return Answer(b"<p>No such page", status=404)
        return self.page(*wanted)

    def _is_feed_request(self, asked: Asked) -> bool:
        if self.program.name in ("discuz", "smf"):
            return "rss" in asked.query.get("mod", "") + asked.query.get("action", "")
        return True

    def page(self, number: int | None, page: int) -> Answer:
        """Return a list page or, with the number of a thread, one of its pages."""
        if number is None:
            return self.drawn(f"{self.program.name}_list.html", page=page)
        thread = self.board.threads.get(number)
        if thread is None:
            return Answer(b"<p>No such thread", status=404)
        shown = "message" if thread.rank else "thread"
        return self.drawn(f"{self.program.name}_{shown}.html", thread=thread, page=page)

    def drawn(self, template: str, *, content_type: str = "text/html", **values: object) -> Answer:
        html = _templates.get_template(template).render(
            site=self,
            board=self.board,
            program=self.program,
            now=datetime.now(UTC),
            local=self.program.local,
            board_url=self.program.board,
            thread_url=self.program.thread,
            rfc2822=format_datetime,
            **values,
        )
        return Answer(html.encode(self.program.charset), content_type=content_type + self.program.declared)
