"""What was watched and what was not: statistics over runs, listings and versions. Writes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage.listing_tables import Listing, ListingVersion, MatchState
from storage.runs import READ, Run, RunOutcome, RunState


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run that ended."""

    finished_at: datetime
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
    columns = (Run.finished_at, Run.outcome, Run.reason, Run.pages, Run.pages_unread)
    ended = select(*columns).where(Run.source_id == source_id, Run.state == RunState.FINISHED)
    rows = session.execute(ended.where(Run.finished_at >= since).order_by(Run.finished_at, Run.id))
    return [
        FinishedRun(finished_at, outcome, reason, pages, unread)
        for finished_at, outcome, reason, pages, unread in rows
        if finished_at is not None and outcome is not None
    ]


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
