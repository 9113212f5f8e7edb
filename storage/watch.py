"""The watch: its revision, which grows with every change of terms or segments, and the rematches."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, ForeignKey, Index, Update, and_, func, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.database.base import Base, state_moved
from storage.listing_tables import ListingVersion, MatchState
from storage.nodes import may_claim, not_locked

REMATCH_LEASE = timedelta(minutes=10)  # after it a claimed chunk without a result is due again


class MatchScope(StrEnum):
    """A part of the matching: terms are matched in the masked text, fingerprints in the evidence."""

    TERMS = "terms"
    FINGERPRINTS = "fingerprints"
    ALL = "all"


class RematchState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"


class WatchRevision(Base):
    """A table of one row, which the migration writes."""

    __tablename__ = "watch"

    id: Mapped[int] = mapped_column(primary_key=True)
    revision: Mapped[int]


class Rematch(Base):
    """A pass through the archive, version by version, up to the version that was the last when it began."""

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
    node_id: Mapped[int | None]  # the holder of the claim, or who held it last
    attempts: Mapped[int] = mapped_column(default=0)  # for the chunk after the cursor
    not_before: Mapped[datetime | None]
    failure: Mapped[str | None]  # reason of the last failed attempt
    scanned: Mapped[int] = mapped_column(default=0)
    found: Mapped[int] = mapped_column(default=0)


@dataclass(frozen=True, slots=True)
class ClaimedRematch:
    rematch_id: int
    epoch: int
    attempt: int  # for this chunk, from 1
    scope: MatchScope
    company_id: int | None
    cursor_version_id: int
    until_version_id: int


def watch_revision(session: Session) -> str:
    """Return the watch revision, which is different after every change of terms or segments."""
    return str(session.scalars(select(WatchRevision.revision)).one())


def raise_watch_revision(session: Session) -> None:
    session.execute(update(WatchRevision).values(revision=WatchRevision.revision + 1))


def request_rematch(
    session: Session, *, scope: MatchScope, company_id: int | None = None, reason: str, now: datetime
) -> int:
    """Request a rematch; return its id, or that of an equal one that has not started yet."""
    same = select(Rematch.id).where(
        Rematch.state == RematchState.QUEUED,
        Rematch.epoch == 0,
        Rematch.scope == scope,
        Rematch.company_id.is_not_distinct_from(company_id),
    )
    queued = session.scalar(same.limit(1))
    if queued is not None:
        return queued
    rematch = Rematch(scope=scope, company_id=company_id, reason=reason, requested_at=now)
    session.add(rematch)
    session.flush()
    return rematch.id


def due_rematches(session: Session, *, now: datetime, limit: int) -> Sequence[int]:
    """Return the ids of due rematches, oldest first."""
    query = select(Rematch.id).where(_is_due(now), Rematch.requested_at <= now)
    return session.scalars(query.order_by(Rematch.id).limit(limit)).all()


def _is_due(now: datetime) -> ColumnElement[bool]:
    """Queued, or running with a claim whose lease is over."""
    return and_(
        Rematch.state.in_((RematchState.QUEUED, RematchState.RUNNING)),
        or_(Rematch.not_before.is_(None), Rematch.not_before <= now),
    )


def claim_rematch(
    session: Session, rematch_id: int, *, now: datetime, node_id: int | None = None
) -> ClaimedRematch | None:
    """Claim a rematch for a node. None: it has ended, another worker has claimed it, or its next attempt is
    not due.

    A claim without a result ends after REMATCH_LEASE, or at the start of the daemon by `recover_rematches`.
    The first claim fixes the last version of the rematch, after the change that requested it was committed:
    versions stored later are matched with the new watch anyway.
    """
    waiting = update(Rematch).where(Rematch.id == rematch_id, _is_due(now), may_claim(node_id))
    last = select(func.coalesce(func.max(ListingVersion.id), 0)).scalar_subquery()
    claimed = waiting.values(
        state=RematchState.RUNNING,
        epoch=Rematch.epoch + 1,
        node_id=node_id,
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
    """Return the ids of the next versions after `after`, in order; empty: the rematch is complete.

    Versions that are not sealed yet are left out: they are compared with the new watch when they are.
    """
    query = select(ListingVersion.id).where(
        ListingVersion.id > after,
        ListingVersion.id <= claimed.until_version_id,
        ListingVersion.match_state != MatchState.UNSEALED,
    )
    return session.scalars(query.order_by(ListingVersion.id).limit(limit)).all()


def advance_rematch(
    session: Session, rematch_id: int, epoch: int, *, cursor_version_id: int, scanned: int, found: int
) -> bool:
    """Record that a chunk is done up to this version; counts are those of the chunk.

    False: the rematch no longer belongs to this epoch; stop.
    """
    values = {"scanned": Rematch.scanned + scanned, "found": Rematch.found + found}
    return state_moved(
        session,
        _update_of_claimed_rematch(rematch_id, epoch).values(cursor_version_id=cursor_version_id, **values),
    )


def finish_rematch(
    session: Session, rematch_id: int, epoch: int, *, now: datetime, failure: str | None = None
) -> bool:
    """End a rematch. `failure`: why not all versions could be read; their earlier matches stay."""
    ended = {"state": RematchState.FINISHED, "finished_at": now, "failure": failure}
    return state_moved(
        session, _update_of_claimed_rematch(rematch_id, epoch).values(**ended, not_before=None)
    )


def pause_rematch(session: Session, rematch_id: int, epoch: int) -> bool:
    """Queue a rematch again, to continue at its cursor; the next chunk has all of its attempts."""
    queued = {"state": RematchState.QUEUED, "attempts": 0, "not_before": None, "failure": None}
    return state_moved(session, _update_of_claimed_rematch(rematch_id, epoch).values(queued))


def postpone_rematch(
    session: Session, rematch_id: int, epoch: int, *, reason: str, retry_at: datetime
) -> bool:
    """End a claim whose attempt does not count: the same chunk is due again at `retry_at`."""
    queued = {"state": RematchState.QUEUED, "attempts": Rematch.attempts - 1, "not_before": retry_at}
    return state_moved(
        session, _update_of_claimed_rematch(rematch_id, epoch).values(**queued, failure=reason)
    )


def record_rematch_failure(
    session: Session, rematch_id: int, epoch: int, *, reason: str, retry_at: datetime | None, now: datetime
) -> bool:
    """Record a failure: the same chunk is due again at `retry_at`. None: the rematch has failed and ends
    there.
    """
    claimed = _update_of_claimed_rematch(rematch_id, epoch)
    if retry_at is not None:
        return state_moved(
            session, claimed.values(state=RematchState.QUEUED, not_before=retry_at, failure=reason)
        )
    ended = {"state": RematchState.FAILED, "finished_at": now, "not_before": None}
    return state_moved(session, claimed.values(**ended, failure=reason))


def recover_rematches(session: Session, *, gone: ColumnElement[bool] | None = None) -> Sequence[int]:
    """Queue the running rematches of which `gone` is true again; return their ids.

    None: all of them. Call it like this at start, under the daemon's lock.
    """
    running = update(Rematch).where(Rematch.state == RematchState.RUNNING)
    if gone is not None:
        lost = select(Rematch.id).where(Rematch.state == RematchState.RUNNING, gone)
        running = update(Rematch).where(Rematch.id.in_(not_locked(session, lost)))
    queued = running.values(state=RematchState.QUEUED, epoch=Rematch.epoch + 1, not_before=None)
    return session.scalars(queued.returning(Rematch.id)).all()


def rematch_by_id(session: Session, rematch_id: int) -> Rematch | None:
    return session.get(Rematch, rematch_id)


def recent_rematches(session: Session, *, limit: int = 20) -> Sequence[Rematch]:
    """Return rematches, newest first."""
    return session.scalars(select(Rematch).order_by(Rematch.id.desc()).limit(limit)).all()


def _update_of_claimed_rematch(rematch_id: int, epoch: int) -> Update:
    return update(Rematch).where(
        Rematch.id == rematch_id, Rematch.epoch == epoch, Rematch.state == RematchState.RUNNING
    )
