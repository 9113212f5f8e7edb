"""Which queued runs may begin now, for all of them at once.

`site_turns.claim_run` has the rules and decides about one run, with locks. This module applies the same rules
to everything that is queued, without locks and in time that grows with the number of sources and not with its
square: the engine asks once a second. A run that may begin here may still have to wait when it is claimed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from crawler.scheduling.site_index import SiteIndex, SourceTraits, read_traits
from crawler.scheduling.site_turns import NOT_BEFORE, TURN
from storage import runs, sources
from storage.runs import QueuedRun, RunTrigger


@dataclass(slots=True)
class _Site:
    """What is known of one site; `ended` has the last end of a run of each source."""

    running: set[int] = field(default_factory=set)
    ended: list[tuple[datetime, int]] = field(default_factory=list)
    paused_until: datetime | None = None
    members: int = 0

    def last_end_beside(self, source_id: int) -> datetime | None:
        """Return when the last run of another source ended; `ended` has the two latest sources."""
        return max((at for at, each in self.ended if each != source_id), default=None)


class SiteBoard:
    """The queued runs at one moment, and which of them may begin."""

    def __init__(self, waiting: Mapping[int, bool]) -> None:
        self._waiting = waiting

    @classmethod
    def read(cls, session: Session, *, now: datetime) -> SiteBoard:
        queued = runs.queued_runs(session, now=now)
        if not queued:
            return cls({})
        traits = _read_traits(session, {run.source_id for run in queued})
        queued = [run for run in queued if run.source_id in traits]
        pauses = {
            source_id: datetime.fromisoformat(until)
            for source_id, until in sources.cursor_marks(session, traits.keys(), NOT_BEFORE).items()
        }
        sites = _read_sites(session, traits, pauses, now=now)
        blocked = _blocked_by_turns(queued, traits, sites, now)
        return cls(
            {
                run.id: run.id in blocked
                or _waits(run, traits[run.source_id], pauses.get(run.source_id), sites, now)
                for run in queued
            }
        )

    def __contains__(self, run_id: int) -> bool:
        return run_id in self._waiting

    def must_wait(self, run_id: int) -> bool:
        """Return whether a queued run has to wait; False for a run that is not queued."""
        return self._waiting.get(run_id, False)

    def ready(self) -> list[int]:
        """Return the runs that may begin, oldest first."""
        return [run_id for run_id, waits in self._waiting.items() if not waits]


def runs_to_begin(session: Session, *, now: datetime, limit: int) -> Sequence[int]:
    """Return the ids of the queued runs that may begin now, and of abandoned ones, which are to be ended."""
    abandoned = runs.abandoned_runs(session, now=now, limit=limit)
    return [*abandoned, *SiteBoard.read(session, now=now).ready()][:limit]


def _read_traits(session: Session, queued: Collection[int]) -> Mapping[int, SourceTraits]:
    """Return the traits of these sources, and of all others that read one of their sites."""
    index = SiteIndex.current(session)
    own = {each: index.traits[each] for each in queued if each in index.traits}
    own |= read_traits(session, set(queued) - own.keys())  # removed sources
    beside = index.readers_of(site for each in own.values() for site in each.sites)
    return {**{each: index.traits[each] for each in beside}, **own}


def _read_sites(
    session: Session,
    traits: Mapping[int, SourceTraits],
    pauses: Mapping[int, datetime],
    *,
    now: datetime,
) -> dict[str, _Site]:
    """Read what is known of the sites of these sources."""
    sites: dict[str, _Site] = defaultdict(_Site)
    for source_id, own in traits.items():
        for site in own.sites:
            sites[site].members += 1
            if (pause := pauses.get(source_id)) is not None:
                sites[site].paused_until = max(pause, sites[site].paused_until or pause)
    beside = {each: own.sites for each, own in traits.items()}
    busy = {each for each, shared in beside.items() if any(sites[site].members > 1 for site in shared)}
    for source_id in runs.running_sources(session, now=now) & busy:
        for site in beside[source_id]:
            sites[site].running.add(source_id)
    for source_id, at in runs.last_ends(session, busy).items():
        for site in beside[source_id]:
            sites[site].ended = sorted([*sites[site].ended, (at, source_id)])[-2:]
    return sites


def _waits(
    run: QueuedRun,
    traits: SourceTraits,
    pause: datetime | None,
    sites: Mapping[str, _Site],
    now: datetime,
) -> bool:
    own = [sites[site] for site in traits.sites]
    pauses = [pause, *(site.paused_until for site in own)]
    if run.trigger is not RunTrigger.MANUAL and (
        traits.quiet.around(now) is not None or any(pause is not None and pause > now for pause in pauses)
    ):
        return True
    for site in own:
        if site.running - {run.source_id}:
            return True
        ended = site.last_end_beside(run.source_id)
        if ended is not None and ended > now - traits.delay:
            return True
    return False


def _blocked_by_turns(
    queued: Sequence[QueuedRun],
    traits: Mapping[int, SourceTraits],
    sites: Mapping[str, _Site],
    now: datetime,
) -> set[int]:
    """Return the runs that must give way to one of their site that has waited longer and has its turn."""
    taken: set[str] = set()  # sites of which an earlier run has its turn
    blocked = set()
    for run in queued:
        own = traits[run.source_id]
        by_hand = run.trigger is RunTrigger.MANUAL
        if not by_hand and own.sites & taken:
            blocked.add(run.id)
        if not by_hand and own.quiet.around(now) is not None:
            continue
        for site in own.sites:
            ended = sites[site].last_end_beside(run.source_id)
            if now < max(run.queued_at, ended or run.queued_at) + own.delay + TURN:
                taken.add(site)
    return blocked
