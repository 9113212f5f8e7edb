"""What is new, told to every open page: one look at the database for all pages of this process.

While pages are open, a task of the event loop looks every LOOK_S seconds which findings changed, in a thread,
and gives each page the rows that its person may see, rendered once for each language and role. A page that
connects, or connects again, is first told what changed since it was made. Streams end with the session.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import cast

import structlog
from anyio.to_thread import run_sync
from fastapi import FastAPI, Request

from alerts.clocks import RunningClock
from storage import users
from storage.errors import StorageError
from storage.users import Role
from storage.visible.findings import NEWS, FindingFilter, FindingRow, changed_since, finding_rows
from storage.visible.visibility import EVERYTHING
from web.access.signed_in import SignedIn
from web.console import Console
from web.finding.clocks import next_clock
from web.rendering import environment
from web.wording import ConsoleWording

LOOK_S = 2.0
CHECK_S = 10.0  # between two looks at the sessions of the open pages
LASTS_S = 600.0  # a stream; the page connects again, and its person's roles are read anew
#: Changes are looked for from this long before the last look on: a transaction may be committed late, and
#: the clocks of two nodes differ.
OVERLAP = timedelta(seconds=20)
OLDEST = timedelta(hours=1)  # what a page is told of the time when it was not connected
MOST = 300  # streams of this process
MOST_OF_PERSON = 12
QUEUED = 500  # events that wait for a slow page; then it is told to load again

CLOSING = "closing"  # an event that no page gets

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """`name` is `finding`, or one of those without data: `many`, if the page should be loaded again, and
    `ended`, if the session is over.
    """

    name: str
    id: str
    data: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LiveNews:
    """What one look at the database found. `many`: there is more than one look reads."""

    rows: Sequence[FindingRow]
    clocks: Mapping[int, RunningClock]
    with_clocks: bool
    many: bool


@dataclass(eq=False)
class LivePage:
    """An open page."""

    person: SignedIn
    chosen: FindingFilter
    several_companies: bool
    since: datetime
    events: asyncio.Queue[LiveEvent] = field(default_factory=lambda: asyncio.Queue(QUEUED))
    lost: bool = False

    @property
    def may_triage(self) -> bool:
        return any(role.rank >= Role.ANALYST.rank for role in self.person.roles.values())

    def put(self, event: LiveEvent) -> None:
        """Queue an event; a page that does not read is told once that it lost some."""
        try:
            self.events.put_nowait(event)
        except asyncio.QueueFull:
            self.lost = True


class LiveFeed:
    """Everything that the open pages of one process share. All of it runs in the event loop."""

    def __init__(self, console: Console, *, look_s: float = LOOK_S) -> None:
        self._console = console
        self._look_s = look_s
        self._pages: set[LivePage] = set()
        self._known: dict[int, str] = {}  # what was told last of each finding that changed lately
        self._task: asyncio.Task[None] | None = None
        self._looked_at: datetime | None = None
        self._begun = asyncio.Event()  # the first look is over: what is committed later is told to all

    def has_room(self, person: SignedIn) -> bool:
        own = sum(page.person.user_id == person.user_id for page in self._pages)
        return len(self._pages) < MOST and own < MOST_OF_PERSON

    def close(self) -> None:
        """End all streams; the pages connect again by themselves."""
        for page in self._pages:
            page.put(LiveEvent(CLOSING, ""))

    async def events(self, page: LivePage) -> AsyncIterator[LiveEvent]:
        """Yield what happens until the stream has lasted LASTS_S or the session ends."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + LASTS_S
        self._pages.add(page)
        try:
            if self._task is None or self._task.done():
                self._known, self._looked_at, self._begun = {}, None, asyncio.Event()
                self._task = loop.create_task(self._run())
            await self._begun.wait()
            for event in await self._missed(page):
                yield event
            while (left := ends - loop.time()) > 0:
                try:
                    event = await asyncio.wait_for(page.events.get(), left)
                except TimeoutError:
                    return
                if event.name == CLOSING:
                    return
                yield event
                if event.name == "ended":
                    return
                if page.lost:
                    page.lost = False
                    yield LiveEvent("many", event.id)
        finally:
            self._pages.discard(page)

    async def _missed(self, page: LivePage) -> Sequence[LiveEvent]:
        """Return what changed after the page was made, for this page alone."""
        now = self._console.clock()
        since = max(page.since, now - OLDEST)
        try:
            news = await run_sync(self._read, since, {})
        except StorageError:  # the shared look finds it, or says so in the log
            return []
        many = [LiveEvent("many", now.isoformat())] if news.many else []
        return [*_events_for(page, news, now, {}), *many]

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        checked = loop.time()
        while self._pages:
            await self._look()
            self._begun.set()
            if loop.time() - checked >= min(CHECK_S, 5 * self._look_s):
                checked = loop.time()
                await self._end_old_sessions()
            await asyncio.sleep(self._look_s)

    async def _look(self) -> None:
        """Tell the pages what changed since the last look. A database that is away is asked again."""
        now = self._console.clock()
        first = self._looked_at is None
        since = (self._looked_at or now) - OVERLAP
        try:
            news = await run_sync(self._read, since, dict(self._known))
        except StorageError as error:
            log.warning("Live updates wait for the database.", action="live_waits", reason=error.reason)
            return
        self._looked_at = now
        kept = {row.id: row.stamp.partition(".")[2] for row in news.rows}
        self._known = dict(list((self._known | kept).items())[-10 * NEWS :])
        if first:  # each page has asked for itself
            return
        rendered: dict[tuple[object, ...], str] = {}
        for page in list(self._pages):
            for event in _events_for(page, news, now, rendered):
                page.put(event)
            if news.many:
                page.put(LiveEvent("many", now.isoformat()))

    def _read(self, since: datetime, known: Mapping[int, str]) -> LiveNews:
        """Return the findings that changed, the oldest change first."""
        counted = self._console.settings.web.clocks
        with self._console.database.reading() as session:
            changed = changed_since(session, EVERYTHING, since=since)
            ids = [number for number, stamp in changed if known.get(number) != stamp]
            return LiveNews(
                finding_rows(session, EVERYTHING, ids[::-1]),
                next_clock(session, EVERYTHING, ids, counted),
                bool(counted),
                many=len(ids) == NEWS,
            )

    async def _end_old_sessions(self) -> None:
        held = {page.person.session_id for page in self._pages}
        with suppress(StorageError):
            used = await run_sync(self._sessions_in_use, held)
            for page in list(self._pages):
                if page.person.session_id not in used:
                    page.put(LiveEvent("ended", ""))

    def _sessions_in_use(self, ids: set[int]) -> set[int]:
        with self._console.database.reading() as session:
            return users.sessions_in_use(session, ids, now=self._console.clock())


def _events_for(
    page: LivePage, news: LiveNews, now: datetime, rendered: dict[tuple[object, ...], str]
) -> list[LiveEvent]:
    """Return the events about the rows that the page's person may see."""
    found = []
    for row in news.rows:
        if not page.person.view.includes(row.company_id):
            continue
        told = {
            "reference": row.reference,
            "stamp": row.stamp,
            "fits": page.chosen.admits(row),
            "arrives": row.opened_at >= page.since or row.acknowledged_by is None,
            "html": _html(page, row, news, now, rendered),
        }
        found.append(LiveEvent("finding", now.isoformat(), told))
    return found


def _html(
    page: LivePage,
    row: FindingRow,
    news: LiveNews,
    now: datetime,
    rendered: dict[tuple[object, ...], str],
) -> str:
    person = page.person
    key = (row.stamp, person.language, person.zone, page.may_triage, page.several_companies)
    if key not in rendered:
        rendered[key] = (
            environment()
            .get_template("finding_row.html")
            .render(
                row=row,
                clock=news.clocks.get(row.id),
                with_clocks=news.with_clocks,
                t=ConsoleWording(person.language, person.zone),
                now=now,
                here=None,
                may_triage=page.may_triage,
                several_companies=page.several_companies,
            )
        )
    return rendered[key]


def live_feed_if_open(app: FastAPI) -> LiveFeed | None:
    return cast("LiveFeed | None", getattr(app.state, "live", None))


def live_feed_of(request: Request) -> LiveFeed:
    """Return the feed of this process; it is made with the first page. Call it in the event loop."""
    state = request.app.state
    if not hasattr(state, "live"):
        state.live = LiveFeed(state.console)
    return cast(LiveFeed, state.live)
