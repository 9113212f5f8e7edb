"""What the messages of an alert have told about its listings, and the changes that wait for a digest.

So judging a finding again reads one row, however long its alert has lived.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.database.base import Base

#: Values of each field that are kept, the last ones. A value that is not among them is news again.
VALUES_KEPT = 20

Values = Mapping[str, str | None]


class AlertListing(Base):
    """A listing in an alert. The alert is locked by whoever reads or writes its listings."""

    __tablename__ = "alert_listings"
    __table_args__ = (Index(None, "listing_id"),)

    alert_id: Mapped[int] = mapped_column(ForeignKey("alerts.id"), primary_key=True)
    listing_id: Mapped[int] = mapped_column(ForeignKey("listings.id"), primary_key=True)
    version: Mapped[int]  # the newest version that a message was about; 0: no message yet
    told: Mapped[dict[str, Any]]  # by field, the values of messages, the last one at the end
    seen: Mapped[dict[str, Any]]  # by field, the value when the listing was last judged


@dataclass(frozen=True, slots=True)
class ListingNews:
    """The state of a listing in an alert: its version, its offer's number and the values of its fields."""

    listing_id: int
    version: int
    offer_number: int
    values: Values


def listing_in_alert(session: Session, alert_id: int, listing_id: int) -> AlertListing | None:
    """Return what an alert has told of a listing; None: it has not judged that listing yet."""
    return session.get(AlertListing, (alert_id, listing_id), populate_existing=True)


def note_told(session: Session, alert_id: int, news: ListingNews) -> None:
    """Record that a message says this of a listing."""
    row = _row_of(session, alert_id, news)
    if news.version < row.version:  # a rematch of the archive: a newer version was told before
        return
    row.version, row.seen = news.version, dict(news.values)
    row.told = {
        field: [*(each for each in row.told.get(field, ()) if each != value), value][-VALUES_KEPT:]
        for field, value in news.values.items()
    }
    session.flush()


def note_seen(session: Session, alert_id: int, news: ListingNews) -> bool:
    """Record a listing's state without a message; return whether it differs from when it was last judged."""
    row = _row_of(session, alert_id, news)
    if news.version < row.version or row.seen == dict(news.values):
        return False
    row.seen = dict(news.values)
    session.flush()
    return True


def _row_of(session: Session, alert_id: int, news: ListingNews) -> AlertListing:
    row = listing_in_alert(session, alert_id, news.listing_id)
    if row is None:
        row = AlertListing(alert_id=alert_id, listing_id=news.listing_id, version=0, told={}, seen={})
        session.add(row)
    return row
