"""What was watched and what was not: statistics over runs, listings and versions. Writes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage.listing_tables import Listing, ListingVersion, MatchState
from storage.retention.passes import RetentionPass
from storage.retention.policy import RUNS_KEPT
from storage.runs import READ, Run, RunOutcome, RunState, RunTrigger


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
class NewestListingTimes:
    """The number of a source's listings, and the newest times of first seeing and of posting among them."""

    listings: int
    first_seen: datetime | None
    posted: datetime | None


def finished_runs(session: Session, source_id: int, *, since: datetime) -> Sequence[FinishedRun]:
    """Return the runs that ended since then, oldest first."""
    ended = select(Run).where(Run.source_id == source_id, Run.state == RunState.FINISHED)
    rows = session.scalars(ended.where(Run.finished_at >= since).order_by(Run.finished_at, Run.id))
    return [finished for row in rows if (finished := _finished_run(row)) is not None]


def last_read_before(session: Session, source_id: int, moment: datetime) -> FinishedRun | None:
    """Return the newest run that had read what the source showed before a moment."""
    read = select(Run).where(Run.source_id == source_id, Run.outcome.in_(READ), Run.finished_at < moment)
    row = session.scalar(read.order_by(Run.finished_at.desc(), Run.id.desc()).limit(1))
    return None if row is None else _finished_run(row)


def has_open_run(session: Session, source_id: int) -> bool:
    """Return whether a run of this source is queued or in progress."""
    open_states = (RunState.QUEUED, RunState.RUNNING)
    query = select(Run.id).where(Run.source_id == source_id, Run.state.in_(open_states))
    return session.scalar(query.limit(1)) is not None


def _finished_run(run: Run) -> FinishedRun | None:
    if run.finished_at is None or run.outcome is None:
        return None
    return FinishedRun(
        started_at=run.started_at or run.finished_at,
        finished_at=run.finished_at,
        scheduled=run.trigger is not RunTrigger.MANUAL,
        outcome=run.outcome,
        reason=run.reason,
        pages=run.pages,
        pages_unread=run.pages_unread,
    )


def runs_kept_since(session: Session, source_id: int, *, days: int, now: datetime) -> datetime | None:
    """Return from when on all runs of a source are kept; None: retention has deleted none.

    `days`: for how long runs are kept; the newest RUNS_KEPT stay for longer. 0: for ever.
    """
    deleted = select(RetentionPass.id).where(RetentionPass.counts["runs"].as_integer() > 0)
    if not days or session.scalar(deleted.limit(1)) is None:
        return None
    ended = select(Run.finished_at).where(Run.source_id == source_id, Run.finished_at.is_not(None))
    newest = ended.order_by(Run.finished_at.desc()).offset(RUNS_KEPT - 1).limit(1)
    last = session.scalar(newest)
    return None if last is None else min(now - timedelta(days=days), last)


def last_finished_run(session: Session, source_id: int) -> Run | None:
    """Return the newest run that ended, whatever its outcome."""
    ended = select(Run).where(Run.source_id == source_id, Run.state == RunState.FINISHED)
    return session.scalar(ended.order_by(Run.finished_at.desc(), Run.id.desc()).limit(1))


def last_successful_run(session: Session, source_id: int) -> Run | None:
    """Return the newest run that read what the source showed."""
    read = select(Run).where(Run.source_id == source_id, Run.outcome.in_(READ))
    return session.scalar(read.order_by(Run.finished_at.desc()).limit(1))


def newest_listing_times(session: Session, source_id: int, *, now: datetime) -> NewestListingTimes:
    """Return the newest times of a source.

    A posting date in the future is a mistake of the site and is ignored.
    """
    posted = func.max(Listing.posted_at).filter(Listing.posted_at <= now)
    query = select(func.count(), func.max(Listing.first_seen_at), posted)
    return NewestListingTimes(*session.execute(query.where(Listing.source_id == source_id)).one())


def versions_by_match_state(session: Session, source_id: int, *, since: datetime) -> dict[MatchState, int]:
    """Return the number of versions seen since then per state, 0 included."""
    versions = select(ListingVersion.match_state, func.count()).join(Listing)
    versions = versions.where(Listing.source_id == source_id, ListingVersion.seen_at >= since)
    counted = {row[0]: row[1] for row in session.execute(versions.group_by(ListingVersion.match_state))}
    return {state: counted.get(state, 0) for state in MatchState}


def unread_versions(session: Session, source_id: int, *, since: datetime) -> int:
    """Return the number of matched versions seen since then whose evidence was missing or damaged at the last
    rematch.
    """
    unread = select(func.count()).select_from(ListingVersion).join(Listing)
    unread = unread.where(Listing.source_id == source_id, ListingVersion.seen_at >= since)
    unread = unread.where(
        ListingVersion.match_state == MatchState.MATCHED, ListingVersion.match_reason.is_not(None)
    )
    return session.scalar(unread) or 0
