"""Which queued runs may begin now, for all of them at once.

`site_turns.claim_run` has the rules and decides about one run, with locks. This module applies the same rules
to everything that is queued, without locks and in time that grows with the number of sources and not with its
square: the engine asks once a second. A run that may begin here may still have to wait when it is claimed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from crawler.scheduling.site_index import SiteIndex, SourceTraits, read_traits
from crawler.scheduling.site_turns import TURN, sites_left_alone
from storage import runs
from storage.runs import OpenRun, RunTrigger

_ENDS_KEPT = 2  # of each site: the last end of two sources, one of which is another one's


@dataclass(slots=True)
class _Site:
    """What is known of one site; `ended` has the last ends, each with its source, the latest one first.

    An end so long ago that nobody waits because of it any more is left out.
    """

    running: set[int] = field(default_factory=set)
    ended: list[tuple[datetime, int]] = field(default_factory=list)
    resting: bool = False

    def last_end_beside(self, source_id: int) -> datetime | None:
        """Return when the last run of another source ended."""
        for at, each in self.ended:
            if each != source_id:
                return at
        return None

    def is_read_by_another(self, source_id: int) -> bool:
        return len(self.running) > 1 or (bool(self.running) and source_id not in self.running)


class SiteBoard:
    """The open runs at one moment, and which of them may begin, or are to be ended."""

    def __init__(self, waiting: Mapping[int, bool], abandoned: Sequence[int]) -> None:
        self._waiting = waiting
        self._abandoned = abandoned

    @classmethod
    def read(cls, session: Session, *, now: datetime) -> SiteBoard:
        found = runs.open_runs(session, now=now)
        abandoned = [run.id for run in found if run.abandoned]
        queued = [run for run in found if not run.running]
        if not queued:
            return cls({}, abandoned)
        index = SiteIndex.current(session)
        traits = _read_traits(session, index, {run.source_id for run in queued})
        queued = [run for run in queued if run.source_id in traits]
        running = {run.source_id for run in found if run.running and not run.abandoned}
        sites = _read_sites(session, index, traits, running, now=now)
        blocked = _blocked_by_turns(queued, traits, sites, now)
        waiting = {
            run.id: run.id in blocked or _waits(run, traits[run.source_id], sites, now) for run in queued
        }
        return cls(waiting, abandoned)

    def __contains__(self, run_id: int) -> bool:
        return run_id in self._waiting

    def must_wait(self, run_id: int) -> bool:
        """Return whether a queued run has to wait; False for a run that is not queued."""
        return self._waiting.get(run_id, False)

    def due(self) -> list[int]:
        """Return the abandoned runs, and those that may begin, oldest first."""
        return [*self._abandoned, *(run_id for run_id, waits in self._waiting.items() if not waits)]


def runs_to_begin(session: Session, *, now: datetime, limit: int) -> Sequence[int]:
    """Return the ids of the queued runs that may begin now, and of abandoned ones, which are to be ended."""
    return SiteBoard.read(session, now=now).due()[:limit]


def _read_traits(session: Session, index: SiteIndex, source_ids: Collection[int]) -> dict[int, SourceTraits]:
    """Return the traits of these sources, also of removed ones."""
    known = {each: index.traits[each] for each in source_ids if each in index.traits}
    return known | read_traits(session, source_ids - known.keys())


def _read_sites(
    session: Session,
    index: SiteIndex,
    traits: Mapping[int, SourceTraits],
    running: Collection[int],
    *,
    now: datetime,
) -> dict[str, _Site]:
    """Read what is known of the sites of these sources."""
    sites = {site: _Site() for own in traits.values() for site in own.sites}
    readers = {site: set(index.members.get(site, ())) for site in sites}
    for source_id, own in traits.items():
        for site in own.sites:
            readers[site].add(source_id)
    alone = sites_left_alone(session, index, now=now)
    busy: set[int] = set()
    for site, each in readers.items():
        sites[site].resting = site in alone
        sites[site].running = each.intersection(running)
        if len(each) > 1:
            busy |= each
    if busy:
        longest = max(own.delay for own in traits.values())
        ends = runs.ends_since(session, busy, since=now - longest - TURN)
        for site, each in readers.items():
            last = sorted(((ends[source_id], source_id) for source_id in each & ends.keys()), reverse=True)
            sites[site].ended = last[:_ENDS_KEPT]
    return sites


def _waits(run: OpenRun, traits: SourceTraits, sites: Mapping[str, _Site], now: datetime) -> bool:
    own = [sites[site] for site in traits.sites]
    if run.trigger is not RunTrigger.MANUAL and _rests(traits, sites, now):
        return True
    for site in own:
        if site.is_read_by_another(run.source_id):
            return True
        ended = site.last_end_beside(run.source_id)
        if ended is not None and ended > now - traits.delay:
            return True
    return False


def _rests(traits: SourceTraits, sites: Mapping[str, _Site], now: datetime) -> bool:
    """Return whether all sites of a source are left alone, or its quiet hours last."""
    alone = bool(traits.sites) and all(sites[site].resting for site in traits.sites)
    return alone or traits.quiet.around(now) is not None


def _blocked_by_turns(
    queued: Sequence[OpenRun],
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
        if not by_hand and not taken.isdisjoint(own.sites):
            blocked.add(run.id)
        if taken.issuperset(own.sites) or (not by_hand and _rests(own, sites, now)):
            continue
        for site in own.sites:
            ended = sites[site].last_end_beside(run.source_id)
            if now < max(run.queued_at, ended or run.queued_at) + own.delay + TURN:
                taken.add(site)
    return blocked
