"""What was watched and what was not: statistics over runs, listings and their versions. Reads only."""

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
        """Whether it read what there was."""
        return self.outcome in READ


@dataclass(frozen=True, slots=True)
class NewestListingTimes:
    """The newest of a source's listings: when we saw it first, and when the site says it was posted."""

    listings: int
    first_seen: datetime | None
    posted: datetime | None


def finished_runs(session: Session, source_id: int, *, since: datetime) -> Sequence[FinishedRun]:
    """The runs that ended since then, oldest first."""
    columns = (Run.finished_at, Run.outcome, Run.reason, Run.pages, Run.pages_unread)
    ended = select(*columns).where(Run.source_id == source_id, Run.state == RunState.FINISHED)
    rows = session.execute(ended.where(Run.finished_at >= since).order_by(Run.finished_at, Run.id))
    return [
        FinishedRun(finished_at, outcome, reason, pages, unread)
        for finished_at, outcome, reason, pages, unread in rows
        if finished_at is not None and outcome is not None
    ]


def last_finished_run(session: Session, source_id: int) -> Run | None:
    """The newest run that ended, whatever it ended in."""
    ended = select(Run).where(Run.source_id == source_id, Run.state == RunState.FINISHED)
    return session.scalar(ended.order_by(Run.finished_at.desc(), Run.id.desc()).limit(1))


def last_successful_run(session: Session, source_id: int) -> Run | None:
    """The newest run that read what there was."""
    read = select(Run).where(Run.source_id == source_id, Run.outcome.in_(READ))
    return session.scalar(read.order_by(Run.finished_at.desc()).limit(1))


def newest_listing_times(session: Session, source_id: int, *, now: datetime) -> NewestListingTimes:
    """A date in the future is a mistake of the site's, and says nothing about its newest listing."""
    posted = func.max(Listing.posted_at).filter(Listing.posted_at <= now)
    query = select(func.count(), func.max(Listing.first_seen_at), posted)
    return NewestListingTimes(*session.execute(query.where(Listing.source_id == source_id)).one())


def versions_by_match_state(session: Session, source_id: int, *, since: datetime) -> dict[MatchState, int]:
    """How many versions seen since then are in each state, those with none included."""
    versions = select(ListingVersion.match_state, func.count()).join(Listing)
    versions = versions.where(Listing.source_id == source_id, ListingVersion.seen_at >= since)
    counted = {row[0]: row[1] for row in session.execute(versions.group_by(ListingVersion.match_state))}
    return {state: counted.get(state, 0) for state in MatchState}
