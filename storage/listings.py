"""Listings: what is offered, what became of it, and which versions wait to be matched."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Float, and_, cast, func, or_, select, update
from sqlalchemy.orm import Session, aliased, contains_eager, joinedload, selectinload

from storage import search as fulltext
from storage.base import state_moved
from storage.companies import Company
from storage.listing_intake import AttachmentRecord, ListingRecord, Upserted, upsert_many
from storage.listing_tables import Attachment, Life, Listing, ListingVersion, MatchState, stored_key
from storage.matches import MatchSummary
from storage.sources import Source

__all__ = [
    "Attachment",
    "AttachmentRecord",
    "KnownListing",
    "Life",
    "Listing",
    "ListingRecord",
    "ListingVersion",
    "MatchState",
    "Upserted",
    "upsert_many",
]

MAX_KEYS = 10_000  # of one statement; SQLite takes 32,766 parameters
MATCH_LEASE = timedelta(minutes=10)  # after which a claimed version that nobody concluded is due again


@dataclass(frozen=True, slots=True)
class KnownListing:
    row_digest: str
    first_seen_at: datetime
    last_seen_at: datetime
    gone: bool


# --- what the crawler asks


def known_listings(session: Session, source_id: int, keys: Collection[str]) -> dict[str, KnownListing]:
    """Those of the keys that this source has had before."""
    columns = (Listing.key, Listing.row_digest, Listing.first_seen_at, Listing.last_seen_at, Listing.gone_at)
    asked = {stored_key(key): key for key in keys}
    return {
        asked[row.key]: KnownListing(
            row.row_digest, row.first_seen_at, row.last_seen_at, row.gone_at is not None
        )
        for mine in _keyed(source_id, asked)
        for row in session.execute(select(*columns).where(mine))
    }


def _keyed(source_id: int, keys: Collection[str]) -> Iterator[ColumnElement[bool]]:
    """The condition of these keys' listings, for as many keys at a time as a statement takes."""
    stored = [stored_key(key) for key in keys]
    for start in range(0, len(stored), MAX_KEYS):
        yield and_(Listing.source_id == source_id, Listing.key.in_(stored[start : start + MAX_KEYS]))


def listings_to_recheck(session: Session, source_id: int, limit: int) -> list[tuple[str, str]]:
    """(key, url) of the listings whose own page was read the longest ago, without those that are gone and
    without replies, which are read with their thread.
    """
    query = (
        select(Listing.key, Listing.url)
        .where(_listed(source_id))
        .order_by(Listing.checked_at, Listing.id)
        .limit(limit)
    )
    return [(row.key, row.url) for row in session.execute(query)]


def _listed(source_id: int) -> ColumnElement[bool]:
    """What the lists of a source should show: what is there and is no reply."""
    return and_(Listing.source_id == source_id, Listing.gone_at.is_(None), Listing.thread_key.is_(None))


def mark_seen(session: Session, source_id: int, keys: Collection[str], now: datetime) -> Sequence[int]:
    """On a list page again, with nothing new to read. Returns the ids of those that had been gone."""
    returned: list[int] = []
    for mine in _keyed(source_id, keys):
        gone = update(Listing).where(mine, Listing.gone_at.is_not(None))
        returned += session.scalars(gone.values(gone_at=None, life=Life.BACK).returning(Listing.id))
        session.execute(update(Listing).where(mine).values(last_seen_at=now))
    return returned


def newest_versions(session: Session, source_id: int, keys: Collection[str]) -> dict[str, ListingVersion]:
    """The version that each of the keys is at, with its listing."""
    query = select(ListingVersion).join(Listing).options(contains_eager(ListingVersion.listing))
    query = query.where(ListingVersion.number == Listing.version_number)
    asked = {stored_key(key): key for key in keys}
    return {
        asked[version.listing.key]: version
        for mine in _keyed(source_id, asked)
        for version in session.scalars(query.where(mine))
    }


def mark_recheck_failed(session: Session, source_id: int, keys: Collection[str], now: datetime) -> None:
    """Their own pages were asked for in vain: others have their turn at `listings_to_recheck` first."""
    for mine in _keyed(source_id, keys):
        session.execute(update(Listing).where(mine).values(checked_at=now))


def request_reread(session: Session, source_id: int, keys: Collection[str]) -> None:
    """Something of them was not read: the next list that shows their rows has them followed again."""
    for mine in _keyed(source_id, keys):
        session.execute(update(Listing).where(mine).values(row_digest=""))


def mark_read_whole(session: Session, source_id: int, digests: Mapping[str, str]) -> None:
    """Everything of them was read, as their rows were (`row_digest` by key)."""
    for key, digest in digests.items():
        mine = (Listing.source_id == source_id, Listing.key == stored_key(key))
        session.execute(update(Listing).where(*mine).values(row_digest=digest))


def mark_gone(session: Session, source_id: int, keys: Collection[str], now: datetime) -> Sequence[int]:
    """The site itself said so (404, 410). Returns the ids of those that were there until now.

    As after every failure of their own page, `row_digest` is empty: a list may go on showing their rows.
    """
    there: list[int] = []
    for mine in _keyed(source_id, keys):
        gone = update(Listing).where(mine, Listing.gone_at.is_(None)).values(gone_at=now, life=Life.GONE)
        there += session.scalars(gone.returning(Listing.id))
        session.execute(update(Listing).where(mine).values(checked_at=now, row_digest=""))
    return there


def count_absent(session: Session, source_id: int, *, seen_since: datetime) -> tuple[int, int]:
    """How many listings were not seen since then, of how many; those that are gone don't count."""
    unseen = func.count().filter(Listing.last_seen_at < seen_since)
    there = select(unseen, func.count()).where(_listed(source_id))
    row = session.execute(there).one()
    return row[0], row[1]


def copied_listings(session: Session, source_id: int, *, since: datetime) -> int:
    """Listings first seen since then whose text this source had before, under another key; no replies."""
    earlier = aliased(Listing)
    # Not one look for each: of 100,000 new ones that took an hour.
    before = select(earlier.content_digest).where(
        earlier.source_id == source_id, earlier.first_seen_at < since, earlier.content_digest != ""
    )
    new = select(func.count()).where(_listed(source_id), Listing.first_seen_at >= since)
    return session.scalar(new.where(Listing.content_digest.in_(before))) or 0


def mark_absent_gone(
    session: Session, source_id: int, *, seen_since: datetime, now: datetime
) -> Sequence[int]:
    """After a list was read to its end without an error: what was not seen since its start is gone."""
    absent = update(Listing).where(_listed(source_id), Listing.last_seen_at < seen_since)
    return session.scalars(absent.values(gone_at=now, life=Life.GONE).returning(Listing.id)).all()


# --- what a person asks


@dataclass(frozen=True, slots=True)
class ListingFilters:
    """What to leave out; None asks for nothing. Times are of when a listing was seen first."""

    source: str | None = None  # its name
    company: str | None = None  # its slug: listings that speak of it
    life: Life | None = None
    gone: bool | None = None
    since: datetime | None = None
    until: datetime | None = None
    seller: str | None = None
    currency: str | None = None
    min_price: Decimal | None = None  # of whatever currency; ask for one as well
    min_records: int | None = None
    below_id: int | None = None  # the last id of the page before


def search_listings(
    session: Session, query: str | None = None, *, filters: ListingFilters | None = None, limit: int = 50
) -> Sequence[Listing]:
    """Newest first, each with its source. Without a query: all that the filters leave."""
    found = select(Listing).options(joinedload(Listing.source)).order_by(Listing.id.desc()).limit(limit)
    found = found.where(*_conditions(filters or ListingFilters()))
    if query is not None:
        found = found.where(Listing.id.in_(fulltext.matching_listing_ids(session, query)))
    return session.scalars(found).all()


def _conditions(filters: ListingFilters) -> list[ColumnElement[bool]]:
    asked = {name: value for name, value in asdict(filters).items() if value is not None}
    return [CONDITIONS[name](value) for name, value in asked.items()]


CONDITIONS: dict[str, Callable[[Any], ColumnElement[bool]]] = {
    "source": lambda name: Listing.source.has(Source.name == name),
    "company": lambda slug: Listing.id.in_(
        select(MatchSummary.listing_id).join(Company).where(Company.slug == slug)
    ),
    "life": lambda life: Listing.life == life,
    "gone": lambda gone: Listing.gone_at.is_not(None) if gone else Listing.gone_at.is_(None),
    "since": lambda time: Listing.first_seen_at >= time,
    "until": lambda time: Listing.first_seen_at < time,
    "seller": lambda name: Listing.seller == name,
    "currency": lambda code: Listing.price_currency == code,
    # The price is text, so that it stays exact; for a comparison a float will do.
    "min_price": lambda least: cast(Listing.price_amount, Float) >= float(least),
    "min_records": lambda least: Listing.claimed_records >= least,
    "below_id": lambda last: Listing.id < last,
}


def recent_listings(session: Session, *, limit: int = 50) -> Sequence[Listing]:
    return search_listings(session, limit=limit)


def listing_by_id(session: Session, listing_id: int) -> Listing | None:
    """With its source."""
    return session.scalar(select(Listing).where(Listing.id == listing_id).options(joinedload(Listing.source)))


def listing_by_key(session: Session, source_id: int, key: str) -> Listing | None:
    return session.scalar(select(Listing).where(Listing.source_id == source_id, Listing.key == key))


def versions_of(session: Session, listing_id: int) -> Sequence[ListingVersion]:
    """Oldest first, with their attachments."""
    query = select(ListingVersion).where(ListingVersion.listing_id == listing_id)
    return session.scalars(
        query.options(selectinload(ListingVersion.attachments)).order_by(ListingVersion.number)
    ).all()


def version_by_id(session: Session, version_id: int) -> ListingVersion | None:
    """With its listing, the listing's source, and its attachments."""
    query = select(ListingVersion).where(ListingVersion.id == version_id)
    return session.scalar(
        query.options(
            joinedload(ListingVersion.listing).joinedload(Listing.source),
            selectinload(ListingVersion.attachments),
        )
    )


def latest_version(session: Session, listing_id: int) -> ListingVersion | None:
    """Like `version_by_id`, of what the listing says now."""
    latest = select(ListingVersion.id).join(Listing, Listing.id == ListingVersion.listing_id)
    found = session.scalar(
        latest.where(Listing.id == listing_id, ListingVersion.number == Listing.version_number)
    )
    return None if found is None else version_by_id(session, found)


def reposts_of(session: Session, listing_id: int) -> Sequence[Listing]:
    """All listings with the content of this one, the first of them first, each with its source."""
    root = select(func.coalesce(Listing.repost_of_id, Listing.id)).where(Listing.id == listing_id)
    original = root.scalar_subquery()
    query = select(Listing).where(or_(Listing.id == original, Listing.repost_of_id == original))
    return session.scalars(query.options(joinedload(Listing.source)).order_by(Listing.id)).all()


# --- what the matching asks


def versions_due_for_matching(session: Session, *, now: datetime, limit: int) -> Sequence[int]:
    """Ids of the versions that wait, oldest first."""
    waiting = select(ListingVersion.id).where(_waits(now))
    return session.scalars(waiting.order_by(ListingVersion.id).limit(limit)).all()


def claim_for_matching(session: Session, version_id: int, *, now: datetime) -> int | None:
    """The number of this attempt, from 1; None: the version is matched, or another is at it.

    A claim that nobody concludes ends after MATCH_LEASE, or at boot by `release_claims`.
    """
    waiting = update(ListingVersion).where(ListingVersion.id == version_id, _waits(now))
    claimed = waiting.values(
        match_attempts=ListingVersion.match_attempts + 1, match_not_before=now + MATCH_LEASE
    )
    return session.scalar(claimed.returning(ListingVersion.match_attempts))


def record_matching_failure(
    session: Session, version_id: int, *, reason: str, retry_at: datetime | None, now: datetime
) -> bool:
    """Tried again at `retry_at`; None: given up. False: it is no longer waiting."""
    waiting = update(ListingVersion).where(
        ListingVersion.id == version_id, ListingVersion.match_state == MatchState.PENDING
    )
    if retry_at is not None:
        return state_moved(session, waiting.values(match_reason=reason, match_not_before=retry_at))
    return state_moved(
        session, waiting.values(match_state=MatchState.FAILED, match_reason=reason, matched_at=now)
    )


def release_claims(session: Session) -> None:
    """At boot, under the daemon's lock: nobody is matching, so nothing has to wait for a lease to end."""
    pending = update(ListingVersion).where(ListingVersion.match_state == MatchState.PENDING)
    session.execute(pending.where(ListingVersion.match_not_before.is_not(None)).values(match_not_before=None))


def _waits(now: datetime) -> ColumnElement[bool]:
    not_before = ListingVersion.match_not_before
    return and_(
        ListingVersion.match_state == MatchState.PENDING, or_(not_before.is_(None), not_before <= now)
    )
