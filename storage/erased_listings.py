"""The keys of erased listings, so that the next visit does not store them again while the site shows them.

A key is kept as a digest of itself and its source: it tells whether a key is this one, and nothing else.
"""

import hashlib
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.database.base import Base, insert_new
from storage.listing_tables import stored_key

MAX_KEYS = 10_000  # per statement; SQLite accepts 32,766 parameters


class ErasedListing(Base):
    __tablename__ = "erased_listings"
    __table_args__ = (UniqueConstraint("source_id", "key_digest"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    listing_id: Mapped[int]  # its number; the row is gone
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id"))
    key_digest: Mapped[str]
    erased_at: Mapped[datetime]


_ANY_ERASED = text("SELECT 1 FROM erased_listings WHERE source_id = :source LIMIT 1")


def key_digest(source_id: int, key: str) -> str:
    return hashlib.sha256(f"{source_id}\0{stored_key(key)}".encode()).hexdigest()


def note_erased(session: Session, listing_id: int, source_id: int, key: str, *, now: datetime) -> None:
    row = {
        "listing_id": listing_id,
        "source_id": source_id,
        "key_digest": key_digest(source_id, key),
        "erased_at": now,
    }
    session.execute(insert_new(session, ErasedListing).values(row))


def erased_keys(session: Session, source_id: int, keys: Collection[str]) -> dict[str, datetime]:
    """Return those of the keys whose listing was erased, and when."""
    if session.connection().execute(_ANY_ERASED, {"source": source_id}).first() is None:
        return {}  # nearly always, so the digests of the keys are not needed
    digests = {key_digest(source_id, key): key for key in keys}
    ordered = list(digests)
    found: dict[str, datetime] = {}
    for start in range(0, len(ordered), MAX_KEYS):
        query = select(ErasedListing.key_digest, ErasedListing.erased_at).where(
            ErasedListing.source_id == source_id,
            ErasedListing.key_digest.in_(ordered[start : start + MAX_KEYS]),
        )
        found |= {digests[digest]: at for digest, at in session.execute(query)}
    return found
