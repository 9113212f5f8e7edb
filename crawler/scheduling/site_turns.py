"""Turns: which run may read a site now.

Runs are processes that do not know each other. So two sources of one site never run at the same time, and the
next run waits for its source's own delay: requests of one run at a time, with the same pause between two
runs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from crawler.scheduling.site_index import SiteIndex, delay_of, quiet_hours_of
from crawler.sites import sites_of
from storage import runs, sources
from storage.runs import Run, RunTrigger
from storage.sources import NOT_BEFORE, SITE_PAUSES

#: How long a source may take to begin when its turn has come; the engine polls every second.
TURN = timedelta(minutes=1)


def claim_run(session: Session, run: Run, *, now: datetime, node_id: int | None = None) -> int | None:
    """Claim a queued run and return its epoch; None if it is no longer queued or has to wait.

    A run waits while another source of its site is being read or was read a moment ago, while it is another
    source's turn, during its quiet hours, and while its site wants to be left alone. A run that a person
    asked for only waits for the first of these.
    """
    beside = _neighbours(session, run)
    if beside:
        runs.lock_sites(session, sites_of(run.source.definition))
    runs.lock_source(session, run.source_id)
    if run.trigger is not RunTrigger.MANUAL and _wants_rest(session, run, now):
        return None
    if _is_held_up(session, run, beside, now):
        return None
    return runs.claim_run(session, run.id, now=now, node_id=node_id)


def _is_held_up(session: Session, run: Run, beside: Collection[int], now: datetime) -> bool:
    if runs.ran_since(session, beside, since=now - _source_delay(run), now=now):
        return True
    return run.trigger is not RunTrigger.MANUAL and _must_give_way(session, run, beside, now)


def _must_give_way(session: Session, run: Run, beside: Collection[int], now: datetime) -> bool:
    """Return whether it is the turn of another source of the site that has waited longer.

    Without turns, a source with a long delay would wait for ever beside one that is read more often than
    that. A source's turn begins when the site has been left alone for that source's delay. A source that does
    not use its turn (its run cannot be started) does not hold up the others.
    """
    for other in runs.runs_waiting_longer(session, run, beside) if beside else ():
        if other.trigger is not RunTrigger.MANUAL and _wants_rest(session, other, now):
            continue
        ended = runs.last_finished_at(session, {run.source_id, *beside} - {other.source_id})
        if now < max(other.queued_at, ended or other.queued_at) + _source_delay(other) + TURN:
            return True
    return False


def _neighbours(session: Session, run: Run) -> set[int]:
    """Return the other sources of the run's sites."""
    return SiteIndex.current(session).readers_of(sites_of(run.source.definition)) - {run.source_id}


def _source_delay(run: Run) -> timedelta:
    return delay_of(run.source.definition)


def _wants_rest(session: Session, run: Run, now: datetime) -> bool:
    """Return whether a scheduled run must not begin: all its sites are left alone, or it has quiet hours."""
    sites = sites_of(run.source.definition)
    if sites and sites <= sites_left_alone(session, SiteIndex.current(session), now=now):
        return True
    return quiet_hours_of(run.source.definition).around(now) is not None


def sites_left_alone(session: Session, index: SiteIndex, *, now: datetime) -> set[str]:
    """Return the sites that asked some source for a pause that lasts, with and without `www.`."""
    alone: set[str] = set()
    for pause in sources.pauses(session, now=now):
        own = index.traits.get(pause.source_id)
        told = pause.sites or dict.fromkeys(own.sites if own else (), pause.not_before)
        bare = {site.removeprefix("www.") for site, until in told.items() if until > now}
        alone |= bare | {f"www.{site}" for site in bare}
    return alone


def not_before(cursor: Mapping[str, Any]) -> datetime | None:
    """Return until when a source's site wants to be left alone, from the source's cursor."""
    moment = cursor.get(NOT_BEFORE)
    return datetime.fromisoformat(moment) if moment else None


def site_pauses(cursor: Mapping[str, Any]) -> dict[str, datetime]:
    """Return until when each of a source's sites wants to be left alone, from the source's cursor."""
    pauses = cursor.get(SITE_PAUSES) or {}
    return {site: datetime.fromisoformat(moment) for site, moment in pauses.items()}
