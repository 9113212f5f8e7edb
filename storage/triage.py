"""What people did with a finding: its states with reasons, its owner, notes, labels, links, and merging.

Each state is an event that is never changed, so the events are the timeline of who knew what, and when. The
alert's own row holds the newest state. Lock the alert before, by `alerts.lock_alert`.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.alerts import Alert, TriageState
from storage.database.base import Base


class TriageEvent(Base):
    """A state that a finding was given from `at` on."""

    __tablename__ = "triage_events"
    __table_args__ = (Index(None, "alert_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alerts.id"))
    at: Mapped[datetime]
    by: Mapped[str]  # name to sign in by, or `spillwatch` when a stronger finding reopened it
    before: Mapped[TriageState]
    after: Mapped[TriageState]
    reason: Mapped[str]


class FindingNote(Base):
    __tablename__ = "finding_notes"
    __table_args__ = (Index(None, "alert_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alerts.id"))
    at: Mapped[datetime]
    by: Mapped[str]
    text: Mapped[str]


class FindingLabel(Base):
    __tablename__ = "finding_labels"
    __table_args__ = (Index(None, "label", "alert_id"),)

    alert_id: Mapped[int] = mapped_column(ForeignKey("alerts.id"), primary_key=True)
    label: Mapped[str] = mapped_column(primary_key=True)


class FindingLink(Base):
    """Two findings that belong together; `alert_id` is the smaller id."""

    __tablename__ = "finding_links"
    __table_args__ = (UniqueConstraint("alert_id", "other_id"), Index(None, "other_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alerts.id"))
    other_id: Mapped[int] = mapped_column(ForeignKey("alerts.id"))
    at: Mapped[datetime]
    by: Mapped[str]
    reason: Mapped[str]


def events_of(session: Session, alert_id: int) -> Sequence[TriageEvent]:
    """Return the states of a finding, oldest first."""
    return session.scalars(
        select(TriageEvent).where(TriageEvent.alert_id == alert_id).order_by(TriageEvent.id)
    ).all()


def change_state(
    session: Session, alert: Alert, state: TriageState, *, by: str, reason: str, now: datetime
) -> bool:
    """Give a locked finding a state. False: it has it already."""
    if alert.state is state:
        return False
    session.add(TriageEvent(alert_id=alert.id, at=now, by=by, before=alert.state, after=state, reason=reason))
    alert.state, alert.acknowledged_at, alert.acknowledged_by, alert.updated_at = state, now, by, now
    alert.note = reason or alert.note
    alert.awaits_since = alert.escalates_at = None
    session.flush()
    return True
