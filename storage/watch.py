"""The watch: a revision that grows with every change of terms or segments, and the rematches it asks for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, ForeignKey, Index, Update, and_, func, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.base import Base, state_moved
from storage.listing_tables import ListingVersion

REMATCH_LEASE = timedelta(minutes=10)  # after which a claimed chunk that nobody concluded is due again


class MatchScope(StrEnum):
    """Which half of the matching is meant: terms need the text, fingerprints the evidence."""

    TERMS = "terms"
    FINGERPRINTS = "fingerprints"
    ALL = "all"


class RematchState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"


class WatchRevision(Base):
    """One row; the migration writes it."""

    __tablename__ = "watch"

    id: Mapped[int] = mapped_column(primary_key=True)
    revision: Mapped[int]


class Rematch(Base):
    """A walk through the archive, version by version, up to the last one there was when it started."""

    __tablename__ = "rematches"
    __table_args__ = (Index(None, "state", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    scope: Mapped[MatchScope]
    company_id: Mapped[int | None] = mapped_column(ForeignKey("companies.id"))  # None: all
    reason: Mapped[str]
    requested_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    cursor_version_id: Mapped[int] = mapped_column(default=0)
    until_version_id: Mapped[int | None]
    state: Mapped[RematchState] = mapped_column(default=RematchState.QUEUED)
    epoch: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)  # at the chunk after the cursor
    not_before: Mapped[datetime | None]
    failure: Mapped[str | None]  # why the last attempt that failed did; a slug
    scanned: Mapped[int] = mapped_column(default=0)
    found: Mapped[int] = mapped_column(default=0)


@dataclass(frozen=True, slots=True)
class ClaimedRematch:
    rematch_id: int
    epoch: int
    attempt: int  # at this chunk, from 1
    scope: MatchScope
    company_id: int | None
    cursor_version_id: int
    until_version_id: int


def watch_revision(session: Session) -> str:
    """Another text whenever terms or segments have changed; one row to read."""
    return str(session.scalars(select(WatchRevision.revision)).one())


def raise_watch_revision(session: Session) -> None:
    session.execute(update(WatchRevision).values(revision=WatchRevision.revision + 1))


def request_rematch(
    session: Session, *, scope: MatchScope, company_id: int | None = None, reason: str, now: datetime
) -> int:
    """The id of the rematch: of one that asks for the same and has not started yet, or of a new one."""
    same = select(Rematch.id).where(
        Rematch.state == RematchState.QUEUED,
        Rematch.epoch == 0,
        Rematch.scope == scope,
        Rematch.company_id.is_not_distinct_from(company_id),
    )
    waiting = session.scalar(same.limit(1))
    if waiting is not None:
        return waiting
    rematch = Rematch(scope=scope, company_id=company_id, reason=reason, requested_at=now)
    session.add(rematch)
    session.flush()
    return rematch.id


def due_rematches(session: Session, *, now: datetime, limit: int) -> Sequence[int]:
    """Ids, oldest first."""
    query = select(Rematch.id).where(_waits(now), Rematch.requested_at <= now)
    return session.scalars(query.order_by(Rematch.id).limit(limit)).all()


def _waits(now: datetime) -> ColumnElement[bool]:
    """Queued; or running, but by nobody any more, when the claim's lease is over."""
    return and_(
        Rematch.state.in_((RematchState.QUEUED, RematchState.RUNNING)),
        or_(Rematch.not_before.is_(None), Rematch.not_before <= now),
    )


def claim_rematch(session: Session, rematch_id: int, *, now: datetime) -> ClaimedRematch | None:
    """None: it has ended, or another is at it, or it is not time for its next attempt.

    A claim that nobody concludes ends after REMATCH_LEASE, or at boot by `recover_rematches`. The walk's end
    is fixed at the first claim, after the change that asked for it was committed: a version stored later is
    matched against the new watch anyway.
    """
    waiting = update(Rematch).where(Rematch.id == rematch_id, _waits(now))
    last = select(func.coalesce(func.max(ListingVersion.id), 0)).scalar_subquery()
    claimed = waiting.values(
        state=RematchState.RUNNING,
        epoch=Rematch.epoch + 1,
        attempts=Rematch.attempts + 1,
        not_before=now + REMATCH_LEASE,
        started_at=func.coalesce(Rematch.started_at, now),
        until_version_id=func.coalesce(Rematch.until_version_id, last),
    )
    if not state_moved(session, claimed.execution_options(synchronize_session=False)):
        return None
    row = session.get_one(Rematch, rematch_id, populate_existing=True)
    return ClaimedRematch(
        rematch_id=row.id,
        epoch=row.epoch,
        attempt=row.attempts,
        scope=row.scope,
        company_id=row.company_id,
        cursor_version_id=row.cursor_version_id,
        until_version_id=row.until_version_id or 0,
    )


def versions_to_rematch(
    session: Session, claimed: ClaimedRematch, *, after: int, limit: int
) -> Sequence[int]:
    """Ids of the next versions, in order; empty at the end. `after`: the last one that is done."""
    query = select(ListingVersion.id).where(
        ListingVersion.id > after, ListingVersion.id <= claimed.until_version_id
    )
    return session.scalars(query.order_by(ListingVersion.id).limit(limit)).all()


def advance_rematch(
    session: Session, rematch_id: int, epoch: int, *, cursor_version_id: int, scanned: int, found: int
) -> bool:
    """Up to this version all is done; counts are of this chunk. False: it is no longer this epoch's; stop."""
    values = {"scanned": Rematch.scanned + scanned, "found": Rematch.found + found}
    return state_moved(
        session, _mine(rematch_id, epoch).values(cursor_version_id=cursor_version_id, **values)
    )


def finish_rematch(session: Session, rematch_id: int, epoch: int, *, now: datetime) -> bool:
    ended = {"state": RematchState.FINISHED, "finished_at": now}
    return state_moved(session, _mine(rematch_id, epoch).values(**ended, not_before=None, failure=None))


def pause_rematch(session: Session, rematch_id: int, epoch: int) -> bool:
    """Back into the queue, to go on from its cursor; the next chunk has all its attempts."""
    queued = {"state": RematchState.QUEUED, "attempts": 0, "not_before": None, "failure": None}
    return state_moved(session, _mine(rematch_id, epoch).values(queued))


def record_rematch_failure(
    session: Session, rematch_id: int, epoch: int, *, reason: str, retry_at: datetime | None, now: datetime
) -> bool:
    """The same chunk again at `retry_at`; None: given up, what lies behind the cursor was not reached."""
    mine = _mine(rematch_id, epoch)
    if retry_at is not None:
        return state_moved(
            session, mine.values(state=RematchState.QUEUED, not_before=retry_at, failure=reason)
        )
    ended = {"state": RematchState.FAILED, "finished_at": now, "not_before": None}
    return state_moved(session, mine.values(**ended, failure=reason))


def recover_rematches(session: Session) -> Sequence[int]:
    """At boot, under the daemon's lock: whatever is running goes back into the queue. Returns the ids."""
    running = update(Rematch).where(Rematch.state == RematchState.RUNNING)
    queued = running.values(state=RematchState.QUEUED, epoch=Rematch.epoch + 1, not_before=None)
    return session.scalars(queued.returning(Rematch.id)).all()


def rematch_by_id(session: Session, rematch_id: int) -> Rematch | None:
    return session.get(Rematch, rematch_id)


def recent_rematches(session: Session, *, limit: int = 20) -> Sequence[Rematch]:
    """Newest first."""
    return session.scalars(select(Rematch).order_by(Rematch.id.desc()).limit(limit)).all()


def _mine(rematch_id: int, epoch: int) -> Update:
    return update(Rematch).where(
        Rematch.id == rematch_id, Rematch.epoch == epoch, Rematch.state == RematchState.RUNNING
    )
