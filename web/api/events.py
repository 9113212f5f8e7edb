"""Changes of findings as they happen: server-sent events.

1. The stream begins now, or after the event that Last-Event-ID names.
2. It looks when the shared pulse beats, and every LOOK_S: a transaction that was late is then found, too.
3. Each event is a finding as it is after a change; its id is where the stream goes on after it.
4. Every CHECK_S the asker is judged again, so that an ended session or token gets nothing more.
5. After LONGEST_S the stream ends; a client begins again with the last id that it got.

Changes of the last OVERLAP before the named event are given again, because a transaction may have become
visible late. The ids tell which ones a client has.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import StreamingResponse

from storage.errors import StorageError
from storage.visible.findings import alert_names
from storage.visible.findings_by_time import FindingConditions, Place, TimeOrder, findings_by_time
from web.api.callers import Asker, FindingsReader, ask_again
from web.api.cursors import moment_text, read_moment
from web.api.errors import CursorRefused, TooManyRequests
from web.api.models import AlertShape
from web.api.problems import problems
from web.api.pulse import ChangePulse
from web.api.reports import NoQuery
from web.console import Console, ConsoleParts
from web.errors import ConsoleError

router = APIRouter(tags=["findings"])

STREAMS = 200  # of this process
STREAMS_OF_ONE = 10  # of one asker
BATCH = 100  # findings of one look
LOOK_S = 5.0
SILENT_S = 15.0  # after it a comment keeps the connection open
CHECK_S = 30.0
LONGEST_S = 3600.0
OVERLAP = timedelta(seconds=30)
EVENT_STREAM = "text/event-stream"


class OpenStreams:
    """The streams that are open in this process, by asker."""

    def __init__(self, pulse: ChangePulse) -> None:
        self.pulse = pulse
        self._by_name: Counter[str] = Counter()

    def begin(self, name: str) -> None:
        """Count a stream; raises TooManyRequests."""
        if self._by_name.total() >= STREAMS or self._by_name[name] >= STREAMS_OF_ONE:
            raise TooManyRequests(retry_after_s=60)
        self._by_name[name] += 1
        self.pulse.hold()

    def end(self, name: str) -> None:
        self.pulse.release()
        self._by_name[name] -= 1
        if not self._by_name[name]:
            del self._by_name[name]


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses=problems()
    | {
        200: {
            "description": "Events of the type `finding`. `data` is a finding as in the list; `id` is what "
            "Last-Event-ID names to go on after it.",
            "content": {EVENT_STREAM: {}},
        }
    },
)
async def stream_changes(
    request: Request,
    console: ConsoleParts,
    who: FindingsReader,
    query: Annotated[NoQuery, Query()],
    last: Annotated[str | None, Header(alias="Last-Event-ID", max_length=200)] = None,
) -> StreamingResponse:
    """Follow the changes of the findings that the asker may see."""
    after = (console.clock(), "") if last is None else _place_of(last)
    streams = request.app.state.open_streams
    assert isinstance(streams, OpenStreams)
    streams.begin(who.name)
    events = _events(request, console, streams, who, after, repeated=last)
    return StreamingResponse(events, media_type=EVENT_STREAM, headers={"X-Accel-Buffering": "no"})


async def _events(
    request: Request,
    console: Console,
    streams: OpenStreams,
    who: Asker,
    after: Place,
    *,
    repeated: str | None,
) -> AsyncIterator[bytes]:
    begun = checked = spoken = time.monotonic()
    given: dict[tuple[str, str], Place] = {}
    place = (after[0] - OVERLAP, "") if repeated is not None else after
    try:
        yield b": following\n\n"
        while time.monotonic() - begun < LONGEST_S:
            if time.monotonic() - checked >= CHECK_S:
                who, checked = await asyncio.to_thread(ask_again, request, console), time.monotonic()
            shapes = await asyncio.to_thread(_changes, console, who, place)
            for shape in shapes:
                key = (shape.reference, moment_text(shape.updated_at))
                if key in given:
                    continue
                given[key] = (shape.updated_at, shape.reference)
                yield _event(shape)
                spoken = time.monotonic()
            if len(shapes) == BATCH:
                place = (shapes[-1].updated_at, shapes[-1].reference)
                continue
            place = _overlapped(place, given)
            if time.monotonic() - spoken >= SILENT_S:
                yield b": still there\n\n"
                spoken = time.monotonic()
            await streams.pulse.wait(LOOK_S)
    except (ConsoleError, StorageError):
        return  # the client asks again, and is told why
    finally:
        streams.end(who.name)


def _overlapped(place: Place, given: dict[tuple[str, str], Place]) -> Place:
    """Return where the next look begins, and forget what lies before it."""
    newest = max(given.values(), default=place)
    begin = max(place, (newest[0] - OVERLAP, ""))
    for key in [key for key, at in given.items() if at <= begin]:
        del given[key]
    return begin


def _changes(console: Console, who: Asker, place: Place) -> list[AlertShape]:
    everything = FindingConditions(merged=True)
    with console.database.reading() as session:
        rows = findings_by_time(
            session, who.view, everything, order=TimeOrder.UPDATED, after=place, limit=BATCH
        )
        names = alert_names(session, who.view, rows)
    return [AlertShape.of(row, names) for row in rows]


def _event(shape: AlertShape) -> bytes:
    name = json.dumps([moment_text(shape.updated_at), shape.reference], separators=(",", ":"))
    event_id = base64.urlsafe_b64encode(name.encode()).decode().rstrip("=")
    return f"id: {event_id}\nevent: finding\ndata: {shape.model_dump_json()}\n\n".encode()


def _place_of(event_id: str) -> Place:
    try:
        at, reference = json.loads(base64.urlsafe_b64decode(event_id.encode("ascii") + b"=="))
    except (ValueError, TypeError, UnicodeEncodeError, binascii.Error, RecursionError):
        raise CursorRefused("Last-Event-ID: no id of an event of this stream") from None
    if not isinstance(at, str) or not isinstance(reference, str):
        raise CursorRefused("Last-Event-ID: no id of an event of this stream")
    return read_moment(at), reference
