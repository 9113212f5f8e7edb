"""What happened to a finding, from its first capture to what people did, in the order of time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from storage import alerts, deliveries, listings, triage
from storage.alerts import Alert
from storage.deliveries import DeliveryState
from storage.visible.visibility import Visibility

EVENTS = 1_000  # of each kind; the newest ones


@dataclass(frozen=True, slots=True)
class FindingEvent:
    """`by` None: Spillwatch itself. `text` is a change, a channel, two states, a finding or a note."""

    at: datetime
    event: str
    by: str | None = None
    text: str = ""
    reason: str | None = None


def timeline_of(session: Session, view: Visibility, alert: Alert) -> list[FindingEvent]:
    """Return the events of a finding, oldest first; none if it may not be seen."""
    if not view.includes(alert.company_id):
        return []
    found = [*_own_events(session, alert), *_events_of_people(session, alert)]
    return sorted(found, key=lambda event: event.at)


def _own_events(session: Session, alert: Alert) -> Iterator[FindingEvent]:
    listing = None if alert.listing_id is None else listings.listing_by_id(session, alert.listing_id)
    if listing is not None:
        yield FindingEvent(listing.first_seen_at, "captured", text=f"listing {listing.id}")
    for revision in alerts.revisions_of(session, alert.id)[-EVENTS:]:
        yield FindingEvent(revision.at, "message", text=revision.change.value)
    for delivery in deliveries.deliveries_of_alert(session, alert.id)[-EVENTS:]:
        if delivery.state is DeliveryState.SENT and delivery.sent_at is not None:
            yield FindingEvent(delivery.sent_at, "sent", text=delivery.channel)


def _events_of_people(session: Session, alert: Alert) -> Iterator[FindingEvent]:
    for event in triage.events_of(session, alert.id)[-EVENTS:]:
        states = f"{event.before.value} → {event.after.value}"
        yield FindingEvent(event.at, "state", _who(event.by), states, event.reason or None)
    for act in triage.acts_of(session, alert.id, limit=EVENTS):
        yield FindingEvent(act.at, act.kind.value, _who(act.by), act.other, act.detail or None)
    for note in triage.notes_of(session, alert.id, limit=EVENTS):
        yield FindingEvent(note.at, "note", note.by, note.text)


def _who(by: str) -> str | None:
    return None if by == triage.SPILLWATCH else by
