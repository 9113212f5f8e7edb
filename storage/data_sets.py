"""Data sets: listings that offer the same data. The first listing of a data set stands for all of them.

The signs of a listing (made by matching.data_sets) are compared with those of all other listings. A data set
never loses a listing: an edit does not undo what earlier signs have shown.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, ForeignKey, Index, delete, func, insert, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.database.base import Base, lock_in_order
from storage.listing_tables import Listing

BANDS = 16
BANDS_ALIKE = 5  # of BANDS bands of 4 MinHashes; as many agree at a Jaccard index of about 0.75
ROWS_ALIKE = 2
ROWS_SHARE = 0.5  # of the rows that the listing with fewer rows shows
COMMON = 200  # a sign that more data sets have comes from the market itself, not from the data
#: Listings of one data set whose equal signs are stored. Further copies would only be compared again.
COPIES_KEPT = 20
MAX_IDS = 10_000  # per statement; SQLite accepts 32,766 parameters
PLACING_KEY = 0x5350494C4C2D  # advisory lock of placing; a different one from those of daemon and upgrade


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
    """A sign of a listing's newest version. Copies beyond COPIES_KEPT have none."""

    __tablename__ = "listing_signs"
    __table_args__ = (Index(None, "kind", "value"),)

    listing_id: Mapped[int] = mapped_column(ForeignKey("listings.id"), primary_key=True)
    kind: Mapped[SignKind] = mapped_column(primary_key=True)
    value: Mapped[int] = mapped_column(primary_key=True)


#: The first listing that offered a listing's data, as a column.
ROOT = func.coalesce(Listing.data_set_id, Listing.repost_of_id, Listing.id)


def place_listing(session: Session, listing_id: int, signs: Collection[DataSetSign]) -> int | None:
    """Store a listing's signs; return the first listing of its data set, None if it is the first one
    itself.

    Listings are placed one after the other: of two alike listings that are placed at the same time, the
    second one sees the first one's signs. A listing whose signs are stored already was placed before.
    """
    _take_turn(session)
    own = set(signs)
    stored = _stored_signs(session, listing_id)
    if own == stored:
        return _join_data_sets(session, listing_id, ())
    compared = _alike_listings(session, listing_id, own)
    kept = own if compared.copies < COPIES_KEPT else set()
    _replace_signs(session, listing_id, stored, kept)
    return _join_data_sets(session, listing_id, compared.alike)


def _take_turn(session: Session) -> None:
    """Wait until no other transaction places a listing. SQLite has one writer at a time."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(PLACING_KEY)))


def _stored_signs(session: Session, listing_id: int) -> set[DataSetSign]:
    query = select(ListingSign.kind, ListingSign.value).where(ListingSign.listing_id == listing_id)
    return {DataSetSign(row.kind, row.value) for row in session.execute(query)}


def _replace_signs(
    session: Session, listing_id: int, stored: set[DataSetSign], kept: set[DataSetSign]
) -> None:
    if stored and stored != kept:
        session.execute(delete(ListingSign).where(ListingSign.listing_id == listing_id))
    if kept and stored != kept:
        rows = [{"listing_id": listing_id, "kind": sign.kind, "value": sign.value} for sign in kept]
        session.execute(insert(ListingSign), rows)


def leave_data_set(session: Session, listing_id: int) -> None:
    """Let another listing stand for the data sets and re-posts of one that is about to be erased.

    The next one that was stored becomes the first one.
    """
    for column in (Listing.repost_of_id, Listing.data_set_id):
        first = session.scalar(
            select(func.min(Listing.id)).where(column == listing_id, Listing.id != listing_id)
        )
        if first is None:
            continue
        session.execute(update(Listing).where(Listing.id == first).values({column.key: None}))
        session.execute(update(Listing).where(column == listing_id).values({column.key: first}))


def first_offer_of(listing: Listing) -> int:
    """Return the first listing that offered the data of this one."""
    return listing.data_set_id or listing.repost_of_id or listing.id


def is_in_data_set(first: int) -> ColumnElement[bool]:
    """Condition for the listings of a data set; `first` is its first listing."""
    return or_(_belongs_to(first), Listing.id == first)


@dataclass(frozen=True, slots=True)
class OfferNumber:
    """The position of a listing in its data set: `number` counts from 1, in the order of first seeing."""

    number: int
    first_offered_at: datetime


def offer_of(session: Session, listing: Listing) -> OfferNumber:
    """Return which offer of its data set a listing is. A reply has the number of the last offer before it."""
    before = select(func.count(), func.min(Listing.first_seen_at)).where(
        is_in_data_set(first_offer_of(listing)), Listing.thread_key.is_(None), Listing.id <= listing.id
    )
    number, first = session.execute(before).one()
    return OfferNumber(max(1, number), min(first or listing.first_seen_at, listing.first_seen_at))


@dataclass(frozen=True, slots=True)
class _Comparison:
    """The listings that offer the same data, and the number of those with exactly the same signs."""

    alike: Collection[int]
    copies: int


def _alike_listings(session: Session, listing_id: int, signs: Collection[DataSetSign]) -> _Comparison:
    shared = _count_shared_signs(session, listing_id, signs)
    own = Counter(sign.kind for sign in signs)
    others = _count_signs(session, shared)
    alike = [other for other, counts in shared.items() if _offers_same_data(own, others[other], counts)]
    copies = sum(others[other] == own == Counter(shared[other]) for other in alike)
    return _Comparison(alike, copies)


def _count_shared_signs(
    session: Session, listing_id: int, signs: Collection[DataSetSign]
) -> Mapping[int, Mapping[SignKind, int]]:
    """Return how many signs of each kind each other listing shares; signs of more than COMMON data sets don't
    count.
    """
    found: dict[int, dict[SignKind, int]] = {}
    for kind in SignKind:
        values = [sign.value for sign in signs if sign.kind is kind]
        if not values:
            continue
        bearing = (
            ListingSign.kind == kind,
            ListingSign.value.in_(values),
            ListingSign.listing_id != listing_id,
        )
        rare = select(ListingSign.value).join(Listing).where(*bearing).group_by(ListingSign.value)
        rare = rare.having(func.count(ROOT.distinct()) <= COMMON)
        shared = (
            select(ListingSign.listing_id, func.count())
            .where(*bearing, ListingSign.value.in_(rare))
            .group_by(ListingSign.listing_id)
        )
        for other, count in session.execute(shared):
            found.setdefault(other, {})[kind] = count
    return found


def _count_signs(session: Session, listing_ids: Collection[int]) -> Mapping[int, Counter[SignKind]]:
    """Return how many signs of each kind these listings have."""
    counts: dict[int, Counter[SignKind]] = {each: Counter() for each in listing_ids}
    ids = list(listing_ids)
    for start in range(0, len(ids), MAX_IDS):
        of_listings = ListingSign.listing_id.in_(ids[start : start + MAX_IDS])
        query = select(ListingSign.listing_id, ListingSign.kind, func.count()).where(of_listings)
        for each, kind, count in session.execute(query.group_by(ListingSign.listing_id, ListingSign.kind)):
            counts[each][kind] = count
    return counts


def _offers_same_data(
    own: Mapping[SignKind, int], other: Mapping[SignKind, int], shared: Mapping[SignKind, int]
) -> bool:
    """Return whether two listings with these numbers of signs offer the same data.

    The same text is not enough if rows or counts differ: sellers use one text for all of their offers.
    """
    if SignKind.CLAIM in shared:
        return True
    rows = shared.get(SignKind.ROW, 0)
    if rows >= ROWS_ALIKE and rows >= ROWS_SHARE * min(own[SignKind.ROW], other[SignKind.ROW]):
        return True
    differ = any(own[kind] and other[kind] for kind in (SignKind.ROW, SignKind.CLAIM))
    return shared.get(SignKind.TEXT, 0) >= BANDS_ALIKE and not differ


def _join_data_sets(session: Session, listing_id: int, alike: Collection[int]) -> int | None:
    """Join the data sets of these listings; return the first listing, None if it is `listing_id`.

    Writes only the listings whose first listing becomes another one.
    """
    ids = [listing_id, *alike]
    roots: set[int] = set()
    for start in range(0, len(ids), MAX_IDS):
        roots |= set(
            session.scalars(select(ROOT).where(Listing.id.in_(ids[start : start + MAX_IDS])).distinct())
        )
    first = min(roots)
    joined = [each for each in roots if each != first]
    if joined:
        members = or_(
            Listing.id.in_(joined), Listing.data_set_id.in_(joined), Listing.repost_of_id.in_(joined)
        )
        elsewhere = (members, Listing.id != first, Listing.data_set_id.is_distinct_from(first))
        lock_in_order(session, Listing, session.scalars(select(Listing.id).where(*elsewhere)).all())
        session.execute(update(Listing).where(*elsewhere).values(data_set_id=first))
    return first if first != listing_id else None


def _belongs_to(first: int) -> ColumnElement[bool]:
    return or_(Listing.data_set_id == first, Listing.repost_of_id == first)
