"""Alerts: one per finding, with all of its revisions and its triage state.

The caller (alerts.dedupe) decides when an alert gets another revision, and of which kind. This module
guarantees that alert, revision and deliveries are written in one transaction, and that revisions are numbered
without gaps.
"""

import secrets
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Index,
    Text,
    TextClause,
    UniqueConstraint,
    bindparam,
    case,
    cast,
    insert,
    literal,
    null,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.alert_listings import ListingNews, note_told
from storage.data_sets import is_in_data_set
from storage.database.base import Base, new_ids
from storage.deliveries import Delivery, DeliveryState, HeldFor
from storage.listing_tables import UNTOLD, Listing


class AlertKind(StrEnum):
    FINDING = "finding"
    SOURCE = "source"
    CHANNEL = "channel"
    INSTALLATION = "installation"
    TEST = "test"
    DIGEST = "digest"


class Severity(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return tuple(Severity).index(self)


class TriageState(StrEnum):
    NEW = "new"
    ACKNOWLEDGED = "acknowledged"
    INVESTIGATING = "investigating"
    CONFIRMED = "confirmed"
    FALSE_POSITIVE = "false_positive"
    RESOLVED = "resolved"


class AlertChange(StrEnum):
    OPENED = "opened"
    ESCALATED = "escalated"
    UPDATED = "updated"
    REOPENED = "reopened"
    RESOLVED = "resolved"


WAITING = "digest_at IS NOT NULL"
MUTED = "muted_by_id IS NOT NULL"
UNANSWERED = "escalates_at IS NOT NULL"
ABOVE_LOW = "severity <> 'low'"
OF_NO_FINDING = "kind <> 'finding'"
OWNED = "owner_id IS NOT NULL"
MERGED = "merged_into_id IS NOT NULL"
#: Findings that stand for themselves.
STANDING = "kind = 'finding' AND merged_into_id IS NULL"
#: Those of them that nobody has closed.
OPEN_FINDING = f"{STANDING} AND state NOT IN ('resolved', 'false_positive')"
#: The others. Not "IN": SQLite would look for the two states in another index, and sort what it finds.
CLOSED_FINDING = f"{STANDING} AND state NOT IN ('new', 'acknowledged', 'investigating', 'confirmed')"
PRIORITY_OF_RANK = 1_000_000  # more than any score
REFERENCE_SIGNS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # without 0, 1, I and O
REFERENCE_LENGTH = 9  # 45 bits


class Alert(Base):
    __tablename__ = "alerts"
    __table_args__ = (
        Index(None, "state", "id"),
        Index(None, "listing_id"),
        # Without the rows that have none: else SQLite would look for "none" here, and sort what it finds.
        Index(None, "owner_id", sqlite_where=text(OWNED), postgresql_where=text(OWNED)),
        Index(None, "merged_into_id", sqlite_where=text(MERGED), postgresql_where=text(MERGED)),
        Index(None, "company_id", "state", "id"),
        Index(None, "opened_at", "reference"),
        Index(None, "updated_at", "reference"),
        Index(None, "company_id", "opened_at", "reference"),
        Index(None, "digest_at", sqlite_where=text(WAITING), postgresql_where=text(WAITING)),
        Index(None, "escalates_at", sqlite_where=text(UNANSWERED), postgresql_where=text(UNANSWERED)),
        Index(None, "severity", "id", sqlite_where=text(ABOVE_LOW), postgresql_where=text(ABOVE_LOW)),
        Index(
            "ix_alerts_of_no_finding",
            "kind",
            "source_id",
            sqlite_where=text(OF_NO_FINDING),
            postgresql_where=text(OF_NO_FINDING),
        ),
        Index(None, "opened_at"),
        Index(None, "updated_at"),
        # The orders of the console's first screen; its counters are read from the first index alone.
        Index(
            "ix_alerts_open_company",
            *("company_id", "priority", "id", "severity", "state", "owner_id", "source_id", "updated_at"),
            sqlite_where=text(OPEN_FINDING),
            postgresql_where=text(OPEN_FINDING),
        ),
        Index(
            "ix_alerts_open_priority",
            *("priority", "id"),
            sqlite_where=text(OPEN_FINDING),
            postgresql_where=text(OPEN_FINDING),
        ),
        Index(
            "ix_alerts_open_score",
            *("score", "id"),
            sqlite_where=text(OPEN_FINDING),
            postgresql_where=text(OPEN_FINDING),
        ),
        Index(
            "ix_alerts_open_id", "id", sqlite_where=text(OPEN_FINDING), postgresql_where=text(OPEN_FINDING)
        ),
        Index(
            "ix_alerts_closed_priority",
            *("priority", "id"),
            sqlite_where=text(CLOSED_FINDING),
            postgresql_where=text(CLOSED_FINDING),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[AlertKind]
    dedupe_key: Mapped[str] = mapped_column(unique=True)
    # Names it in the console: random, so that it says nothing of how many others there are.
    reference: Mapped[str] = mapped_column(unique=True)
    company_id: Mapped[int | None] = mapped_column(ForeignKey("companies.id"))
    source_id: Mapped[int | None] = mapped_column(ForeignKey("sources.id"))
    listing_id: Mapped[int | None] = mapped_column(ForeignKey("listings.id"))
    listing_gone: Mapped[bool]  # whether its listing was gone when it was last judged
    severity: Mapped[Severity]
    score: Mapped[int]
    priority: Mapped[int] = mapped_column(default=0)  # what it is sorted by: its severity, then its score
    title: Mapped[str]
    # Of the last revision's content, for lists, which never read the content itself; alerts.glance writes it.
    verdict: Mapped[str | None]  # slug of the strongest answer to "is it ours?"
    glance: Mapped[dict[str, Any]] = mapped_column(default=dict)
    state: Mapped[TriageState]
    opened_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    revision: Mapped[int]
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[str | None]
    note: Mapped[str | None]
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    # The finding that people merged this one into; None: it stands for itself.
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("alerts.id"))
    offers_told: Mapped[int] = mapped_column(default=0)  # the highest number of an offer in a message
    held_changes: Mapped[int] = mapped_column(default=0)  # changes since `held_since` without a message
    held_since: Mapped[datetime | None]
    held_listing_id: Mapped[int | None] = mapped_column(ForeignKey("listings.id"))  # the last that changed
    digest_at: Mapped[datetime | None]  # when one message tells of them; None: none is held
    awaits_since: Mapped[datetime | None]  # since when an acknowledgement is awaited
    escalates_at: Mapped[datetime | None]  # when the next channel gets it, if nobody has acknowledged it


class AlertRevision(Base):
    """What an alert says from `at` on."""

    __tablename__ = "alert_revisions"
    __table_args__ = (
        UniqueConstraint("alert_id", "number"),
        Index(None, "muted_by_id", sqlite_where=text(MUTED), postgresql_where=text(MUTED)),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alerts.id"))
    number: Mapped[int]  # from 1
    at: Mapped[datetime]
    change: Mapped[AlertChange]
    severity: Mapped[Severity]
    score: Mapped[int]
    signals: Mapped[list[dict[str, Any]]]  # [{"name", "weight", "count"?, "text"}]
    content: Mapped[dict[str, Any]]  # everything that a message needs, masked
    muted_by_id: Mapped[int | None] = mapped_column(
        ForeignKey("mutes.id")
    )  # the mute that no channel got it by


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertDraft:
    """A revision to write: of the alert with this `dedupe_key`, or of a new alert."""

    kind: AlertKind
    dedupe_key: str
    change: AlertChange
    severity: Severity
    score: int
    title: str
    verdict: str | None = None
    glance: dict[str, Any] = field(default_factory=dict)
    state: TriageState = TriageState.NEW
    signals: Sequence[dict[str, Any]] = ()
    content: dict[str, Any] = field(default_factory=dict)
    company_id: int | None = None
    source_id: int | None = None
    listing_id: int | None = None
    listing_gone: bool = False
    news: ListingNews | None = None  # what the revision tells of a listing
    muted_by_id: int | None = None
    escalates_at: datetime | None = None  # when a channel gets it that waits for an acknowledgement


@dataclass(frozen=True, slots=True)
class ChannelTarget:
    name: str
    transport: str
    due_at: datetime | None = None  # None: at once
    held_for: HeldFor | None = None


class OpenedAlert(NamedTuple):
    alert_id: int
    revision: int
    delivery_ids: tuple[int, ...]
    before: TriageState | None = None  # its state before the revision; None: it was opened


def open_or_revise(
    session: Session, draft: AlertDraft, *, channels: Sequence[ChannelTarget], now: datetime
) -> OpenedAlert:
    """Write the alert, its revision and one delivery per channel.

    Lock the alert by `alert_by_key(..., for_update=True)` in the same transaction. If another transaction
    opens it at the same moment, the insert fails with DatabaseConflict: judge again.
    """
    alert = alert_by_key(session, draft.dedupe_key, for_update=True)
    if alert is None:
        alert = Alert(
            id=new_ids(session, Alert, 1)[0],
            kind=draft.kind,
            dedupe_key=draft.dedupe_key,
            reference=new_reference(),
            company_id=draft.company_id,
            source_id=draft.source_id,
            listing_id=draft.listing_id,
            opened_at=now,
            revision=0,
            offers_told=0,
            held_changes=0,
        )
        session.add(alert)
    before = alert.state if alert.revision else None
    alert.severity, alert.score, alert.title = draft.severity, draft.score, draft.title
    alert.priority = priority_of(draft.severity, draft.score)
    alert.verdict, alert.glance = draft.verdict, draft.glance
    alert.state, alert.updated_at, alert.revision = draft.state, now, alert.revision + 1
    if draft.listing_id == alert.listing_id:
        alert.listing_gone = draft.listing_gone
    session.flush()
    _note_told(session, alert.listing_id)
    if draft.news is not None:
        note_told(session, alert.id, draft.news)
        alert.offers_told = max(alert.offers_told, draft.news.offer_number)
    if draft.escalates_at is not None:
        alert.awaits_since, alert.escalates_at = now, draft.escalates_at
    _add_revision(session, alert.id, alert.revision, draft, now)
    deliveries = add_deliveries(session, alert.id, alert.revision, channels, now)
    return OpenedAlert(alert.id, alert.revision, deliveries, before)


def priority_of(severity: Severity, score: int) -> int:
    """Return what findings are sorted by: the severity first, and the score within it."""
    return severity.rank * PRIORITY_OF_RANK + min(max(score, 0), PRIORITY_OF_RANK - 1)


def new_reference() -> str:
    return "".join(secrets.choice(REFERENCE_SIGNS) for _ in range(REFERENCE_LENGTH))


def alert_by_key(session: Session, dedupe_key: str, *, for_update: bool = False) -> Alert | None:
    query = select(Alert).where(Alert.dedupe_key == dedupe_key)
    if for_update:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.scalar(query)


def lock_oldest_of_data_set(session: Session, key_prefix: str, first: int) -> Alert | None:
    """Return the oldest alert whose key is the prefix and the id of a listing of a data set, whose first
    listing is `first`; locked for the rest of the transaction.
    """
    members = select(literal(key_prefix) + cast(Listing.id, Text)).where(is_in_data_set(first))
    query = select(Alert).where(Alert.dedupe_key.in_(members)).order_by(Alert.id).limit(1)
    return session.scalar(query.with_for_update().execution_options(populate_existing=True))


def lock_alert(session: Session, alert_id: int) -> Alert | None:
    """Return the alert, locked for the rest of the transaction."""
    return session.get(Alert, alert_id, with_for_update=True, populate_existing=True)


def lock_open_alert(
    session: Session, kind: AlertKind, *, source_id: int | None = None, key_prefix: str | None = None
) -> Alert | None:
    """Return the newest alert of a kind that is not resolved, locked for the rest of the transaction."""
    query = select(Alert).where(Alert.kind == kind, Alert.state != TriageState.RESOLVED)
    if kind is not AlertKind.FINDING:
        query = query.where(text(OF_NO_FINDING))
    if source_id is not None:
        query = query.where(Alert.source_id == source_id)
    if key_prefix is not None:
        query = query.where(Alert.dedupe_key.startswith(key_prefix, autoescape=True))
    return session.scalar(query.order_by(Alert.id.desc()).limit(1).with_for_update())


def alerts_with_life_changes(session: Session, *, now: datetime, limit: int) -> Sequence[int]:
    """Return the ids of alerts about findings whose listing is gone, or back, since it was judged."""
    changed = session.scalars(CHANGED_LISTINGS, {"limit": limit}).all()
    if not changed:
        return []
    gone = Listing.gone_at.is_not(None)
    query = select(Alert.id).join(Listing, Listing.id == Alert.listing_id).where(Listing.id.in_(changed))
    query = query.where(Alert.kind == AlertKind.FINDING, Alert.listing_gone != gone)
    return session.scalars(query.order_by(Alert.id).limit(limit)).all()


# A query of its own: PostgreSQL would expect many such listings, and join all alerts. The alerts of an erased
# company are gone, although the listing still says that it had some.
_ANY_ALERT = select(Alert.id).where(Alert.listing_id == Listing.id).limit(1).scalar_subquery()
CHANGED_LISTINGS = (
    select(Listing.id)
    .where(text(UNTOLD), _ANY_ALERT.is_not(None))
    .order_by(Listing.id)
    .limit(bindparam("limit"))
)


def note_listing_gone(session: Session, alert_id: int, *, gone: bool) -> bool:
    """Record whether the alert's listing is gone. False: this is recorded already.

    Call it in the transaction that writes the revision.
    """
    change = update(Alert).where(Alert.id == alert_id, Alert.listing_gone != gone)
    noted = session.execute(change.values(listing_gone=gone).returning(Alert.listing_id)).one_or_none()
    if noted is None:
        return False
    _note_told(session, noted.listing_id)
    return True


def _note_told(session: Session, listing_id: int | None) -> None:
    """Note on a listing what its alerts say, so that `alerts_with_life_changes` reads no other listing.

    If one of them says something else than the listing's row, that is noted; whoever changes the listing
    needs to know nothing of alerts. The listing is locked first: of two alerts that are judged at once, the
    second one reads what the first has written.
    """
    if listing_id is None:
        return
    session.execute(select(Listing.id).where(Listing.id == listing_id).with_for_update(key_share=True))
    gone = Listing.gone_at.is_not(None)
    differs = select(Alert.id).where(
        Alert.listing_id == Listing.id, Alert.kind == AlertKind.FINDING, Alert.listing_gone != gone
    )
    told = update(Listing).where(Listing.id == listing_id)
    told = told.values(told_gone=case((differs.exists(), Listing.gone_at.is_(None)), else_=gone))
    session.execute(told.execution_options(synchronize_session=False))


def forget_told(session: Session, listing_ids: Collection[int]) -> None:
    """Note on listings whose alerts were deleted what the other ones say; nothing if there is none.

    Else such a listing would count as untold with each change, and be read at every look.
    """
    gone = Listing.gone_at.is_not(None)
    findings = select(Alert.id).where(Alert.listing_id == Listing.id, Alert.kind == AlertKind.FINDING)
    says = case(
        (~findings.exists(), null()),
        (findings.where(Alert.listing_gone != gone).exists(), Listing.gone_at.is_(None)),
        else_=gone,
    )
    of_these = update(Listing).where(Listing.id.in_(listing_ids), Listing.told_gone.is_not(None))
    session.execute(of_these.values(told_gone=says).execution_options(synchronize_session=False))


def updates_within(session: Session, alert_id: int, *, since: datetime, limit: int) -> int:
    """Return how many of an alert's last `limit` updates were written since then."""
    last = select(AlertRevision.at).where(
        AlertRevision.alert_id == alert_id, AlertRevision.change == AlertChange.UPDATED
    )
    times = session.scalars(last.order_by(AlertRevision.number.desc()).limit(limit))
    return sum(at > since for at in times)


def hold_change(
    session: Session, alert: Alert, *, listing_id: int, digest_at: datetime, now: datetime
) -> None:
    """Count a change that gets no message of its own; `digest_at` counts if it is the first one."""
    if alert.digest_at is None:
        alert.held_since, alert.digest_at, alert.held_changes = now, digest_at, 0
    alert.held_changes += 1
    alert.held_listing_id = listing_id
    session.flush()


def release_held_changes(session: Session, alert: Alert) -> None:
    """Forget the changes that wait for a digest. Call it in the transaction that writes the digest."""
    alert.digest_at = alert.held_since = alert.held_listing_id = None
    alert.held_changes = 0
    session.flush()


def digests_due(session: Session, *, now: datetime, limit: int) -> Sequence[int]:
    """Return the ids of alerts whose digest is due, the one that is due longest first."""
    query = select(Alert.id).where(Alert.digest_at.is_not(None), Alert.digest_at <= now)
    return session.scalars(query.order_by(Alert.digest_at, Alert.id).limit(limit)).all()


def escalations_due(session: Session, *, now: datetime, limit: int) -> Sequence[int]:
    """Return the ids of alerts that nobody has acknowledged in time, the one that is due longest first."""
    query = select(Alert.id).where(Alert.escalates_at.is_not(None), Alert.escalates_at <= now)
    return session.scalars(query.order_by(Alert.escalates_at, Alert.id).limit(limit)).all()


def channels_told(session: Session, alert_id: int, *, since: datetime) -> set[str]:
    """Return the channels for which deliveries of an alert were written since then."""
    told = select(Delivery.channel).where(Delivery.alert_id == alert_id, Delivery.created_at >= since)
    return set(session.scalars(told))


def last_revision(session: Session, alert: Alert) -> AlertRevision:
    """Return the newest revision of an alert; raises NoResultFound if it does not exist."""
    return revision_by_number(session, alert.id, alert.revision)


def _add_revision(session: Session, alert_id: int, number: int, draft: AlertDraft, now: datetime) -> None:
    session.execute(
        insert(AlertRevision).values(
            alert_id=alert_id,
            number=number,
            at=now,
            change=draft.change,
            severity=draft.severity,
            score=draft.score,
            signals=list(draft.signals),
            content=draft.content,
            muted_by_id=draft.muted_by_id,
        )
    )


def add_deliveries(
    session: Session, alert_id: int, number: int, channels: Sequence[ChannelTarget], now: datetime
) -> tuple[int, ...]:
    """Write a delivery of a revision for each channel; return their ids."""
    if not channels:
        return ()
    rows = [
        {
            "alert_id": alert_id,
            "revision": number,
            "channel": channel.name,
            "transport": channel.transport,
            "state": DeliveryState.PENDING,
            "idempotency_key": uuid.uuid4().hex,
            "attempts": 0,
            "epoch": 0,
            "next_attempt_at": channel.due_at or now,
            "held_for": channel.held_for,
            "created_at": now,
        }
        for channel in channels
    ]
    statement = insert(Delivery).returning(Delivery.id, sort_by_parameter_order=True)
    return tuple(session.scalars(statement, rows))


def alert_by_id(session: Session, alert_id: int) -> Alert | None:
    return session.get(Alert, alert_id)


def alerts_by_id(session: Session, alert_ids: Collection[int]) -> dict[int, Alert]:
    """Return those of the alerts that exist, by id."""
    return {alert.id: alert for alert in session.scalars(select(Alert).where(Alert.id.in_(alert_ids)))}


def alerts_of_listing(session: Session, listing_id: int) -> Sequence[Alert]:
    """Return the alerts about a listing, oldest first."""
    return session.scalars(select(Alert).where(Alert.listing_id == listing_id).order_by(Alert.id)).all()


def revisions_of(session: Session, alert_id: int) -> Sequence[AlertRevision]:
    """Return the revisions of an alert, oldest first."""
    query = select(AlertRevision).where(AlertRevision.alert_id == alert_id).order_by(AlertRevision.number)
    return session.scalars(query).all()


def revision_by_number(session: Session, alert_id: int, number: int) -> AlertRevision:
    """Return one revision; raises NoResultFound if it does not exist."""
    query = select(AlertRevision).where(AlertRevision.alert_id == alert_id, AlertRevision.number == number)
    return session.scalars(query).one()


def recent_alerts(
    session: Session,
    *,
    state: TriageState | None = None,
    kind: AlertKind | None = None,
    severity: Severity | None = None,
    limit: int = 50,
) -> Sequence[Alert]:
    """Return alerts, newest first; `severity` is the lowest one."""
    query = select(Alert).order_by(Alert.id.desc()).limit(limit)
    conditions: list[ColumnElement[bool] | TextClause] = []
    if state is not None:
        conditions.append(Alert.state == state)
    if kind is not None:
        conditions.append(Alert.kind == kind)
    if kind not in (None, AlertKind.FINDING):
        conditions.append(text(OF_NO_FINDING))
    if severity in (None, Severity.LOW):
        return session.scalars(query.where(*conditions)).all()
    # The newest of each severity, so that each is read in the order of the index and only as far as needed.
    newest = [
        select(Alert.id)
        .where(text(ABOVE_LOW), Alert.severity == each, *conditions)
        .order_by(Alert.id.desc())
        .limit(limit)
        .subquery()
        for each in Severity
        if severity is not None and each.rank >= severity.rank
    ]
    ids = union_all(*(select(each.c.id) for each in newest))
    return session.scalars(query.where(Alert.id.in_(ids))).all()
