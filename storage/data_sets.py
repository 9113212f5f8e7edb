"""Data sets: listings that offer the same data. The first listing of a data set stands for all of them.

The signs of a listing (made by matching.data_sets) are compared with those of all other listings. A data set
never loses a listing: an edit does not undo what earlier signs have shown.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, ForeignKey, Index, delete, func, insert, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.database.base import Base
from storage.listing_tables import Listing

BANDS = 16
BANDS_ALIKE = 5  # of BANDS bands of 4 MinHashes; as many agree at a Jaccard index of about 0.75
ROWS_ALIKE = 2
ROWS_SHARE = 0.5  # of the rows that the listing with fewer rows shows
COMMON = 200  # a sign that more listings have comes from the market itself, not from the data


class SignKind(StrEnum):
    ROW = "row"
    TEXT = "text"
    CLAIM = "claim"


@dataclass(frozen=True, slots=True)
class DataSetSign:
    """A sign that two offers of the same data share: a row, the text or an exact count. `value` is a keyed
    hash of 63 bits.
    """

    kind: SignKind
    value: int


class ListingSign(Base):
    """A sign of a listing's newest version."""

    __tablename__ = "listing_signs"
    __table_args__ = (Index(None, "kind", "value"),)

    listing_id: Mapped[int] = mapped_column(ForeignKey("listings.id"), primary_key=True)
    kind: Mapped[SignKind] = mapped_column(primary_key=True)
    value: Mapped[int] = mapped_column(primary_key=True)


def place_listing(session: Session, listing_id: int, signs: Collection[DataSetSign]) -> int | None:
    """Store a listing's signs; return the first listing of its data set, None if it is the first one
    itself.
    """
    session.execute(delete(ListingSign).where(ListingSign.listing_id == listing_id))
    rows = [{"listing_id": listing_id, "kind": sign.kind, "value": sign.value} for sign in signs]
    if rows:
        session.execute(insert(ListingSign), rows)
    shared = _count_shared_signs(session, listing_id, signs)
    alike = [other for other, counts in shared.items() if _offers_same_data(session, signs, other, counts)]
    return _join_data_sets(session, listing_id, alike)


def first_offer_of(listing: Listing) -> int:
    """Return the first listing that offered the data of this one."""
    return listing.data_set_id or listing.repost_of_id or listing.id


def data_set_members(session: Session, first: int) -> Sequence[int]:
    """Return the listings of a data set in order, the first one first; at most COMMON."""
    of_set = or_(_belongs_to(first), Listing.id == first)
    return session.scalars(select(Listing.id).where(of_set).order_by(Listing.id).limit(COMMON)).all()


@dataclass(frozen=True, slots=True)
class OfferNumber:
    """The position of a listing in its data set: `number` counts from 1, in the order of first seeing."""

    number: int
    first_offered_at: datetime


def offer_of(session: Session, listing: Listing) -> OfferNumber:
    """Return which offer of its data set a listing is. A reply has the number of the last offer before it."""
    of_set = or_(_belongs_to(first_offer_of(listing)), Listing.id == first_offer_of(listing))
    before = select(func.count(), func.min(Listing.first_seen_at)).where(
        of_set, Listing.thread_key.is_(None), Listing.id <= listing.id
    )
    number, first = session.execute(before).one()
    return OfferNumber(max(1, number), min(first or listing.first_seen_at, listing.first_seen_at))


def _count_shared_signs(
    session: Session, listing_id: int, signs: Collection[DataSetSign]
) -> Mapping[int, Mapping[SignKind, int]]:
    """Return how many signs of each kind each other listing shares; signs of more than COMMON listings don't
    count.
    """
    found: dict[int, dict[SignKind, int]] = {}
    for kind in SignKind:
        values = [sign.value for sign in signs if sign.kind is kind]
        if not values:
            continue
        own_signs = (ListingSign.kind == kind, ListingSign.value.in_(values))
        rare = select(ListingSign.value).where(*own_signs).group_by(ListingSign.value)
        rare = rare.having(func.count() <= COMMON)
        shared = (
            select(ListingSign.listing_id, func.count())
            .where(
                ListingSign.kind == kind, ListingSign.value.in_(rare), ListingSign.listing_id != listing_id
            )
            .group_by(ListingSign.listing_id)
        )
        for other, count in session.execute(shared):
            found.setdefault(other, {})[kind] = count
    return found


def _offers_same_data(
    session: Session, signs: Collection[DataSetSign], other: int, shared: Mapping[SignKind, int]
) -> bool:
    """Return whether another listing offers the same data.

    The same text is not enough if rows or counts differ: sellers use one text for all of their offers.
    """
    if SignKind.CLAIM in shared:
        return True
    counted = select(ListingSign.kind, func.count()).where(ListingSign.listing_id == other)
    other_signs = Counter({row[0]: row[1] for row in session.execute(counted.group_by(ListingSign.kind))})
    own_signs = Counter(sign.kind for sign in signs)
    rows = shared.get(SignKind.ROW, 0)
    if rows >= ROWS_ALIKE and rows >= ROWS_SHARE * min(own_signs[SignKind.ROW], other_signs[SignKind.ROW]):
        return True
    differ = any(own_signs[kind] and other_signs[kind] for kind in (SignKind.ROW, SignKind.CLAIM))
    return shared.get(SignKind.TEXT, 0) >= BANDS_ALIKE and not differ


def _join_data_sets(session: Session, listing_id: int, alike: Collection[int]) -> int | None:
    """Join the data sets of these listings; return the first listing, None if it is `listing_id`."""
    root = func.coalesce(Listing.data_set_id, Listing.repost_of_id, Listing.id)
    roots = set(session.scalars(select(root).where(Listing.id.in_({listing_id, *alike}))))
    first = min(roots)
    members = or_(Listing.id.in_({listing_id, *alike, *roots}), *(_belongs_to(each) for each in roots))
    if alike:
        joined = update(Listing).where(members, Listing.id != first)
        session.execute(joined.values(data_set_id=first))
    return first if first != listing_id else None


def _belongs_to(first: int) -> ColumnElement[bool]:
    return or_(Listing.data_set_id == first, Listing.repost_of_id == first)
