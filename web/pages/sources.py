"""Sources: which are read and which are not, and what there is of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from pydantic import ValidationError
from starlette.responses import HTMLResponse

from configuration.toml_text import toml_text
from crawler.errors import ScheduleRefused
from crawler.scheduling.source_slots import DEFAULT_EVERY, SourceSlots, slots_of
from crawler.sources import read_stored
from daemon.coverage import source_coverage
from daemon.errors import LookFailed
from daemon.looks import StoredPage, read_stored_page
from daemon.source_vitals import vitals_of
from storage.captures import Capture
from storage.errors import EvidenceFailed
from storage.sources import Source
from storage.users import Role
from storage.visible import sources as visible
from web.access.signed_in import Person
from web.console import Console, ConsoleParts
from web.errors import NotVisible
from web.reasons import meaning_of
from web.rendering import render
from web.wording import ConsoleWording

router = APIRouter()

#: In the order of the counters: what needs somebody first.
STATES = (
    *(health.value for health in visible.WORST_FIRST),
    visible.BEHIND,
    "ok",
    "unknown",
    visible.DISABLED,
)
COVERED = timedelta(days=7)
MAX_GAPS = 20
MAX_SLOTS_KEPT = 20_000
#: By id of a source: the digest of its definition, and its slots. Reading a definition takes a millisecond.
_slots: dict[int, tuple[str, SourceSlots | None]] = {}


@dataclass(frozen=True, slots=True)
class Visits:
    """When a source is visited: `every` or `cron`; neither: its schedule cannot be read."""

    every: timedelta | None
    cron: str | None
    next: datetime | None


def visits_of(source: Source, now: datetime) -> Visits:
    """Return when a source is visited; its next visit is None if it is disabled."""
    kept = _slots.get(source.id)
    if kept is None or kept[0] != source.digest:
        try:
            slots: SourceSlots | None = slots_of(source)
        except ScheduleRefused:
            slots = None
        if len(_slots) >= MAX_SLOTS_KEPT:
            _slots.clear()
        kept = _slots[source.id] = (source.digest, slots)
    slots = kept[1]
    if slots is None:
        return Visits(None, None, None)
    schedule = source.definition.get("schedule") or {}
    following = slots.after(now) if source.enabled else None
    if schedule.get("cron"):
        return Visits(None, str(schedule["cron"]), following)
    seconds = str(schedule.get("every") or "").removesuffix("s")
    every = timedelta(seconds=int(seconds)) if seconds.isdecimal() else DEFAULT_EVERY
    return Visits(every, None, following)


def definition_text(source: Source) -> str:
    """Return what was declared or written about a source, as TOML without the defaults."""
    try:
        values: Mapping[str, object] = read_stored(source.definition).model_dump(
            mode="json", exclude_defaults=True
        )
    except ValidationError:  # another version wrote it
        values = source.definition
    return toml_text(values)


@router.get("/sources")
def source_table(
    request: Request,
    console: ConsoleParts,
    person: Person,
    state: str = "",
    q: Annotated[str, Query(max_length=200)] = "",
    after: Annotated[str, Query(max_length=100)] = "",
) -> HTMLResponse:
    now, words = console.clock(), q.strip()
    chosen = state if state in STATES else ""
    with console.database.reading() as session:
        counts = visible.state_counts(session, person.view)
        rows = visible.sources_worst_first(
            session,
            person.view,
            state=chosen or None,
            words=words,
            after=after or None,
            limit=visible.ROWS + 1,
        )
    shown = rows[: visible.ROWS]
    more = {"state": chosen, "q": words, "after": shown[-1].cursor} if len(rows) > visible.ROWS else {}
    return render(
        request,
        "sources.html",
        person=person,
        rows=shown,
        visits={row.source.id: visits_of(row.source, now) for row in shown},
        counts=[(name, counts[name]) for name in STATES if counts.get(name)],
        total=sum(count for name, count in counts.items() if name != visible.BEHIND),
        state=chosen,
        words=words,
        more=urlencode({name: value for name, value in more.items() if value}),
        counted=visible.COUNTED,
        newest_counted=visible.NEWEST_COUNTED,
        sees_all=person.view.companies is None,
        may_add=person.may(Role.ADMIN),
    )


@router.get("/sources/{name}")
def one_source(
    request: Request, console: ConsoleParts, person: Person, name: str, done: str = ""
) -> HTMLResponse:
    now, view = console.clock(), person.view
    with console.database.reading() as session:
        source = visible.source_named(session, view, name)
        if source is None:
            raise NotVisible
        values: dict[str, Any] = {
            "vitals": vitals_of(session, source, now=now),
            "coverage": source_coverage(
                session, source, since=now - COVERED, now=now, retention=console.settings.retention
            ),
            "runs": visible.newest_runs(session, view, source.id),
            "changes": visible.health_changes(session, view, source.id),
            "captures": visible.newest_pages(session, view, source.id),
            "listings": visible.newest_listings(session, view, source.id),
            "listing_count": visible.listing_counts(session, view, [source.id]).get(source.id, 0),
        }
    t = ConsoleWording(person.language, person.zone)
    return render(
        request,
        "source.html",
        person=person,
        source=source,
        visits=visits_of(source, now),
        definition=definition_text(source),
        meaning=lambda reason: meaning_of(t, reason),
        counted=visible.COUNTED,
        max_gaps=MAX_GAPS,
        sees_all=view.companies is None,
        may_change=person.may(Role.ADMIN) and source.declared_in is None,
        done=done if t.has(f"sources.done_{done}") else "",
        **values,
    )


@router.get("/sources/{name}/pages/{capture_id}")
def one_page(
    request: Request, console: ConsoleParts, person: Person, name: str, capture_id: int
) -> HTMLResponse:
    """Show a stored page as masked text. Its bytes are taken apart in a process of their own."""
    with console.database.reading() as session:
        source = visible.source_named(session, person.view, name)
        capture = None if source is None else visible.stored_page(session, person.view, source.id, capture_id)
    if source is None or capture is None:
        raise NotVisible
    page, problem = _page_text(console, capture)
    t = ConsoleWording(person.language, person.zone)
    return render(
        request,
        "source_page.html",
        person=person,
        source=source,
        capture=capture,
        page=page,
        problem=problem,
        meaning=lambda reason: meaning_of(t, reason),
    )


def _page_text(console: Console, capture: Capture) -> tuple[StoredPage | None, str | None]:
    """Return a page, or the reason why there is no text of it."""
    if capture.place is None:
        return None, "no_evidence"
    try:
        response = console.evidence.read_response(capture.place, capture.sha256)
        page = read_stored_page(
            response,
            content_type=capture.content_type or "",
            charset=capture.charset,
            settings=console.settings.crawler,
        )
    except (EvidenceFailed, LookFailed) as error:
        return None, error.reason
    return page, page.problem
