"""Deliveries: the outbox, each attempt at it, and how each channel is doing.

A delivery is written in the transaction that writes its alert, so neither is without the other. It is sent at
least once, always with the same idempotency key.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Index,
    UniqueConstraint,
    and_,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.base import Base, insert_new, state_moved

SEND_LEASE = timedelta(minutes=15)  # after which a claimed delivery is due again; an attempt has ten


class DeliveryState(StrEnum):
    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"


class AttemptOutcome(StrEnum):
    SENT = "sent"
    RETRY = "retry"
    PERMANENT = "permanent"
    INTERRUPTED = "interrupted"


class ChannelState(StrEnum):
    OK = "ok"
    FAILING = "failing"
    DEAD = "dead"


class Delivery(Base):
    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("alert_id", "revision", "channel"),
        Index(None, "state", "next_attempt_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alerts.id"))
    revision: Mapped[int]
    channel: Mapped[str]
    transport: Mapped[str]
    state: Mapped[DeliveryState]
    idempotency_key: Mapped[str] = mapped_column(unique=True)
    attempts: Mapped[int]
    next_attempt_at: Mapped[datetime]
    claimed_at: Mapped[datetime | None]
    epoch: Mapped[int]
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    reason: Mapped[str | None]


class Attempt(Base):
    """Written before the attempt begins: one without an end was interrupted, or still goes on."""

    __tablename__ = "delivery_attempts"
    __table_args__ = (UniqueConstraint("delivery_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    delivery_id: Mapped[int] = mapped_column(ForeignKey("deliveries.id"))
    number: Mapped[int]  # from 1
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    outcome: Mapped[AttemptOutcome | None]
    reason: Mapped[str | None]
    detail: Mapped[str | None]  # one masked sentence
    status_code: Mapped[int | None]
    duration_ms: Mapped[int | None]


class Channel(Base):
    __tablename__ = "channels"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    transport: Mapped[str]
    state: Mapped[ChannelState]
    since: Mapped[datetime]
    failures: Mapped[int]  # in a row
    last_success_at: Mapped[datetime | None]
    last_failure_at: Mapped[datetime | None]
    last_reason: Mapped[str | None]


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """`epoch` must come back with the outcome; `attempt` counts from 1.

    `tries` and `since`: how many attempts this is since the delivery was last given up, if it ever was, and
    when the first of them began.
    """

    delivery_id: int
    epoch: int
    attempt: int
    alert_id: int
    revision: int
    channel: str
    transport: str
    idempotency_key: str
    tries: int
    since: datetime


@dataclass(frozen=True, slots=True)
class ChannelTransition:
    channel: str
    before: ChannelState
    after: ChannelState
    since: datetime  # when the state before began
    reason: str | None


def due_deliveries(session: Session, *, now: datetime, limit: int) -> Sequence[int]:
    """Ids, the longest due first."""
    query = select(Delivery.id).where(_waits(now))
    return session.scalars(query.order_by(Delivery.next_attempt_at, Delivery.id).limit(limit)).all()


def _waits(now: datetime) -> ColumnElement[bool]:
    """Pending, or being sent by nobody any more: its outcome could not be written."""
    return or_(
        and_(Delivery.state == DeliveryState.PENDING, Delivery.next_attempt_at <= now),
        and_(Delivery.state == DeliveryState.SENDING, Delivery.claimed_at <= now - SEND_LEASE),
    )


def next_due_at(session: Session) -> datetime | None:
    """When the next pending delivery is due; None: none is pending."""
    query = select(Delivery.next_attempt_at).where(Delivery.state == DeliveryState.PENDING)
    return session.scalar(query.order_by(Delivery.next_attempt_at).limit(1))


def claim_delivery(session: Session, delivery_id: int, *, now: datetime) -> ClaimedDelivery | None:
    """Also writes the attempt's row. None: another has it, or it is not due yet. Commit before sending.

    A claim that nobody concludes ends after SEND_LEASE, or at boot by `recover_deliveries`.
    """
    sending = update(Delivery).where(Delivery.id == delivery_id, _waits(now))
    sending = sending.values(
        state=DeliveryState.SENDING,
        epoch=Delivery.epoch + 1,
        attempts=Delivery.attempts + 1,
        claimed_at=now,
    )
    if not state_moved(session, sending.execution_options(synchronize_session=False)):
        return None
    row = session.get_one(Delivery, delivery_id, populate_existing=True)
    _interrupt(session, Attempt.delivery_id == delivery_id, now=now)
    session.execute(insert(Attempt).values(delivery_id=delivery_id, number=row.attempts, started_at=now))
    tries, since = _tries(session, delivery_id)
    return ClaimedDelivery(
        delivery_id=row.id,
        epoch=row.epoch,
        attempt=row.attempts,
        alert_id=row.alert_id,
        revision=row.revision,
        channel=row.channel,
        transport=row.transport,
        idempotency_key=row.idempotency_key,
        tries=tries,
        since=since,
    )


def _tries(session: Session, delivery_id: int) -> tuple[int, datetime]:
    """The attempts since the last one that was given up, and when the first of them began."""
    mine = Attempt.delivery_id == delivery_id
    given_up = select(func.coalesce(func.max(Attempt.number), 0)).where(
        mine, Attempt.outcome == AttemptOutcome.PERMANENT
    )
    these = select(func.count(), func.min(Attempt.started_at)).where(
        mine, Attempt.number > given_up.scalar_subquery()
    )
    tries, since = session.execute(these).one()
    return tries, since


def record_outcome(
    session: Session,
    claimed: ClaimedDelivery,
    *,
    outcome: AttemptOutcome,
    now: datetime,
    reason: str | None = None,
    detail: str | None = None,
    status_code: int | None = None,
    duration_ms: int | None = None,
    next_attempt_at: datetime | None = None,
) -> bool:
    """What became of the attempt. `next_attempt_at`: for RETRY. False: another has claimed it since."""
    if (next_attempt_at is None) == (outcome is AttemptOutcome.RETRY):
        raise ValueError("an attempt to be repeated needs next_attempt_at, and no other has one")
    values: dict[str, object] = {"state": AFTER[outcome], "reason": reason, "claimed_at": None}
    if outcome is AttemptOutcome.SENT:
        values["sent_at"] = now
    if next_attempt_at is not None:
        values["next_attempt_at"] = next_attempt_at
    mine = update(Delivery).where(
        Delivery.id == claimed.delivery_id,
        Delivery.epoch == claimed.epoch,
        Delivery.state == DeliveryState.SENDING,
    )
    if not state_moved(session, mine.values(values)):
        return False
    attempt = update(Attempt).where(
        Attempt.delivery_id == claimed.delivery_id, Attempt.number == claimed.attempt
    )
    session.execute(
        attempt.values(
            finished_at=now,
            outcome=outcome,
            reason=reason,
            detail=detail,
            status_code=status_code,
            duration_ms=duration_ms,
        )
    )
    return True


AFTER = {
    AttemptOutcome.SENT: DeliveryState.SENT,
    AttemptOutcome.RETRY: DeliveryState.PENDING,
    AttemptOutcome.PERMANENT: DeliveryState.FAILED,
    AttemptOutcome.INTERRUPTED: DeliveryState.PENDING,
}


def recover_deliveries(session: Session, *, now: datetime) -> Sequence[int]:
    """At boot, under the daemon's lock: what is being sent by nobody is pending again. Returns the ids.

    It may have arrived; it goes out again with the same idempotency key.
    """
    sending = update(Delivery).where(Delivery.state == DeliveryState.SENDING)
    pending = sending.values(
        state=DeliveryState.PENDING, epoch=Delivery.epoch + 1, claimed_at=None, next_attempt_at=now
    )
    ids = session.scalars(pending.returning(Delivery.id)).all()
    _interrupt(session, now=now)
    return ids


def _interrupt(session: Session, *these: ColumnElement[bool], now: datetime) -> None:
    """End the attempts that nobody will end."""
    begun = update(Attempt).where(Attempt.outcome.is_(None), *these)
    session.execute(begun.values(outcome=AttemptOutcome.INTERRUPTED, reason="interrupted", finished_at=now))


def record_channel_result(
    session: Session,
    name: str,
    *,
    transport: str,
    ok: bool,
    now: datetime,
    reason: str | None = None,
    permanent: bool = False,
    dead_after: int = 5,
) -> ChannelTransition | None:
    """Counts a success or a failure. None: the channel's state is what it was.

    Dead: after this many failures in a row, or one permanent. One success makes it ok again.
    """
    blank = {"name": name, "transport": transport, "state": ChannelState.OK, "since": now, "failures": 0}
    session.execute(insert_new(session, Channel).values(blank))
    locked = select(Channel).where(Channel.name == name).with_for_update()
    channel = session.scalars(locked.execution_options(populate_existing=True)).one()
    before, since = channel.state, channel.since
    channel.transport = transport
    channel.failures = 0 if ok else channel.failures + 1
    if ok:
        channel.last_success_at, after = now, ChannelState.OK
    else:
        channel.last_failure_at, channel.last_reason = now, reason
        dead = permanent or channel.failures >= dead_after or before is ChannelState.DEAD
        after = ChannelState.DEAD if dead else ChannelState.FAILING
    if after != before:
        channel.state, channel.since = after, now
    session.flush()
    return None if after == before else ChannelTransition(name, before, after, since, reason)


def channels(session: Session) -> Sequence[Channel]:
    """By name; only those that something was sent through."""
    return session.scalars(select(Channel).order_by(Channel.name)).all()


def delivery_by_id(session: Session, delivery_id: int) -> Delivery | None:
    return session.get(Delivery, delivery_id)


def deliveries_of_alert(session: Session, alert_id: int) -> Sequence[Delivery]:
    """Oldest first."""
    return session.scalars(select(Delivery).where(Delivery.alert_id == alert_id).order_by(Delivery.id)).all()


def attempts_of(session: Session, delivery_id: int) -> Sequence[Attempt]:
    """Oldest first."""
    query = select(Attempt).where(Attempt.delivery_id == delivery_id).order_by(Attempt.number)
    return session.scalars(query).all()


def recent_deliveries(
    session: Session,
    *,
    state: DeliveryState | None = None,
    channel: str | None = None,
    alert_id: int | None = None,
    limit: int = 50,
) -> Sequence[Delivery]:
    """Newest first."""
    query = select(Delivery).order_by(Delivery.id.desc()).limit(limit)
    if state is not None:
        query = query.where(Delivery.state == state)
    if channel is not None:
        query = query.where(Delivery.channel == channel)
    if alert_id is not None:
        query = query.where(Delivery.alert_id == alert_id)
    return session.scalars(query).all()


def retry_failed(session: Session, *, now: datetime, channel: str | None = None) -> Sequence[int]:
    """What failed for good is due once more, with its idempotency key, all its time and all its attempts.

    Returns the ids.
    """
    failed = update(Delivery).where(Delivery.state == DeliveryState.FAILED)
    if channel is not None:
        failed = failed.where(Delivery.channel == channel)
    pending = failed.values(state=DeliveryState.PENDING, next_attempt_at=now)
    return session.scalars(pending.returning(Delivery.id)).all()
