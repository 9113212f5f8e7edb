"""The tables of listings, their versions and attachments. Import them from `listings`."""

import hashlib
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, ForeignKey, Index, UniqueConstraint, bindparam, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from storage.captures import Capture, LocatedRecord
from storage.database.base import Base
from storage.database.columns import MAX_CHAR_BYTES, clean
from storage.sources import Source

THERE = "gone_at IS NULL AND thread_key IS NULL"
REPLY = "thread_key IS NOT NULL"
CHANGED_LIFE = "life <> 'new'"
WITH_SELLER = "seller IS NOT NULL"
WITH_PRICE = "price_currency IS NOT NULL"
WITH_CLAIM = "claimed_records IS NOT NULL"
UNTOLD = "told_gone <> (gone_at IS NOT NULL)"
UNMATCHED = "match_state <> 'matched'"
UNREAD = "match_reason IS NOT NULL"
MAX_KEY_BYTES = 1000  # PostgreSQL limits an index entry to 2,704


def stored_key(key: str) -> str:
    """Return the key as the row stores it. A long key is cut, and its hash keeps it unique."""
    kept = clean(key)
    if len(kept) * MAX_CHAR_BYTES <= MAX_KEY_BYTES or len(kept.encode()) <= MAX_KEY_BYTES:
        return kept
    return f"{kept[:100]}#{hashlib.sha256(kept.encode()).hexdigest()}"


class Life(StrEnum):
    """What last happened to a listing."""

    NEW = "new"
    EDITED = "edited"
    PRICE_CHANGED = "price_changed"
    REPOSTED = "reposted"
    GONE = "gone"
    BACK = "back"


class MatchState(StrEnum):
    UNSEALED = "unsealed"  # its evidence is on one machine only
    PENDING = "pending"
    MATCHED = "matched"
    FAILED = "failed"


class Listing(Base):
    """A listing as it was last seen; its text is in its versions."""

    __tablename__ = "listings"
    __table_args__ = (
        UniqueConstraint("source_id", "key"),
        Index(None, "content_digest"),
        # The listings that the source's lists should show: not gone, and not a reply.
        Index(
            "ix_listings_there_source_id_checked_at",
            "source_id",
            "checked_at",
            sqlite_where=text(THERE),
            postgresql_where=text(THERE),
        ),
        Index(None, "first_seen_at"),
        Index(None, "source_id", "id"),
        Index(None, "source_id", "posted_at"),
        Index(
            "ix_listings_changed_life",
            "life",
            "id",
            sqlite_where=text(CHANGED_LIFE),
            postgresql_where=text(CHANGED_LIFE),
        ),
        Index(None, "seller", "id", sqlite_where=text(WITH_SELLER), postgresql_where=text(WITH_SELLER)),
        Index(
            None,
            "price_currency",
            "id",
            sqlite_where=text(WITH_PRICE),
            postgresql_where=text(WITH_PRICE),
        ),
        Index(None, "claimed_records", sqlite_where=text(WITH_CLAIM), postgresql_where=text(WITH_CLAIM)),
        Index(None, "source_id", "thread_key", sqlite_where=text(REPLY), postgresql_where=text(REPLY)),
        Index(None, "repost_of_id"),
        Index(None, "data_set_id"),
        # The listings that went or came back since their alerts were judged.
        Index("ix_listings_untold", "id", sqlite_where=text(UNTOLD), postgresql_where=text(UNTOLD)),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id"))
    key: Mapped[str]
    url: Mapped[str]  # masked
    thread_key: Mapped[str | None]  # key of the listing that this one replies to; lists show no replies
    life: Mapped[Life]
    row_digest: Mapped[str]  # of its row on the list page; "": its item page has to be read again
    content_digest: Mapped[str]  # of the unmasked text; "" without text
    # The first listing with the same text.
    repost_of_id: Mapped[int | None] = mapped_column(ForeignKey("listings.id"))
    # The first listing that offers the same data; None: this one, as far as is known.
    data_set_id: Mapped[int | None] = mapped_column(ForeignKey("listings.id"))
    version_number: Mapped[int]
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    checked_at: Mapped[datetime]  # when its item page was last read
    gone_at: Mapped[datetime | None]
    told_gone: Mapped[bool | None]  # whether its alerts say that it is gone; None: it has no alert
    title: Mapped[str]
    seller: Mapped[str | None]
    price_amount: Mapped[Decimal | None]
    price_currency: Mapped[str | None]
    claimed_records: Mapped[int | None]
    posted_at: Mapped[datetime | None]
    posted_at_uncertain: Mapped[bool]
    data_classes: Mapped[list[str]]

    source: Mapped[Source] = relationship(lazy="raise")


class ListingVersion(LocatedRecord, Base):
    """The text of a listing from `seen_at` on, masked; its evidence is the record with the unmasked text."""

    __tablename__ = "listing_versions"
    __table_args__ = (
        UniqueConstraint("listing_id", "number"),
        Index(
            "ix_listing_versions_unmatched",
            "match_state",
            "id",
            sqlite_where=text(UNMATCHED),
            postgresql_where=text(UNMATCHED),
        ),
        Index(None, "source_id", "seen_at"),
        Index("ix_listing_versions_unread", "id", sqlite_where=text(UNREAD), postgresql_where=text(UNREAD)),
        Index(None, "capture_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    listing_id: Mapped[int] = mapped_column(ForeignKey("listings.id"))
    source_id: Mapped[int | None]  # that of its listing, for counts of a source's versions
    number: Mapped[int]  # from 1
    capture_id: Mapped[int | None] = mapped_column(ForeignKey("captures.id"))
    seen_at: Mapped[datetime]
    title: Mapped[str]
    body: Mapped[str]
    seller: Mapped[str | None]
    price_amount: Mapped[Decimal | None]
    price_currency: Mapped[str | None]
    claimed_records: Mapped[int | None]
    posted_at: Mapped[datetime | None]
    posted_at_uncertain: Mapped[bool]
    data_classes: Mapped[list[str]]
    sample: Mapped[str]
    links: Mapped[list[str]]
    changes: Mapped[list[dict[str, Any]]]  # [{"field", "before", "after"}] against the version before
    match_state: Mapped[MatchState]
    match_attempts: Mapped[int]
    match_reason: Mapped[str | None]
    matched_at: Mapped[datetime | None]
    match_not_before: Mapped[datetime | None]
    match_epoch: Mapped[int] = mapped_column(default=0)  # of the claim
    match_node_id: Mapped[int | None]  # the holder of the claim; None: nobody

    listing: Mapped[Listing] = relationship(lazy="raise")
    capture: Mapped[Capture | None] = relationship(lazy="raise")
    attachments: Mapped[list["Attachment"]] = relationship(lazy="raise", order_by="Attachment.id")


class Attachment(LocatedRecord, Base):
    """A text that a version links to; its evidence is the record with the decoded, unmasked text."""

    __tablename__ = "attachments"
    __table_args__ = (Index(None, "version_id"), Index(None, "capture_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("listing_versions.id"))
    capture_id: Mapped[int | None] = mapped_column(ForeignKey("captures.id"))
    name: Mapped[str]  # masked
    content_type: Mapped[str | None]
    size: Mapped[int]

    capture: Mapped[Capture | None] = relationship(lazy="raise")


def of_source(source_id: int) -> ColumnElement[bool]:
    """Return the condition that a listing belongs to a source, with the number in the statement's text.

    PostgreSQL plans a statement once for all sources if the number is a parameter. As most sources are small,
    one with a hundred thousand listings would then be read whole to find two hundred of its keys.
    """
    return Listing.source_id == bindparam("of_source", source_id, literal_execute=True)
