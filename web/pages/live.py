"""The stream of what is new for the first screen: server-sent events."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.responses import PlainTextResponse, Response

from storage.visible.findings import companies_of_findings, sources_of_findings
from web.access.signed_in import Person
from web.console import ConsoleParts
from web.finding_list import CHOICES, ListChoice
from web.live import LiveFeed, LivePage, live_feed_of
from web.visits import LastVisit

router = APIRouter()

HEARTBEAT_S = 15
SEND_TIMEOUT_S = 30.0  # a page that takes nothing for this long is gone
RETRY_MS = 3_000


def live_page(request: Request, console: ConsoleParts, person: Person, at: str = "") -> LivePage:
    """Return what the open page shows, and since when it has to be told: its address, or the last event that
    it got, says when it was made.
    """
    now = console.clock()
    choice = ListChoice.of({name: request.query_params.getlist(name) for name in CHOICES})
    with console.database.reading() as session:
        companies = companies_of_findings(session, person.view)
        sources = sources_of_findings(session, person.view)
    chosen = choice.filter_for(
        person.user_id,
        companies={slug: number for number, slug, _ in companies},
        sources={name: number for number, name in sources},
        here=LastVisit.of(person.preferences).before,
    )
    since = _moment(request.headers.get("last-event-id", "")) or _moment(at) or now
    return LivePage(person, chosen, len(companies) != 1, min(since, now))


@router.get("/live")
async def live(request: Request, page: Annotated[LivePage, Depends(live_page)]) -> Response:
    feed = live_feed_of(request)
    if not feed.has_room(page.person):
        return PlainTextResponse("Too many pages are open.\n", 503)
    return EventSourceResponse(
        _stream(feed, page),
        ping=HEARTBEAT_S,
        send_timeout=SEND_TIMEOUT_S,
        sep="\n",
        headers={"Cache-Control": "no-store"},
    )


async def _stream(feed: LiveFeed, page: LivePage) -> AsyncIterator[ServerSentEvent]:
    yield ServerSentEvent(comment="open", retry=RETRY_MS)
    async for event in feed.events(page):
        data = json.dumps(event.data, ensure_ascii=False)
        yield ServerSentEvent(data=data, event=event.name, id=event.id or None)


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text[:40])
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
