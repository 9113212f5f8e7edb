"""What was watched and what was not: statistics over runs, listings and versions. Writes nothing.

Statistics are read for one source, or for all of them with one statement; they are then given by source.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, literal, select, text
from sqlalchemy.orm import Session, aliased

from storage.listing_tables import UNMATCHED, UNREAD, Listing, ListingVersion, MatchState
from storage.retention.passes import RetentionPass
from storage.retention.policy import RUNS_KEPT
from storage.runs import OPEN_RUNS, READ, Run, RunOutcome, RunState, RunTrigger
from storage.sources import Source

#: Versions of one source that are counted at most.
COUNTED = 100_000


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run that ended. `scheduled`: it was not asked for by a person."""

    started_at: datetime
    finished_at: datetime
    scheduled: bool
    outcome: RunOutcome
    reason: str | None
    pages: int
    pages_unread: int | None

    @property
    def read(self) -> bool:
        """Whether it read what the source showed."""
        return self.outcome in READ


@dataclass(frozen=True, slots=True)
class LastReading:
    started_at: datetime
    finished_at: datetime


@dataclass(frozen=True, slots=True)
class NewestListingTimes:
    """The newest times of first seeing and of posting among a source's listings; None: it has none."""

    first_seen: datetime | None = None
    posted: datetime | None = None


def finished_runs(
    session: Session, *, since: datetime, source_id: int | None = None
) -> Mapping[int, Sequence[FinishedRun]]:
    """Return the runs that ended since then, oldest first."""
    columns = (Run.source_id, Run.started_at, Run.finished_at, Run.trigger, Run.outcome, Run.reason)
    query = select(*columns, Run.pages, Run.pages_unread)
    query = query.where(Run.state == RunState.FINISHED, Run.finished_at >= since)
    if source_id is not None:
        query = query.where(Run.source_id == source_id)
    found: dict[int, list[FinishedRun]] = defaultdict(list)
    for source, started, finished, trigger, outcome, reason, pages, unread in session.execute(
        query.order_by(Run.finished_at, Run.id)
    ):
        if finished is not None and outcome is not None:
            scheduled = trigger is not RunTrigger.MANUAL
            run = FinishedRun(started or finished, finished, scheduled, outcome, reason, pages, unread)
            found[source].append(run)
    return found


def last_readings_before(
    session: Session, moment: datetime, *, source_id: int | None = None
) -> Mapping[int, LastReading]:
    """Return the newest run of each source that had read what the source showed before a moment."""
    read = select(Run.id).where(Run.source_id == Source.id, Run.outcome.in_(READ), Run.finished_at < moment)
    newest = read.order_by(Run.finished_at.desc(), Run.id.desc()).limit(1).correlate(Source)
    last = aliased(Run)
    query = select(Source.id, last.started_at, last.finished_at)
    query = query.join(last, last.id == newest.scalar_subquery())
    return {
        source: LastReading(started or finished, finished)
        for source, started, finished in session.execute(_of_sources(query, source_id))
        if finished is not None
    }


def newest_runs_kept(session: Session, *, source_id: int | None = None) -> Mapping[int, datetime]:
    """Return from when on the newest runs of each source are kept whatever their age; empty if retention has
    deleted no run yet. A source that has fewer is left out.
    """
    deleted = select(RetentionPass.id).where(RetentionPass.counts["runs"].as_integer() > 0)
    if session.scalar(deleted.limit(1)) is None:
        return {}
    ended = select(Run.finished_at).where(Run.source_id == Source.id, Run.finished_at.is_not(None))
    newest = ended.order_by(Run.finished_at.desc()).offset(RUNS_KEPT - 1).limit(1).correlate(Source)
    query = select(Source.id, newest.scalar_subquery())
    return {source: at for source, at in session.execute(_of_sources(query, source_id)) if at is not None}


def sources_with_open_run(session: Session) -> set[int]:
    """Return the sources of which a run is queued or in progress."""
    return set(session.scalars(select(Run.source_id).where(text(OPEN_RUNS))))


def last_finished_run(session: Session, source_id: int) -> Run | None:
    """Return the newest run that ended, whatever its outcome."""
    ended = select(Run).where(Run.source_id == source_id, Run.state == RunState.FINISHED)
    return session.scalar(ended.order_by(Run.finished_at.desc(), Run.id.desc()).limit(1))


def last_successful_run(session: Session, source_id: int) -> Run | None:
    """Return the newest run that read what the source showed."""
    read = select(Run).where(Run.source_id == source_id, Run.outcome.in_(READ))
    return session.scalar(read.order_by(Run.finished_at.desc()).limit(1))


def newest_listing_times(
    session: Session, *, now: datetime, source_id: int | None = None
) -> Mapping[int, NewestListingTimes]:
    """Return the newest times of each source.

    A posting date in the future is a mistake of the site and is ignored.
    """
    of_source = Listing.source_id == Source.id
    first_seen = select(Listing.first_seen_at).where(of_source).order_by(Listing.id.desc()).limit(1)
    posted = select(func.max(Listing.posted_at)).where(of_source, Listing.posted_at <= now)
    query = _of_sources(select(Source.id, first_seen.scalar_subquery(), posted.scalar_subquery()), source_id)
    return {row[0]: NewestListingTimes(*row[1:]) for row in session.execute(query)}


def versions_by_match_state(
    session: Session, *, since: datetime, source_id: int | None = None
) -> Mapping[int, Mapping[MatchState, int]]:
    """Return the number of versions seen since then per source and state, 0 included.

    At most COUNTED versions of each source are counted.
    """
    some = select(literal(1)).where(ListingVersion.source_id == Source.id, ListingVersion.seen_at >= since)
    counted = select(func.count()).select_from(some.limit(COUNTED).correlate(Source).subquery())
    totals = session.execute(_of_sources(select(Source.id, counted.scalar_subquery()), source_id))
    others: dict[int, dict[MatchState, int]] = defaultdict(dict)
    for source, state, count in _count_versions(session, UNMATCHED, since, source_id):
        others[source][state] = count
    return {
        source: {state: others[source].get(state, 0) for state in MatchState}
        | {MatchState.MATCHED: max(0, total - sum(others[source].values()))}
        for source, total in totals
    }


def unread_versions(session: Session, *, since: datetime, source_id: int | None = None) -> Mapping[int, int]:
    """Return the number of matched versions seen since then whose evidence was missing or damaged at the last
    rematch, by source; without those that have none.
    """
    rows = _count_versions(session, UNREAD, since, source_id)
    return {source: count for source, state, count in rows if state is MatchState.MATCHED}


def _count_versions(
    session: Session, condition: str, since: datetime, source_id: int | None
) -> Sequence[tuple[int, MatchState, int]]:
    """Return the number of versions by source and state that a small index has."""
    # An expression, so that SQLite reads the small index and not that of the sources' versions.
    source = ListingVersion.source_id + 0
    columns = (source, ListingVersion.match_state)
    query = select(*columns, func.count()).where(text(condition), ListingVersion.seen_at >= since)
    if source_id is not None:
        query = query.where(source == source_id)
    rows = session.execute(query.group_by(*columns))
    return [(found, state, count) for found, state, count in rows if found is not None]


def _of_sources(query: Select[*tuple[Any, ...]], source_id: int | None) -> Select[*tuple[Any, ...]]:
    return query if source_id is None else query.where(Source.id == source_id)
