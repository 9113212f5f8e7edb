"""Data sets: listings that offer the same data, which the first of them stands for.

A listing's signs (made by matching.data_sets) are compared with those of all others; of those that agree the
earliest gives its name to the set. A set never loses a member: what was once shown to be the same stays so.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, ForeignKey, Index, delete, func, insert, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.base import Base
from storage.listing_tables import Listing

BANDS = 16
#: Of the bands of 4 that two texts' MinHashes are cut into, as many agree at a Jaccard index of about 0.75.
BANDS_ALIKE = 5
ROWS_ALIKE = 2
#: Of the rows that the shorter one shows.
ROWS_SHARE = 0.5
#: A sign that so many listings bear is of the market's own making, not of the data.
COMMON = 200


class SignKind(StrEnum):
    ROW = "row"
    TEXT = "text"
    CLAIM = "claim"


@dataclass(frozen=True, slots=True)
class DataSetSign:
    """One thing that two offers of the same data have in common; `value` is a keyed hash of 63 bits."""

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
    """Take up a listing's signs; returns the first listing of its data set, None where it is that itself."""
    session.execute(delete(ListingSign).where(ListingSign.listing_id == listing_id))
    rows = [{"listing_id": listing_id, "kind": sign.kind, "value": sign.value} for sign in signs]
    if rows:
        session.execute(insert(ListingSign), rows)
    shared = _shared(session, listing_id, signs)
    alike = [other for other, counts in shared.items() if _same(session, signs, other, counts)]
    return _joined(session, listing_id, alike)


def first_offer_of(listing: Listing) -> int:
    """The listing that stands for this one's data set: the first that offered it."""
    return listing.data_set_id or listing.repost_of_id or listing.id


def data_set_members(session: Session, first: int) -> Sequence[int]:
    """The listings of a data set, the first of them first; at most COMMON."""
    of_set = or_(_of_set(first), Listing.id == first)
    return session.scalars(select(Listing.id).where(of_set).order_by(Listing.id).limit(COMMON)).all()


@dataclass(frozen=True, slots=True)
class OfferNumber:
    """One listing of a data set; `number` from 1, in the order in which they were first seen."""

    number: int
    first_offered_at: datetime


def offer_of(session: Session, listing: Listing) -> OfferNumber:
    """Which offer of its data set a listing is. A reply is no offer: it counts with those before it."""
    of_set = or_(_of_set(first_offer_of(listing)), Listing.id == first_offer_of(listing))
    before = select(func.count(), func.min(Listing.first_seen_at)).where(
        of_set, Listing.thread_key.is_(None), Listing.id <= listing.id
    )
    number, first = session.execute(before).one()
    return OfferNumber(max(1, number), min(first or listing.first_seen_at, listing.first_seen_at))


def _shared(
    session: Session, listing_id: int, signs: Collection[DataSetSign]
) -> Mapping[int, Mapping[SignKind, int]]:
    """How many signs of each kind others bear as well; signs that everybody bears are left out."""
    found: dict[int, dict[SignKind, int]] = {}
    for kind in SignKind:
        values = [sign.value for sign in signs if sign.kind is kind]
        if not values:
            continue
        mine = (ListingSign.kind == kind, ListingSign.value.in_(values))
        rare = select(ListingSign.value).where(*mine).group_by(ListingSign.value)
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


def _same(
    session: Session, signs: Collection[DataSetSign], other: int, shared: Mapping[SignKind, int]
) -> bool:
    """Words alone, which a seller has for all offers, don't hold against rows or counts that differ."""
    if SignKind.CLAIM in shared:
        return True
    counted = select(ListingSign.kind, func.count()).where(ListingSign.listing_id == other)
    theirs = Counter({row[0]: row[1] for row in session.execute(counted.group_by(ListingSign.kind))})
    mine = Counter(sign.kind for sign in signs)
    rows = shared.get(SignKind.ROW, 0)
    if rows >= ROWS_ALIKE and rows >= ROWS_SHARE * min(mine[SignKind.ROW], theirs[SignKind.ROW]):
        return True
    differ = any(mine[kind] and theirs[kind] for kind in (SignKind.ROW, SignKind.CLAIM))
    return shared.get(SignKind.TEXT, 0) >= BANDS_ALIKE and not differ


def _joined(session: Session, listing_id: int, alike: Collection[int]) -> int | None:
    """Make one set of what these listings belong to; the first of all stands for it."""
    root = func.coalesce(Listing.data_set_id, Listing.repost_of_id, Listing.id)
    roots = set(session.scalars(select(root).where(Listing.id.in_({listing_id, *alike}))))
    first = min(roots)
    members = or_(Listing.id.in_({listing_id, *alike, *roots}), *(_of_set(each) for each in roots))
    if alike:
        joined = update(Listing).where(members, Listing.id != first)
        session.execute(joined.values(data_set_id=first))
    return first if first != listing_id else None


def _of_set(first: int) -> ColumnElement[bool]:
    return or_(Listing.data_set_id == first, Listing.repost_of_id == first)
