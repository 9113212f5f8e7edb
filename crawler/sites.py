"""Sites: what has a politeness of its own, however many sources look at it.

Runs are processes that know nothing of one another, so two sources of one site never run at the same time,
and what begins next waits for the source's own delay: one run's requests at a time, one pause between two.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError
from sqlalchemy.orm import Session

from crawler.sources import FamilySource, SourceDefinition, read_stored
from crawler.sources.definition import HtmlSource, JsonSource, PasteBase
from crawler.sources.quiet_hours import QuietHours
from storage import runs, sources
from storage.runs import Run, RunState, RunTrigger

#: In a source's cursor: the moment before which its site does not want to be asked again.
NOT_BEFORE = "not_before"
#: What a site may ask for; a mistaken (or hostile) "in a thousand years" must not silence a source for ever.
LONGEST_PAUSE = timedelta(days=1)
#: How long a source may take to begin when it is its turn; the engine looks each second.
TURN = timedelta(minutes=1)
#: Addresses whose site is remembered.
KNOWN_STARTS = 4_096


def sites_of(definition: Mapping[str, Any]) -> frozenset[str]:
    """The sites of a stored definition: host names, with the port where one is named."""
    return _sites(definition.get("start"))


def _sites(starts: str | Iterable[str] | None) -> frozenset[str]:
    return frozenset(_known(url) for url in ([starts] if isinstance(starts, str) else starts or ()))


def site_of(url: str) -> str:
    """The site of an address."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return url
    return host.rstrip(".") + (f":{port}" if port not in (None, 80, 443) else "")


#: Every look of a run that waits asks it of every source.
_known = lru_cache(maxsize=KNOWN_STARTS)(site_of)


def named_sites(definition: SourceDefinition) -> frozenset[str]:
    """The sites that a source's file names, where it starts or as an address with a place for a key.

    With and without `www.`: many redirect from one to the other.
    """
    templates = [definition.raw] if isinstance(definition, PasteBase) else []
    if isinstance(definition, HtmlSource | JsonSource | PasteBase):
        templates += [each for each in (definition.list.url, definition.list.page_url) if each]
    item = None if isinstance(definition, FamilySource | PasteBase) else definition.item
    templates += [item.url] if item is not None and item.url else []
    bare = {site_of(url).removeprefix("www.") for url in (*definition.start, *templates)}
    return frozenset(bare | {f"www.{site}" for site in bare})


def claim(session: Session, run: Run, *, now: datetime) -> int | None:
    """Claim a queued run whose time has come; None: it is not queued any more, or has to wait.

    It waits while another source of its site is being read, or was a moment ago; while it is another's turn;
    in its quiet hours; and while its site wants to be left alone. A person who asks for a run waits for the
    first of these alone.
    """
    beside = _beside(session, run)
    if beside:
        runs.lock_sources(session, {run.source_id, *beside})
    return None if _held_up(session, run, beside, now) else runs.claim_run(session, run.id, now=now)


def waits(session: Session, run: Run, *, now: datetime) -> bool:
    """Whether a queued run would have to wait; locks nothing, for it is asked again and again until then.

    First of the source alone: that needs no look at all the others, and at night most runs may wait for it.
    """
    if run.state is not RunState.QUEUED:
        return False
    return _rests(run, {}, now) or _held_up(session, run, _beside(session, run), now)


def _held_up(session: Session, run: Run, beside: Mapping[int, Mapping[str, Any]], now: datetime) -> bool:
    if _rests(run, beside, now) or runs.ran_since(session, beside, since=now - _delay(run), now=now):
        return True
    return run.trigger is not RunTrigger.MANUAL and _gives_way(session, run, beside, now)


def _gives_way(session: Session, run: Run, beside: Collection[int], now: datetime) -> bool:
    """Whether it is the turn of another source of the site, which has waited for longer.

    Else one with a long delay would wait for ever beside one that is read more often than that. It is its
    turn from the moment when the site has been silent for as long as it wants; who does not take it in time
    (its run cannot be begun) holds up nobody.
    """
    for other in runs.runs_waiting_longer(session, run, beside) if beside else ():
        if other.trigger is not RunTrigger.MANUAL and quiet_of(other.source.definition).around(now):
            continue
        ended = runs.last_finished_at(session, {run.source_id, *beside} - {other.source_id})
        if now < max(other.queued_at, ended or other.queued_at) + _delay(other) + TURN:
            return True
    return False


def _beside(session: Session, run: Run) -> dict[int, Mapping[str, Any]]:
    """The cursors of the other sources of the run's sites, by source id."""
    own = sites_of(run.source.definition)
    all_starts = sources.start_addresses(session)
    others = {each for each, starts in all_starts.items() if own & _sites(starts)} - {run.source_id}
    return sources.cursors(session, others) if others else {}


def _delay(run: Run) -> timedelta:
    return timedelta(seconds=float((run.source.definition.get("politeness") or {}).get("delay_s") or 0))


def _rests(run: Run, beside: Mapping[int, Mapping[str, Any]], now: datetime) -> bool:
    """Whether the site is to be left alone by what nobody asked for."""
    if run.trigger is RunTrigger.MANUAL:
        return False
    cursors = [run.source.cursor, *beside.values()]
    if any((pause := not_before(cursor)) is not None and pause > now for cursor in cursors):
        return True
    return quiet_of(run.source.definition).around(now) is not None


def quiet_of(definition: Mapping[str, Any]) -> QuietHours:
    """The quiet hours of a stored definition; of one that another version wrote, none."""
    try:
        read = read_stored(definition)
    except ValidationError:
        return QuietHours(())
    return QuietHours(read.politeness.quiet, timezone=read.timezone)


def not_before(cursor: Mapping[str, Any]) -> datetime | None:
    """Until when a source's site wants to be left alone, as its last run was told."""
    told = cursor.get(NOT_BEFORE)
    return datetime.fromisoformat(told) if told else None
