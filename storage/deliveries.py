"""Deliveries: the outbox, the attempts of each delivery, and the state of each channel.

A delivery is written in the same transaction as its alert, so one never exists without the other. It is sent
at least once, always with the same idempotency key.
"""

from collections.abc import Collection, Mapping, Sequence
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
    text,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.database.base import Base, insert_new, state_moved
from storage.nodes import may_claim, not_locked

UNSENT = "state NOT IN ('sent', 'in_digest')"
BEGUN = "outcome IS NULL"
HOUR = timedelta(hours=1)
SEND_LEASE = timedelta(minutes=15)  # after it a claimed delivery is due again; an attempt may take ten


class DeliveryState(StrEnum):
    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    IN_DIGEST = "in_digest"  # told by another delivery of the channel, its digest


class HeldFor(StrEnum):
    """Why a delivery is not sent at once."""

    QUIET_HOURS = "quiet_hours"
    RATE = "rate"
    DIGEST = "digest"


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
        Index(None, "channel", "id"),
        Index(None, "created_at", "idempotency_key"),
        Index(
            "ix_deliveries_unsent",
            "state",
            "next_attempt_at",
            sqlite_where=text(UNSENT),
            postgresql_where=text(UNSENT),
        ),
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
    node_id: Mapped[int | None]  # the holder of the claim, or who held it last
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    reason: Mapped[str | None]
    held_for: Mapped[HeldFor | None]  # why it was not sent at once
    digest_delivery_id: Mapped[int | None]  # the delivery that told of it, if it is in a digest
    accepted: Mapped[str | None]  # digests of the recipients that have the message, while others are deferred


class Attempt(Base):
    """Written before the attempt begins. An attempt without an end was interrupted, or is still going on."""

    __tablename__ = "delivery_attempts"
    __table_args__ = (
        UniqueConstraint("delivery_id", "number"),
        Index(
            "ix_delivery_attempts_begun",
            "delivery_id",
            sqlite_where=text(BEGUN),
            postgresql_where=text(BEGUN),
        ),
    )

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
    failures: Mapped[int]  # failed attempts in a row
    last_success_at: Mapped[datetime | None]
    last_failure_at: Mapped[datetime | None]
    last_reason: Mapped[str | None]


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A claimed delivery. `epoch` must be given back with the outcome; `attempt` counts from 1.

    `tries` is the number of attempts, this one included, since the delivery last failed permanently or was
    sent, or in total if it never did; `since` is when the first of them began. `accepted` are digests of
    recipients that have the message already.
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
    accepted: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ChannelTransition:
    channel: str
    before: ChannelState
    after: ChannelState
    since: datetime  # when the state before began
    reason: str | None


def due_deliveries(session: Session, *, now: datetime, limit: int) -> Sequence[int]:
    """Return the ids of due deliveries, the one that is due longest first."""
    query = select(Delivery.id).where(text(UNSENT), _is_due(now))
    return session.scalars(query.order_by(Delivery.next_attempt_at, Delivery.id).limit(limit)).all()


def _is_due(now: datetime) -> ColumnElement[bool]:
    """Pending and its time has come; or claimed, but the lease is over because its outcome could not be
    written.
    """
    single = or_(Delivery.held_for.is_(None), Delivery.held_for != HeldFor.DIGEST)
    return or_(
        and_(Delivery.state == DeliveryState.PENDING, Delivery.next_attempt_at <= now, single),
        and_(Delivery.state == DeliveryState.SENDING, Delivery.claimed_at <= now - SEND_LEASE),
    )


def next_due_at(session: Session) -> datetime | None:
    """Return when the next pending delivery is due; None: no delivery is pending."""
    query = select(Delivery.next_attempt_at).where(text(UNSENT), Delivery.state == DeliveryState.PENDING)
    return session.scalar(query.order_by(Delivery.next_attempt_at).limit(1))


def rate_free_at(session: Session, channel: str, *, per_hour: int) -> datetime | None:
    """Return when a channel that gets `per_hour` messages within an hour may get another one; None: now."""
    last = select(Delivery.next_attempt_at).where(
        Delivery.channel == channel, Delivery.state != DeliveryState.IN_DIGEST
    )
    found = session.scalar(last.order_by(Delivery.id.desc()).offset(per_hour - 1).limit(1))
    return None if found is None else found + HOUR


def bundles_due(session: Session, *, now: datetime, limit: int) -> Sequence[int]:
    """Return the first delivery of each channel whose digest is due."""
    first = select(func.min(Delivery.id)).where(text(UNSENT), _in_due_digest(now))
    return session.scalars(first.group_by(Delivery.channel).limit(limit)).all()


def lock_bundle(session: Session, delivery_id: int, *, now: datetime, limit: int) -> Sequence[Delivery]:
    """Return the deliveries of the due digest that this one is in, oldest first, locked; perhaps none."""
    channel = select(Delivery.channel).where(Delivery.id == delivery_id).scalar_subquery()
    query = select(Delivery).where(text(UNSENT), _in_due_digest(now), Delivery.channel == channel)
    query = query.order_by(Delivery.id).limit(limit).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).all()


def note_in_digest(session: Session, bundle: Sequence[Delivery], digest_delivery_id: int) -> None:
    """Conclude deliveries that another one tells of. Call it in the transaction that writes that one."""
    for delivery in bundle:
        delivery.state, delivery.digest_delivery_id = DeliveryState.IN_DIGEST, digest_delivery_id
    session.flush()


def _in_due_digest(now: datetime) -> ColumnElement[bool]:
    return and_(
        Delivery.state == DeliveryState.PENDING,
        Delivery.held_for == HeldFor.DIGEST,
        Delivery.next_attempt_at <= now,
    )


def held_back(session: Session) -> Mapping[HeldFor, int]:
    """Return how many unsent deliveries wait, by what holds them."""
    query = select(Delivery.held_for, func.count()).where(
        text(UNSENT),
        Delivery.state == DeliveryState.PENDING,
        Delivery.held_for.is_not(None),
        Delivery.attempts == 0,
    )
    return {
        held: count for held, count in session.execute(query.group_by(Delivery.held_for)) if held is not None
    }


def claim_delivery(
    session: Session, delivery_id: int, *, now: datetime, node_id: int | None = None
) -> ClaimedDelivery | None:
    """Claim a delivery for a node and write the row of its attempt. Commit before sending.

    None: another worker has claimed it, or it is not due yet. A claim without an outcome ends after
    SEND_LEASE, or at the start of the daemon by `recover_deliveries`.
    """
    sending = update(Delivery).where(Delivery.id == delivery_id, _is_due(now), may_claim(node_id))
    sending = sending.values(
        state=DeliveryState.SENDING,
        epoch=Delivery.epoch + 1,
        node_id=node_id,
        attempts=Delivery.attempts + 1,
        claimed_at=now,
    )
    if not state_moved(session, sending.execution_options(synchronize_session=False)):
        return None
    row = session.get_one(Delivery, delivery_id, populate_existing=True)
    _interrupt_attempts(session, Attempt.delivery_id == delivery_id, now=now)
    session.execute(insert(Attempt).values(delivery_id=delivery_id, number=row.attempts, started_at=now))
    tries, since = _tries_since_given_up(session, delivery_id)
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
        accepted=frozenset((row.accepted or "").split()),
    )


def _tries_since_given_up(session: Session, delivery_id: int) -> tuple[int, datetime]:
    """Return the number of attempts since the last permanent failure, or since it was sent (a person may have
    it sent again), and when the first of them began.
    """
    of_delivery = Attempt.delivery_id == delivery_id
    given_up = select(func.coalesce(func.max(Attempt.number), 0)).where(
        of_delivery, Attempt.outcome.in_((AttemptOutcome.PERMANENT, AttemptOutcome.SENT))
    )
    later = select(func.count(), func.min(Attempt.started_at)).where(
        of_delivery, Attempt.number > given_up.scalar_subquery()
    )
    tries, since = session.execute(later).one()
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
    accepted: Collection[str] = (),
) -> bool:
    """Record how the attempt ended. False: another worker has claimed the delivery since.

    `accepted`: digests of the recipients that this attempt reached, which the next one leaves out.
    `next_attempt_at` is required for RETRY, and not allowed for any other outcome.
    """
    if (next_attempt_at is None) == (outcome is AttemptOutcome.RETRY):
        raise ValueError("next_attempt_at is required for a retry, and not allowed for any other outcome")
    values: dict[str, object] = {"state": STATE_AFTER[outcome], "reason": reason, "claimed_at": None}
    if outcome is AttemptOutcome.SENT:
        values["sent_at"] = now
    if next_attempt_at is not None:
        values["next_attempt_at"] = next_attempt_at
    if accepted:
        values["accepted"] = " ".join(sorted(claimed.accepted | set(accepted)))
    claim = update(Delivery).where(
        Delivery.id == claimed.delivery_id,
        Delivery.epoch == claimed.epoch,
        Delivery.state == DeliveryState.SENDING,
    )
    if not state_moved(session, claim.values(values)):
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


STATE_AFTER = {
    AttemptOutcome.SENT: DeliveryState.SENT,
    AttemptOutcome.RETRY: DeliveryState.PENDING,
    AttemptOutcome.PERMANENT: DeliveryState.FAILED,
    AttemptOutcome.INTERRUPTED: DeliveryState.PENDING,
}


def recover_deliveries(
    session: Session, *, now: datetime, gone: ColumnElement[bool] | None = None
) -> Sequence[int]:
    """Make the interrupted deliveries of which `gone` is true pending again; return their ids.

    None: all of them. Call it like this at start, under the daemon's lock. They may have arrived, and are
    sent again with the same idempotency key.
    """
    sending = update(Delivery).where(text(UNSENT), Delivery.state == DeliveryState.SENDING)
    if gone is not None:
        lost = select(Delivery.id).where(text(UNSENT), Delivery.state == DeliveryState.SENDING, gone)
        sending = update(Delivery).where(Delivery.id.in_(not_locked(session, lost)))
    pending = sending.values(
        state=DeliveryState.PENDING, epoch=Delivery.epoch + 1, claimed_at=None, next_attempt_at=now
    )
    ids = session.scalars(pending.returning(Delivery.id)).all()
    whose = () if gone is None else (Attempt.delivery_id.in_(ids),)
    _interrupt_attempts(session, *whose, now=now)
    return ids


def _interrupt_attempts(session: Session, *conditions: ColumnElement[bool], now: datetime) -> None:
    """Conclude the attempts without an outcome as interrupted."""
    begun = update(Attempt).where(text(BEGUN), *conditions)
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
    """Count a success or a failure of a channel. None: the channel's state did not change.

    A channel is dead after `dead_after` failures in a row, or after one permanent failure. One success makes
    it ok.
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
    """Return the channels through which something was sent, sorted by name."""
    return session.scalars(select(Channel).order_by(Channel.name)).all()


def delivery_by_id(session: Session, delivery_id: int) -> Delivery | None:
    return session.get(Delivery, delivery_id)


def deliveries_of_alert(session: Session, alert_id: int) -> Sequence[Delivery]:
    """Return the deliveries of an alert, oldest first."""
    return session.scalars(select(Delivery).where(Delivery.alert_id == alert_id).order_by(Delivery.id)).all()


def attempts_of(session: Session, delivery_id: int) -> Sequence[Attempt]:
    """Return the attempts of a delivery, oldest first."""
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
    """Return deliveries, newest first."""
    query = select(Delivery).order_by(Delivery.id.desc()).limit(limit)
    if state is not None:
        query = query.where(Delivery.state == state)
        if state not in (DeliveryState.SENT, DeliveryState.IN_DIGEST):
            query = query.where(text(UNSENT))
    if channel is not None:
        query = query.where(Delivery.channel == channel)
    if alert_id is not None:
        query = query.where(Delivery.alert_id == alert_id)
    return session.scalars(query).all()


def retry_failed(
    session: Session, *, now: datetime, channel: str | None = None, only: Collection[int] | None = None
) -> Sequence[int]:
    """Make failed deliveries due again; return their ids. `only`: none but these.

    They keep their idempotency keys, and have all of their time and attempts again.
    """
    failed = update(Delivery).where(text(UNSENT), Delivery.state == DeliveryState.FAILED)
    if channel is not None:
        failed = failed.where(Delivery.channel == channel)
    if only is not None:
        failed = failed.where(Delivery.id.in_(only))
    pending = failed.values(state=DeliveryState.PENDING, next_attempt_at=now)
    return session.scalars(pending.returning(Delivery.id)).all()
